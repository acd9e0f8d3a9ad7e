"""Accuracy under projected gradient descent over a grid of radii (Madry et al. 2018), in percent."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from repro.attacks.attack_mode import attack_mode
from repro.attacks.auto_attack import hides_gradients
from repro.attacks.execution import GRAPHED
from repro.attacks.network import Network
from repro.attacks.objective import image_gradient
from repro.attacks.pgd import PGD
from repro.attacks.threat_model import SYMMETRIC, UNIT, Bounds, Norm, ThreatModel
from repro.attacks.transfer import Transfer
from repro.core.errors import ReproError
from repro.core.spec import EvaluationSpec
from repro.core.timing import SplitWatch
from repro.data.catalogue import dataset_info
from repro.data.image_set import ImageSet
from repro.data.minibatches import in_order, scale
from repro.evaluate.accuracy import classified, correct
from repro.evaluate.context import Context
from repro.evaluate.planted import PlantedOptions, hits_of
from repro.evaluate.registry import Distinct, MeasureOptions, Values
from repro.evaluate.trained import Trained

Unit = Literal["model", "unit", "symmetric"]
INDIRECT = True  # may take its gradients from another run
VALUES = "accuracy accuracy_gap accuracy_of_gap_split planted_found planted_random planted_images"
_FRACTION = re.compile(r"radius\s*/\s*(?![0.]+$)(\d+(?:\.\d+)?)")


class Options(MeasureOptions, PlantedOptions):
    """The attacker, and what is attacked. Defaults: Rob-GAN's test attack (acc_under_attack.py).

    Attributes:
        norm: ``linf`` or ``l2``.
        radii: the grid; radius 0 is clean accuracy.
        unit: pixel range in which radii and step size are meant: ``model`` is the range that the method
            trains on, ``unit`` [0,1], ``symmetric`` [-1,1].
        steps: gradient steps per start.
        step_size: ``radius/5`` (any number) for a part of each radius, or a fixed length in ``unit``.
        random_start: begin at a random point of the ball.
        restarts: independent attacks on each image; it counts as right only if it withstands all of them.
        loss: what the attacker maximises: ``cross_entropy`` or ``cw_margin``.
        split: which images.
        gap_split: also attack these images (``train``, say) and give the gap between both accuracies.
        first: only so many of the split, the first ones; None: as many as the profile gives.
        batch_size: images attacked at once.
        planted: test the attack at the largest radius on so many images; see ``evaluate.planted``.
    """

    norm: Norm = "linf"
    radii: Annotated[tuple[float, ...], Distinct] = Field(default=(0.0, 0.01, 0.02, 0.03, 0.04), min_length=1)
    unit: Unit = "model"
    steps: int = Field(default=20, ge=1)
    step_size: str | float = "radius/5"
    random_start: bool = False
    restarts: int = Field(default=1, ge=1)
    loss: Literal["cross_entropy", "cw_margin"] = "cross_entropy"
    split: str = "test"
    gap_split: str | None = None
    first: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=250, ge=1)

    @field_validator("step_size")
    @classmethod
    def _check(cls, value: str | float) -> str | float:
        if isinstance(value, str) and not _FRACTION.fullmatch(value):
            raise ValueError('give a number, or a part of the radius such as "radius/5"')
        return value

    def check(self, spec: EvaluationSpec) -> None:
        """Check that no radius exceeds the box of the data set's images.

        Raises:
            ReproError: one does, or is negative; or the test of the attack is asked for where there is none.
        """
        check_radii(self.threat_model, self.radii, spec)
        if self.planted and (spec.surrogate or not max(self.radii)):
            raise ReproError(
                "only an attack by the network's own gradients can be asked to find planted images",
                remedy="leave out the option planted, or the surrogate, or give a radius above 0",
            )

    def threat_model(self, radius: float, bounds: tuple[float, float]) -> ThreatModel:
        """Return the attacker at one radius, in units of the model's own pixel range ``bounds``."""
        own = Bounds(low=bounds[0], high=bounds[1])
        part = _FRACTION.fullmatch(self.step_size) if isinstance(self.step_size, str) else None
        step = radius / float(part[1]) if part else float(self.step_size)
        stated = ThreatModel(
            norm=self.norm,
            radius=radius,
            step_size=step,
            steps=self.steps,
            random_start=self.random_start,
            restarts=self.restarts,
            bounds=stated_bounds(self.unit, own),
            loss=self.loss,
        )
        return stated.to(own)


def check_radii(
    threat_model: Callable[[float, tuple[float, float]], ThreatModel],
    radii: tuple[float, ...],
    spec: EvaluationSpec,
) -> None:
    """Check radii before anything runs; of a model's own range only that it is at most [-1,1] is known."""
    info = dataset_info(spec.dataset)
    for radius in radii:
        threat_model(radius, (SYMMETRIC.low, SYMMETRIC.high)).check_reach(
            info.channels * info.height * info.width
        )


def stated_bounds(unit: Unit, own: Bounds) -> Bounds:
    """Return the pixel range in which an option of ``unit`` is meant; ``own`` is the model's."""
    return {"model": own, "unit": UNIT, "symmetric": SYMMETRIC}[unit]


