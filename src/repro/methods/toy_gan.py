"""DAT's toy GAN (Sec. IV-A, Fig. 3): nine Gaussians on the plane, drawn afresh for every batch."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from torch import Tensor

from repro.core.errors import ReproError
from repro.data.gaussians import Mixture, Spread, sample_gaussians
from repro.methods.gan_base import GanMethod
from repro.methods.gan_options import GanOptions
from repro.methods.losses import LossName
from repro.methods.options import MethodOptions


class PlaneOptions(GanOptions):
    """Options of a GAN on points. DAT gives layers and units only; the rest: ledger dat.toy_network.

    Attributes:
        mixture: ``balanced`` or ``imbalanced`` weights of the nine Gaussians.
        spread: whether the paper's 0.1 is their variance (as printed) or their standard deviation.
    """

    networks: ClassVar[tuple[str, ...]] = ("POINT_GAN",)

    network: str = "mlp"
    loss: LossName = "non_saturating"
    n_dis: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    beta1: float = Field(default=0.5, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    decay: Literal["none", "linear"] = "none"

    mixture: Mixture = "balanced"
    spread: Spread = "variance"

    @model_validator(mode="after")
    def _plane(self) -> Self:
        if self.flip or self.crop_padding or self.crop_area:
            raise ValueError("flips and crops are for images, and the toy data are points")
        return self


class PlaneData(GanMethod):
    """Takes real points from the mixture instead of images from a data set, for a GAN plain or perturbed."""

    bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    options: PlaneOptions

    def open_data(self) -> None:
        """Open nothing: the mixture is drawn without end."""
        if self.image_size():
            raise ReproError(
                f"method {self.spec.method} takes points, not images of {self.image_size()} px",
                remedy="use the data set gaussians, or a method for images",
            )

    def real_batch(self) -> tuple[Tensor, Tensor]:
        """Return fresh real points (N,2) and the component that each is of (N,), int64."""
        points, components = sample_gaussians(
            self.spec.batch_size,
            self.streams.generator("data_order"),
            mixture=self.options.mixture,
            spread=self.options.spread,
        )
        return points.to(self.device), components.to(self.device)


class ToyGan(PlaneData):
    """The plain GAN on points."""

    Options: ClassVar[type[MethodOptions]] = PlaneOptions


METHOD = ToyGan
