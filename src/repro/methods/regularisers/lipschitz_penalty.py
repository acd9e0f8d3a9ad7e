"""Lipschitz penalty of WGAN-LP (Petzka et al. 2018, Eq. 7): weight * E max(0, |grad_x D(x)| - centre)^2.

The gradient penalty's upper side alone: slopes below ``centre`` cost nothing. DAT's Table III gives neither
weight nor points; the defaults are those of the gradient penalty.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from repro.methods.regularisers.base import Regulariser, RegulariserOptions
from repro.methods.regularisers.gradient_penalty import TINY
from repro.methods.regularisers.points import Points, penalty_points, squared_slopes


class LipschitzPenalty(Regulariser):
    """Pushes the norm of the discriminator's input gradient below ``centre``."""

    class Options(RegulariserOptions):
        """Options of the penalty: also ``centre``, the norm allowed, and ``points``, where it is taken."""

        weight: float = 10.0
        centre: float = 1.0
        points: Points = "interpolates"

    options: Options

    def penalty(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Return the mean squared excess of the gradient's norm over ``centre``, 0-d."""
        points = penalty_points(self.options.points, real, fake, self.noise)
        norms = (squared_slopes(discriminator, points) + TINY).sqrt()
        return F.relu(norms - self.options.centre).square().mean()


REGULARISER = LipschitzPenalty