def withstands(
    network: nn.Module,
    data: ImageSet,
    threat: ThreatModel,
    *,
    starts: torch.Generator,
    batch_size: int,
    surrogate: nn.Module | None = None,
    watch: SplitWatch | None = None,
) -> Tensor:
    """Return for each image whether the network still gets it right after the attack, bool (N,).

    With several restarts the attack keeps each image's worst result, so this is right after every restart.

    Args:
        network: images in ``threat.bounds`` to class logits, in eval mode.
        data: images and labels, on the network's device.
        threat: the attacker.
        starts: source of random starts.
        batch_size: images attacked at once.
        surrogate: the network whose gradients an indirect attack uses; None: the attacked one's own.
        watch: where the time of network and kernel is added up.
    """
    bounds = (threat.bounds.low, threat.bounds.high)
    if threat.radius == 0:
        return correct(network, data, bounds, batch_size)
    how: dict[str, Any] = {"threat": threat, "generator": starts, "execution": GRAPHED, "watch": watch}
    how["model"] = network
    attack = PGD(**how) if surrogate is None else Transfer(surrogate=surrogate, **how)
    parts = []
    for images, labels in in_order(data, batch_size, bounds):
        attacked = attack(images, labels)
        parts.append(classified(network, attacked) == labels)
    return torch.cat(parts)


def without_gradient(network: nn.Module, data: ImageSet, threat: ThreatModel, batch_size: int) -> float:
    """Return the percentage of the rightly classified images at which the attack's gradient is exactly 0.

    Where the softmax has saturated, which in half precision happens early, an attack has no direction and an
    image passes for robust.

    Args:
        network: images in ``threat.bounds`` to class logits, in eval mode.
        data: images and labels, on the network's device.
        threat: its bounds and loss count.
        batch_size: images at once.
    """
    right, none = [], []
    with attack_mode(network):
        for images, labels in in_order(data, batch_size, (threat.bounds.low, threat.bounds.high)):
            right.append(classified(network, images) == labels)
            slopes = image_gradient(Network(network), images, labels, threat.loss)
            none.append((slopes == 0).flatten(1).all(dim=1))
    shown = torch.cat(none)[torch.cat(right)]
    return 100.0 * int(shown.sum()) / max(1, len(shown))


def _surrogate(context: Context, bounds: tuple[float, float]) -> nn.Module | None:
    """Return the surrogate's classifier, if the attack is indirect.

    Raises:
        ReproError: it takes images in another pixel range than the network under attack.
    """
    surrogate = context.surrogate()
    if surrogate is None:
        return None
    if surrogate.method.bounds != bounds:
        raise ReproError(
            f"run {surrogate.spec.run_id} takes pixels in {surrogate.method.bounds}, not in {bounds}",
            remedy="name a surrogate that trains on the same pixel range",
        )
    return surrogate.method.classifier()


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return ``accuracy@R`` in percent for each radius R (written as in the options, with ``%g``).

    With a ``gap_split`` also ``accuracy_of_gap_split@R``, and ``accuracy_gap@R``, how much higher that is.
    With ``planted``, for the largest R, ``planted_found@R`` and ``planted_random@R``, the percentages of
    planted images that the attack and as many random points find, of ``planted_images@R``; and the flag
    ``planted_missed`` where the attack finds too few. The flag ``vanishing_gradients`` says that a direct
    attack has no gradient (``without_gradient``) at as many images as make AutoAttack's audit say so.

    Raises:
        ReproError: the run has no classifier, the split does not exist, or a radius is negative.
    """
    network, bounds = trained.method.classifier(), trained.method.bounds
    models = {radius: options.threat_model(radius, bounds) for radius in options.radii}
    largest = models[max(options.radii)]
    grid = ", ".join(f"{radius:g}" for radius in options.radii)
    source = _surrogate(context, bounds)
    indirect = f"gradients of run {context.spec.surrogate}; " if source else ""
    context.threat_model = (
        f"{indirect}radii {grid} in {stated_bounds(options.unit, largest.bounds)}; "
        f"at the largest: {largest.describe()}"
    )

    @cache  # a part of a split is fingerprinted, which is not worth it at each radius
    def attacked(split: str) -> ImageSet:
        data = context.labelled(split)
        return data.first(options.first or len(data))

    def accuracy(split: str, radius: float, threat: ThreatModel) -> float:
        hits = withstands(
            network,
            attacked(split),
            threat,
            starts=context.generator(f"attack_start/{radius:g}"),
            batch_size=options.batch_size,
            surrogate=source,
            watch=context.watch,
        )
        return 100.0 * hits.double().mean().item()

    values = {}
    for radius, threat in models.items():
        values[f"accuracy@{radius:g}"] = accuracy(options.split, radius, threat)
        if options.gap_split is not None:
            other = accuracy(options.gap_split, radius, threat)
            values[f"accuracy_of_gap_split@{radius:g}"] = other
            values[f"accuracy_gap@{radius:g}"] = other - values[f"accuracy@{radius:g}"]
    if source is None and largest.radius:
        none = without_gradient(network, attacked(options.split), largest, options.batch_size)
        if hides_gradients(none):
            context.flags.add("vanishing_gradients")
    return values | _test_of_attack(network, largest, context, options)


def _test_of_attack(network: nn.Module, threat: ThreatModel, context: Context, options: Options) -> Values:
    """Return how the attack does at planted images, if that is asked for."""
    if options.planted is None:
        return {}
    data, bounds = context.images(options.split), (threat.bounds.low, threat.bounds.high)
    images = scale(data.first(min(options.planted, len(data))).images, bounds)
    starts, points = (context.generator(name) for name in ("attack_start/planted", "planted"))
    parts = torch.split(images, options.batch_size)
    streams: dict[str, Any] = {"starts": starts, "points": points, "watch": context.watch}
    hits = [hits_of(network, part, threat, options, **streams) for part in parts]
    tested, at = torch.cat(hits, dim=1).double(), f"@{max(options.radii):g}"
    if not tested.shape[1]:
        return {f"planted_images{at}": 0.0}
    found, drawn = tested.mean(dim=1).tolist()
    if found < options.planted_passes:
        context.flags.add("planted_missed")
    return {
        f"planted_found{at}": 100 * found,
        f"planted_random{at}": 100 * drawn,
        f"planted_images{at}": float(tested.shape[1]),
    }
