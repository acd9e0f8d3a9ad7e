"""Where a gradient penalty looks, and the gradient's norm there."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from repro.core.device import no_autocast
from repro.methods.regularisers.base import Regulariser, RegulariserOptions
from repro.models.labelled import of_side
from repro.models.modes import frozen_statistics

Points = Literal["interpolates", "real", "fake", "both"]


class PointOptions(RegulariserOptions):
    """Options of a penalty at points.

    Attributes:
        points: ``interpolates`` a * real + (1 - a) * fake with a ~ U[0, 1] for each image (WGAN-GP, Algorithm
            1), the ``real`` or ``fake`` images themselves, or ``both`` one after the other.
    """

    weight: float = 10.0
    points: Points = "interpolates"


class PenaltyAtPoints(Regulariser):
    """A penalty of D's slope at points that the option ``points`` chooses."""

    Options: ClassVar[type[RegulariserOptions]] = PointOptions
    options: PointOptions

    def draws(self) -> bool:
        """Interpolates are drawn."""
        return self.options.points == "interpolates"

    def points(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the points (M,3,H,W), constants, of batches of equal size (N,3,H,W)."""
        real, fake = real.detach(), fake.detach()
        if self.options.points == "real":
            return real
        if self.options.points == "fake":
            return fake
        if self.options.points == "both":
            return torch.cat([real, fake])
        shape = (len(real), *[1] * (real.dim() - 1))
        share = torch.rand(shape, generator=self.noise, device=real.device)
        return share * real + (1 - share) * fake

    def slopes(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Return grad_x D(x) at the points (M,3,H,W), differentiable a second time by the parameters.

        An interpolate has the class of its real image. Under batch normalisation a logit depends on the whole
        batch, and what is returned are the slopes of the sum of all logits.
        """
        side = self.options.points
        judge = of_side(discriminator, "real" if side == "interpolates" else side)
        points = self.points(real, fake).detach().requires_grad_()
        # D's running mean and variance are of what it is trained on
        with no_autocast(points.device), frozen_statistics(judge, spectral=False):
            # Second derivatives in bf16 lose most of their digits.
            (slope,) = torch.autograd.grad(judge(points).sum(), points, create_graph=True)
        return slope

    def squared_slopes(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Return |grad_x D(x)|^2 (M,) of the ``slopes``."""
        return self.slopes(discriminator, real, fake).flatten(1).square().sum(1)
