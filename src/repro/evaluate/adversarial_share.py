"""Share of generated samples that have an adversarial twin, over the training (DAT, Figs. 1 and 8).

A twin of G(z) that D calls fake is an image within the radius that D calls real: in Sec. I another
generated one, G(z'), here also any image at all. How either is searched is not said in the paper: ledger
dat.figure1_search. A share is a lower bound, since a better search may find more.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from repro.attacks.execution import GRAPHED
from repro.attacks.pgd import PGD
from repro.attacks.threat_model import Bounds, Norm, ThreatModel
from repro.attacks.twins import TwinSearch, latent_twins
from repro.attacks.two_classes import FAKE, REAL, TwoClasses
from repro.core.errors import ReproError
from repro.core.options import Beside
from repro.core.spec import EvaluationSpec
from repro.core.timing import SplitWatch
from repro.evaluate.context import Context
from repro.evaluate.decision import VerdictOptions, two_classes
from repro.evaluate.registry import Values
from repro.evaluate.robust_accuracy import check_radii
from repro.evaluate.snapshots import over_training
from repro.evaluate.trained import Trained

VALUES = "adversarial_share called_fake recall second_share"
SNAPSHOTS = True


class Options(VerdictOptions):
    """What counts as a twin, and how it is searched; D's verdict as in ``decision.py``.

    Attributes:
        space: ``latent`` for another generated image (Sec. I), ``image`` for any image.
        norm: of the distance, ``linf`` or ``l2``.
        radius: largest distance in the model's own pixel range, here [-1,1] (Figs. 1 and 8: 0.1).
        steps, step, starts: budget; ``step`` is the length of a step in the image as a share of the radius,
            in the latent of the first one (see ``attacks/twins.py``).
        of: ``called_fake`` counts among samples that D calls fake, which alone can have a twin; ``all``
            among all samples.
        samples: number of samples at each snapshot.
        checked: so many of them are searched a second time, from a random start, which tells how much the
            first search misses.
    """

    effective_with: ClassVar[Beside] = {"split": ("threshold", ("midpoint",))}

    space: Literal["latent", "image"] = "latent"
    norm: Norm = "linf"
    radius: float = Field(default=0.1, gt=0)
    steps: int = Field(default=20, ge=1)
    step: float = Field(default=0.25, gt=0)
    starts: int = Field(default=1, ge=1)
    of: Literal["called_fake", "all"] = "called_fake"
    samples: int = Field(default=500, ge=1)
    checked: int = Field(default=100, ge=0)

    def check(self, spec: EvaluationSpec) -> None:
        """Check that the radius of an attack on images does not exceed their box.

        Raises:
            ReproError: it does.
        """
        if self.space == "image":
            check_radii(lambda _, bounds: self.threat_model(bounds), (self.radius,), spec)

    def reads(self, spec: EvaluationSpec) -> list[tuple[str, int | None]]:
        """Return the real images, which only the midpoint asks for."""
        return super().reads(spec) if self.threshold == "midpoint" else []

    def search(self) -> TwinSearch:
        """Return the search in the latent."""
        return TwinSearch(
            norm=self.norm, delta=self.radius, steps=self.steps, step=self.step, starts=self.starts
        )

    def threat_model(self, bounds: tuple[float, float], *, random_start: bool = False) -> ThreatModel:
        """Return the attacker that searches among all images."""
        return ThreatModel(
            norm=self.norm,
            radius=self.radius,
            step_size=self.step * self.radius,
            steps=self.steps,
            random_start=random_start or self.starts > 1,
            restarts=self.starts,
            bounds=Bounds(low=bounds[0], high=bounds[1]),
            loss="cw_margin",
        )

    def describe(self, bounds: tuple[float, float]) -> str:
        """Return one line for the header of a table."""
        if self.space == "image":
            return self.threat_model(bounds).describe() + " (any image is a twin)"
        norm = {"linf": "L-infinity", "l2": "L2"}[self.norm]
        return (
            f"another latent whose image lies within {norm} {self.radius:g} in "
            f"[{bounds[0]:g}, {bounds[1]:g}], {self.steps} steps up D's output from "
            f"{self.starts} start{'s' if self.starts > 1 else ''}, "
            f"the first step moving the image by {self.step:g} of that"
        )


def has_twin(
    trained: Trained,
    network: TwoClasses,
    latents: Tensor,
    options: Options,
    starts: torch.Generator,
    watch: SplitWatch,
    *,
    random_start: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return which samples D calls fake, and which of these have a twin; both bool (N,)."""
    generator, bounds = trained.method.generator().eval(), trained.method.bounds
    fakes, twins = [], []
    for part in torch.split(latents, options.batch_size):
        with torch.no_grad():
            images = generator(part).float()
            fake = network.verdicts(images) == FAKE
        if options.space == "latent":
            with watch.part("attack"):
                found, _ = latent_twins(
                    lambda z: generator(z).float(),
                    network,
                    part,
                    options.search(),
                    starts,
                    random_start=random_start,
                )
        else:
            threat = options.threat_model(bounds, random_start=random_start)
            attack = PGD(model=network, threat=threat, generator=starts, execution=GRAPHED, watch=watch)
            attacked = attack(images, torch.full((len(part),), FAKE, device=images.device))
            with torch.no_grad():
                found = network.verdicts(attacked) == REAL
        fakes.append(fake)
        twins.append(found & fake)
    return torch.cat(fakes), torch.cat(twins)


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return ``adversarial_share@10%`` and so on, by share of the training, in percent (see ``of``).

    Also ``called_fake@10%``, the percentage of samples that D calls fake at all. Where it calls none fake,
    none can have a twin and the share is 0. Every snapshot is shown the same latents. Of the ``checked``
    samples ``second_share@10%`` is the share that a second search finds a twin of, and ``recall@10%`` the
    percentage of these that the first one found too (100 where the second finds none): an estimate of how
    many of the twins that exist it finds, on the high side where both fail at the same samples.

    Raises:
        ReproError: the run left no snapshots, these hold no discriminator, or the generator knows classes.
    """
    method = trained.method
    generator = method.generator()
    if int(generator.n_classes):  # type: ignore[arg-type]
        raise ReproError(
            "twins are searched among samples of an unconditional generator, and this one knows classes",
            remedy="name a run of an unconditional GAN",
        )
    context.threat_model = options.describe(method.bounds)
    stream = context.generator("latent")
    n = options.samples
    latents = torch.randn(n, int(generator.latent_dim), generator=stream, device=stream.device)  # type: ignore[arg-type]
    latents = latents.to(context.device)

    def shares() -> Values:
        network = two_classes(method, context, options)
        starts, watch = context.generator("attack_start"), context.watch
        fake, twin = has_twin(trained, network, latents, options, starts, watch)
        found = {"adversarial_share": share_of(twin, fake, options), "called_fake": percent(fake)}
        if options.checked:
            first = slice(options.checked)
            _, again = has_twin(
                trained,
                network,
                latents[first],
                options,
                context.generator("second_start"),
                watch,
                random_start=True,
            )
            found["second_share"] = share_of(again, fake[first], options)
            found["recall"] = percent(twin[first][again]) if again.any() else 100.0
        return found

    return over_training(trained, shares, needs=("generator", "discriminator"))


def percent(which: Tensor) -> float:
    """Return the percentage of True."""
    return 100.0 * int(which.sum()) / len(which)


def share_of(twin: Tensor, fake: Tensor, options: Options) -> float:
    """Return the share with a twin, in percent, among what ``of`` says."""
    among = int(fake.sum()) if options.of == "called_fake" else len(fake)
    return 100.0 * int(twin.sum()) / max(1, among)
