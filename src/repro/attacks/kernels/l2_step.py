"""One step of projected gradient descent in the L2 norm.

With unit(g) = g / |g| (0 for g = 0) and d = attacked + step_size * unit(gradient) - images per sample,
attacked <- clip(images + d * min(1, radius / |d|), low, high).
"""

from __future__ import annotations

from torch import Tensor

from repro.attacks.kernels import unit_direction
from repro.attacks.kernels.step import Step, fused_or
from repro.attacks.kernels.unit_direction import TINY, lengths, per_image


def reference_(
    attacked: Tensor,
    images: Tensor,
    gradient: Tensor,
    *,
    step_size: float,
    radius: float,
    low: float,
    high: float,
) -> None:
    """Take the step in plain torch, any floating format; arguments: see ``Step``."""
    change = unit_direction.reference(gradient).mul_(step_size).add_(attacked).sub_(images)
    shrink = (radius / lengths(change).clamp_min(TINY)).clamp_max_(1.0)
    attacked.copy_(change.mul_(per_image(shrink, change)).add_(images).clamp_(low, high))


l2_step_: Step = fused_or(reference_, "l2_step")
