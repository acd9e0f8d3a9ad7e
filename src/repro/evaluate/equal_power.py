"""GAT's generator against fast gradient attacks of the same power (GAT, Sec. 4.2 and Figure 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from repro.attacks.attack_mode import attack_mode
from repro.attacks.fast_gradient import FGL2, FGSM
from repro.attacks.threat_model import UNIT
from repro.core.errors import ReproError
from repro.core.timing import SplitWatch
from repro.data.image_set import ImageSet
from repro.data.minibatches import in_order
from repro.evaluate.accuracy import classified, correct
from repro.evaluate.context import Context
from repro.evaluate.perturbation_grid import draw_perturbations
from repro.evaluate.registry import MeasureOptions, Values
from repro.evaluate.snapshots import over_training
from repro.evaluate.trained import Trained
from repro.methods.perturber import Perturber
from repro.methods.random_perturbation import of_length

RANGE = (UNIT.low, UNIT.high)

Power = Literal["mean_norm", "root_mean_square"]


class Options(MeasureOptions):
    """What power is, and which images are attacked.

    Attributes:
        power: ``mean_norm`` is the mean over the images of the perturbation's Euclidean length,
            ``root_mean_square`` the root of its mean square; the paper does not say which.
        split: which images.
        batch_size: images attacked at once.
        shown: of so many images a picture shows x, Delta, G(Delta) and x + G(Delta); 0 for none.
        over_training: measure the run's snapshots too.
    """

    power: Power = "mean_norm"
    split: str = "test"
    batch_size: int = Field(default=250, ge=1)
    shown: int = Field(default=8, ge=0)
    over_training: bool = False


def mean_power(lengths: Tensor, power: Power) -> float:
    """Return the power of perturbations of the given Euclidean ``lengths`` (N,)."""
    lengths = lengths.double()
    mean = lengths.mean() if power == "mean_norm" else lengths.square().mean().sqrt()
    return float(mean)


def _attacked(
    network: nn.Module,
    data: ImageSet,
    attack: Callable[[Tensor, Tensor], Tensor],
    options: Options,
    watch: SplitWatch,
) -> tuple[float, float]:
    """Return accuracy in percent under ``attack``, and its power."""
    hits, lengths = [], []
    for images, labels in in_order(data, options.batch_size, RANGE):
        with watch.part("attack"):
            attacked = attack(images, labels)
        lengths.append((attacked - images).flatten(1).norm(dim=1))
        hits.append(classified(network, attacked) == labels)
    accuracy = 100.0 * torch.cat(hits).double().mean().item()
    return accuracy, mean_power(torch.cat(lengths), options.power)


def _rivals(method: Perturber, data: ImageSet, context: Context, options: Options) -> Values:
    """Return accuracies and powers of G and its rivals against the weights that ``method`` holds."""
    network, clip, noise = method.classifier(), method.options.clip, context.generator("noise")
    clean = correct(network, data, RANGE, options.batch_size)
    values: Values = {"accuracy_clean": 100.0 * clean.double().mean().item()}
    values["accuracy"], power = _attacked(network, data, method.attack(), options, context.watch)
    values["power"] = power

    def noisy(images: Tensor, labels: Tensor) -> Tensor:
        drawn = torch.randn(images.shape, generator=noise, device=images.device)
        attacked = images + of_length(drawn, "gaussian", power)
        return UNIT.clip(attacked) if clip else attacked

    rivals: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "l2": FGL2(model=network, radius=power, clip=clip),
        # all pixels move by the same in FG (L-infinity)
        "linf": FGSM(model=network, radius=power / data.images[0].numel() ** 0.5, clip=clip),
        "noise": noisy,
    }
    for name, rival in rivals.items():
        values[f"accuracy_{name}"], values[f"power_{name}"] = _attacked(
            network, data, rival, options, context.watch
        )
    return values


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return ``power``, ``accuracy`` under G, and that under its rivals (``l2``, ``linf``, ``noise``) at it.

    Theirs are ``accuracy_l2`` and so on, ``accuracy_clean`` is without attack; ``power_l2`` and so on are
    what the rivals came to, a little less where clipping or a vanished gradient took some;
    ``picture_factor`` is how many times ``grid.png`` enlarges G(Delta). With ``over_training`` the same of
    each snapshot, by share of the training, as ``power@10%``; where the best epoch is kept, the last
    snapshot and all after an early stop hold its weights.

    Raises:
        ReproError: the run has no such generator, or the split does not exist.
    """
    method = trained.method
    if not isinstance(method, Perturber):
        raise ReproError(
            f"run {trained.spec.run_id} has no generator of perturbations",
            remedy="measure equal_power of a run of gat_attack or gat",
        )
    data = context.labelled(options.split)
    values = _rivals(method, data, context, options)
    if options.shown:
        images, labels = next(in_order(data.first(options.shown), options.shown, RANGE))
        with attack_mode(method.network), attack_mode(method.perturber):
            delta = method.delta(images, labels)
            with torch.no_grad():
                perturbations = method.perturb(delta)
        path = context.pictures / "grid.png"
        values["picture_factor"] = draw_perturbations(path, images, delta, perturbations)
    if options.over_training:
        values |= over_training(
            trained,
            lambda: _rivals(method, data, context, options),
            needs=("classifier", "perturber"),
        )
    power, clip = values["power"], method.options.clip
    context.threat_model = (
        f"perturbations of one power, {options.power} {power:.4g} in [0, 1]: G(Delta), one L2 step of "
        f"{power:.4g}, one L-infinity step of {power / data.images[0].numel() ** 0.5:.4g}, Gaussian noise of "
        f"length {power:.4g}; {'' if clip else 'not '}clipped"
    )
    return values
