"""What an attacker may do, as a value: norm, radius, steps, pixel range. Imports no torch."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Literal, Self

from pydantic import ConfigDict, model_validator

from repro.core.errors import ReproError
from repro.core.spec import Frozen

if TYPE_CHECKING:
    from torch import Tensor

Norm = Literal["linf", "l2"]
AttackLoss = Literal["cross_entropy", "cw_margin", "joint"]
BatchNormMode = Literal["eval", "train"]
ROUNDING = 1e-6  # relative; a radius may be the diameter itself, computed in another order


class Bounds(Frozen):
    """The box of valid pixel values.

    Raises:
        ReproError: ``low`` is not below ``high``.
    """

    model_config = ConfigDict(allow_inf_nan=True)  # the check below says what is wrong

    low: float
    high: float

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.low < self.high:
            raise ReproError(
                f"bounds [{self.low:g}, {self.high:g}] are empty",
                remedy="give low < high, e.g. low 0 and high 1, or low -1 and high 1",
            )
        return self

    @property
    def finite(self) -> bool:
        """Whether the box ends on all sides; points, say, have none."""
        return isfinite(self.high - self.low)

    def clip(self, images: Tensor) -> Tensor:
        """Return ``images`` with every value moved to the nearest one inside the box."""
        return images.clamp(self.low, self.high)

    def ratio_to(self, other: Bounds) -> float:
        """Return the factor from a distance in this range to one in ``other`` (2 from [0,1] to [-1,1])."""
        return (other.high - other.low) / (self.high - self.low)

    def to(self, other: Bounds, images: Tensor) -> Tensor:
        """Return ``images`` of this range as images of the range ``other`` (affine, no clipping)."""
        return (images - self.low) * self.ratio_to(other) + other.low

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"


UNIT = Bounds(low=0.0, high=1.0)
SYMMETRIC = Bounds(low=-1.0, high=1.0)


class ThreatModel(Frozen):
    """An attacker's means. Distances are in units of ``bounds``.

    Attributes:
        norm: ``linf`` (largest change of a value) or ``l2`` (Euclidean length of an image's perturbation).
        radius: largest perturbation allowed.
        step_size: length of one step.
        steps: gradient steps per start.
        random_start: begin at a random point of the ball instead of at the image.
        restarts: number of starts; for each image the worst one counts.
        bounds: pixel range; the attack never leaves it.
        batch_norm_mode: mode of the network while it is attacked.
        loss: what is maximised; ``joint`` is Rob-GAN's real-or-fake plus class loss.
        targeted: the labels given to the attack are those that it aims at, and the loss is minimised.

    Raises:
        ReproError: negative radius or step size, a step of 0 in a radius above 0, a radius larger than the
            box (under L2 the attack sees that, which knows the images' size), fewer than one step or start,
            restarts without a random start.
    """

    model_config = ConfigDict(allow_inf_nan=True)  # the check below says what is wrong

    norm: Norm = "linf"
    radius: float
    step_size: float
    steps: int = 1
    random_start: bool = False
    restarts: int = 1
    bounds: Bounds = UNIT
    batch_norm_mode: BatchNormMode = "eval"
    loss: AttackLoss = "cross_entropy"
    targeted: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, value, least in (
            ("radius", self.radius, 0),
            ("step_size", self.step_size, 0),
            ("steps", self.steps, 1),
            ("restarts", self.restarts, 1),
        ):
            if not least <= value < float("inf"):
                raise ReproError(
                    f"threat model: {name} is {value:g}, must be finite and at least {least}",
                    remedy=f"give a {name} of at least {least}",
                )
        if self.radius and not self.step_size:
            raise ReproError(
                f"threat model: step_size is 0, so that nothing moves within the radius {self.radius:g}",
                remedy="give a step_size above 0, or radius 0",
            )
        if self.norm == "linf":
            self.check_reach(1)
        if self.restarts > 1 and self.batch_norm_mode == "train":
            raise ReproError(
                f"threat model: each image would keep the worst of {self.restarts} restarts, but under the "
                "batch's statistics a verdict is of a whole batch",
                remedy="set restarts to 1, or batch_norm_mode to eval",
            )
        if self.restarts > 1 and not self.random_start:
            raise ReproError(
                f"threat model: {self.restarts} restarts from the same point are one",
                remedy="set random_start, or restarts to 1",
            )
        return self

    def check_reach(self, values: int) -> None:
        """Refuse a radius larger than the box of an image of ``values`` values, in the norm's own measure.

        With such a radius any image may become any other, so that it was meant in another unit.

        Raises:
            ReproError: it is larger.
        """
        diameter = (self.bounds.high - self.bounds.low) * (values**0.5 if self.norm == "l2" else 1.0)
        if self.radius > diameter * (1 + ROUNDING):
            raise ReproError(
                f"threat model: {self.norm} radius {self.radius:g} exceeds the box {self.bounds}, "
                f"which is {diameter:g} across",
                remedy=f"give it in units of the box ({self.radius:g}/255?), or the bounds that it is of",
            )

    @classmethod
    def fast_gradient(
        cls,
        norm: Norm,
        radius: float,
        bounds: Bounds = UNIT,
        loss: AttackLoss = "cross_entropy",
        *,
        targeted: bool = False,
    ) -> ThreatModel:
        """Return the attacker of the fast gradient method: one step as long as the radius, from the image."""
        return cls(norm=norm, radius=radius, step_size=radius, bounds=bounds, loss=loss, targeted=targeted)

    def to(self, bounds: Bounds) -> ThreatModel:
        """Return the same attacker for images in ``bounds``: radius and step size scale with the range."""
        ratio = self.bounds.ratio_to(bounds)
        return self.model_copy(
            update={"radius": self.radius * ratio, "step_size": self.step_size * ratio, "bounds": bounds}
        )

    def describe(self) -> str:
        """Return one line for the header of a table."""
        norm = {"linf": "L-infinity", "l2": "L2"}[self.norm]
        loss = {"cross_entropy": "cross-entropy", "cw_margin": "CW margin", "joint": "joint loss"}[self.loss]
        scaled = self.bounds.finite and self.bounds != UNIT
        unit = f" ({self.to(UNIT).radius:g} in {UNIT})" if scaled else ""
        start = "random start" if self.random_start else "start at the image"
        return (
            f"{norm} radius {self.radius:g} in {self.bounds}{unit}, "
            f"{self.steps} step{'s' if self.steps != 1 else ''} of {self.step_size:g}, {start}, "
            f"{self.restarts} restart{'s' if self.restarts != 1 else ''}, {loss}, "
            f"batch norm in {self.batch_norm_mode} mode"
            + (", towards a given class" if self.targeted else "")
        )
