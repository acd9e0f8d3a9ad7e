"""Iterations of PGD until a discriminator changes its verdict, of real and generated images (DAT, Fig. 9).

The text (Sec. IV-D) gives averages of "average iterations for successfully attacking a discriminator" and
neither norm nor step size: ledger dat.figure9_attack.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from repro.attacks.flips import Flips, iterations_to_flip
from repro.attacks.threat_model import Bounds, Norm, ThreatModel
from repro.attacks.two_classes import FAKE, REAL, TwoClasses
from repro.core.errors import ReproError
from repro.core.timing import SplitWatch
from repro.core.vision import torchvision
from repro.data.minibatches import scale, to_uint8
from repro.evaluate.context import Context
from repro.evaluate.decision import VerdictOptions, two_classes
from repro.evaluate.picture import picture_of, write_png
from repro.evaluate.registry import Values
from repro.evaluate.trained import Trained

KINDS = ("real", "generated")


class Options(VerdictOptions):
    """The attack, and what is attacked; D's verdict as in ``decision.py``.

    Attributes:
        norm: of a step, ``linf`` or ``l2``.
        step_size: length of a step in the model's own pixel range, here [-1,1] (2/255 is one grey level).
        largest: iterations after which an image counts as not flipped; the mean takes it at this number.
        attacked: ``any`` image, away from D's verdict whatever it is; ``judged_right`` only real images that
            D calls real and generated ones that it calls fake.
        images: number of images of each kind, unless the split or the profile has fewer.
        bins: iterations that the histogram shows one by one.
        examples: generated images that ``examples.png`` shows, the first ones drawn; 0 for no picture.
    """

    norm: Norm = "linf"
    step_size: float = Field(default=2 / 255, gt=0)
    largest: int = Field(default=50, ge=1)
    attacked: Literal["any", "judged_right"] = "any"
    images: int = Field(default=1000, ge=1)
    bins: int = Field(default=10, ge=1)
    examples: int = Field(default=8, ge=0)

    def threat_model(self, bounds: tuple[float, float], values: int) -> ThreatModel:
        """Return the attacker; it may go anywhere in the box of an image of ``values`` values."""
        size = bounds[1] - bounds[0]
        return ThreatModel(
            norm=self.norm,
            radius=size if self.norm == "linf" else size * values**0.5,
            step_size=self.step_size,
            steps=self.largest,
            bounds=Bounds(low=bounds[0], high=bounds[1]),
            loss="cw_margin",
        )


def attack(
    network: TwoClasses, images: Tensor, threat: ThreatModel, batch_size: int, watch: SplitWatch
) -> Flips:
    """Attack images in batches."""
    parts = [iterations_to_flip(network, part, threat, watch) for part in torch.split(images, batch_size)]
    return Flips(*(torch.cat(column) for column in zip(*parts, strict=True)))


def statistics(kind: str, flips: Flips, options: Options) -> Values:
    """Return the mean, the percentage that flipped, and the histogram of one kind of images."""
    n = len(flips.iterations)
    values = {
        kind: flips.iterations.double().mean().item(),
        f"{kind}_flipped": 100.0 * int(flips.flipped.sum()) / n,
    }
    within = torch.where(flips.flipped, flips.iterations, options.bins + 1).clamp_max(options.bins + 1)
    counts = torch.bincount(within, minlength=options.bins + 2).tolist()
    for k in range(1, options.bins + 1):
        values[f"{kind}@{k}"] = 100.0 * counts[k] / n
    return {**values, f"{kind}@more": 100.0 * counts[-1] / n}


def draw_examples(images: Tensor, attacked: Tensor, context: Context, bounds: tuple[float, float]) -> None:
    """Write ``examples.png``: generated images, below them flipped, below these ten times the difference.

    Only generated images are shown, so that no data set's images end up in a picture.
    """
    difference = 10 * (attacked - images) + (bounds[0] + bounds[1]) / 2
    grid = torchvision.utils.make_grid(
        to_uint8(torch.cat((images, attacked, difference)), bounds), nrow=len(images), pad_value=255
    )
    write_png(picture_of(grid), context.pictures / "examples.png")


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return for ``real`` and ``generated`` images the mean number of iterations, and how it is spread.

    ``real``, ``real_flipped`` (percent within ``largest``), ``real@1`` and so on (percent that flip at that
    iteration), ``real@more`` (later or never), ``real_judged_right`` (percent); the same of ``generated``.

    Raises:
        ReproError: the run has no generator or discriminator, or D judges no image of a kind rightly where
            only those are to be attacked.
    """
    method, bounds = trained.method, trained.method.bounds
    network = two_classes(method, context, options)
    real = scale(context.images(options.split).first(options.images).images, bounds)
    fake = method.sample(len(real), context.generator("latent")).clamp(*bounds)
    if len(real) < options.images:
        context.stand_ins.add("reduced_budget")
    threat = options.threat_model(bounds, real[0].numel())
    context.threat_model = threat.describe() + ", until the verdict flips"
    values: Values = {}
    for kind, images, right in zip(KINDS, (real, fake), (REAL, FAKE), strict=True):
        with torch.no_grad():
            parts = torch.split(images, options.batch_size)
            judged_right = torch.cat([network.verdicts(part) for part in parts]) == right
        values[f"{kind}_judged_right"] = 100.0 * judged_right.double().mean().item()
        if options.attacked == "judged_right":
            images = images[judged_right]
        if not len(images):
            raise ReproError(
                f"the discriminator of run {trained.spec.run_id} judges no {kind} image rightly",
                remedy="set attacked: any, which attacks each image away from the verdict on it",
            )
        flips = attack(network, images, threat, options.batch_size, context.watch)
        values |= statistics(kind, flips, options)
        if kind == "generated" and options.examples:
            draw_examples(images[: options.examples], flips.attacked[: options.examples], context, bounds)
    return values
