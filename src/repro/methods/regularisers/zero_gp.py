"""Zero-centred gradient penalty (0-GP; Mescheder et al. 2018, Eq. 9): weight * E |grad_x D(x)|^2.

DAT's Table III gives neither weight nor points; its Sec. II-B speaks of real or fake images. Defaults: weight
10, real images (Mescheder's R1 has weight gamma / 2 with gamma = 10).
"""

from __future__ import annotations

from torch import Tensor, nn

from repro.methods.regularisers.points import PenaltyAtPoints, PointOptions, Points


class ZeroGradientPenalty(PenaltyAtPoints):
    """Pulls the discriminator's input gradient to zero."""

    class Options(PointOptions):
        """Options of the penalty."""

        points: Points = "real"

    options: Options

    def penalty(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Return the mean squared norm of the gradient, 0-d; with ``both``, the sum of the two means."""
        mean = self.squared_slopes(discriminator, real, fake).mean()
        return 2 * mean if self.options.points == "both" else mean


REGULARISER = ZeroGradientPenalty
