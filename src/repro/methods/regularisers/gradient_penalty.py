"""Gradient penalty of WGAN-GP (Gulrajani et al. 2017, Eq. 3): weight * E (|grad_x D(x)| - centre)^2.

DAT's Table III gives neither weight nor points; the defaults are those of WGAN-GP: weight 10, centre 1,
interpolates.
"""

from __future__ import annotations

from torch import Tensor, nn

from repro.methods.regularisers.points import PenaltyAtPoints, PointOptions

# The square root's own slope is infinite at 0, where dead ReLUs do put the gradient.
TINY = 1e-12


class GradientPenalty(PenaltyAtPoints):
    """Pulls the norm of the discriminator's input gradient to ``centre``."""

    class Options(PointOptions):
        """Options of the penalty: also ``centre``, the norm aimed at."""

        centre: float = 1.0

    options: Options

    def penalty(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Return the mean squared distance of the gradient's norm from ``centre``, 0-d."""
        norms = (self.squared_slopes(discriminator, real, fake) + TINY).sqrt()
        return self.excess(norms - self.options.centre).square().mean()

    def excess(self, distances: Tensor) -> Tensor:
        """Return what counts of the norms' distances from ``centre`` (N,): all."""
        return distances


REGULARISER = GradientPenalty
