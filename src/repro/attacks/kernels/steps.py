"""One step of projected gradient descent: along a gradient, back into the ball, then into the box; in place.

Arguments of both: ``attacked`` current points (N, ...), written; ``images`` centres of the balls and
``gradient``, same shape; ``step_size`` negative to go down; ``radius`` at least 0; ``low`` and ``high`` the
edges of the box, infinite for none.
"""

from __future__ import annotations

from torch import Tensor

from repro.attacks.kernels.dispatch import fused_or
from repro.attacks.kernels.unit_direction import TINY, lengths, per_image, plain_unit_direction


@fused_or
def linf_step_(
    attacked: Tensor,
    images: Tensor,
    gradient: Tensor,
    *,
    step_size: float,
    radius: float,
    low: float,
    high: float,
) -> None:
    """Take the step of the L-infinity norm; where the gradient is 0 a value does not move.

    With d = attacked + step_size * sign(gradient) - images,
    attacked <- clip(images + clamp(d, -radius, radius), low, high).
    """
    change = gradient.sign().mul_(step_size).add_(attacked).sub_(images).clamp_(-radius, radius)
    attacked.copy_(change.add_(images).clamp_(low, high))


@fused_or
def l2_step_(
    attacked: Tensor,
    images: Tensor,
    gradient: Tensor,
    *,
    step_size: float,
    radius: float,
    low: float,
    high: float,
) -> None:
    """Take the step of the L2 norm.

    With unit(g) = g / |g| (0 for g = 0) and d = attacked + step_size * unit(gradient) - images per sample,
    attacked <- clip(images + d * min(1, radius / |d|), low, high).
    """
    change = plain_unit_direction(gradient).mul_(step_size).add_(attacked).sub_(images)
    shrink = (radius / lengths(change).clamp_min(TINY)).clamp_max_(1.0)
    attacked.copy_(change.mul_(per_image(shrink, change)).add_(images).clamp_(low, high))
