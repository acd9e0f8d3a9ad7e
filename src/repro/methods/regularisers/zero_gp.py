"""Zero-centred gradient penalty (0-GP; Mescheder et al. 2018, Eq. 9): weight * E |grad_x D(x)|^2.

DAT's Table III gives neither weight nor points; its Sec. II-B speaks of real or fake images. Defaults: weight
10,
real images (Mescheder's R1 has weight gamma / 2 with gamma = 10).
"""

from __future__ import annotations

from torch import Tensor, nn

from repro.methods.regularisers.base import Regulariser, RegulariserOptions
from repro.methods.regularisers.points import Points, penalty_points, squared_slopes


class ZeroGradientPenalty(Regulariser):
    """Pulls the discriminator's input gradient to zero."""

    class Options(RegulariserOptions):
        """Options of the penalty: also ``points``, where the gradient is taken."""

        weight: float = 10.0
        points: Points = "real"

    options: Options

    def penalty(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Return the mean squared norm of the gradient, 0-d; with ``both``, the sum of the two means."""
        points = penalty_points(self.options.points, real, fake, self.noise)
        mean = squared_slopes(discriminator, points).mean()
        return 2 * mean if self.options.points == "both" else mean


REGULARISER = ZeroGradientPenalty
