"""One step of projected gradient descent in the L2 norm."""

from __future__ import annotations

from torch import Tensor

from repro.attacks.kernels import unit_direction
from repro.attacks.kernels.dispatch import use_fused
from repro.attacks.kernels.unit_direction import TINY, lengths, per_image


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
    """Move ``attacked`` along the gradient's direction, then back into the ball and the box; in place.

    With unit(g) = g / |g| (0 for g = 0) and d = attacked + step_size * unit(gradient) - images per sample,
    attacked <- clip(images + d * min(1, radius / |d|), low, high).

    Args:
        attacked: current points (N, ...), written.
        images: centres of the balls, same shape.
        gradient: same shape.
        step_size: length of the step; negative to go down.
        radius: largest length of a sample's change, at least 0.
        low: lower edge of the box; minus infinity for none.
        high: upper edge of the box.
    """
    if use_fused(attacked, images, gradient):
        from repro.attacks.kernels.fused.l2_step import l2_step_ as fused

        return fused(attacked, images, gradient, step_size=step_size, radius=radius, low=low, high=high)
    reference_(attacked, images, gradient, step_size=step_size, radius=radius, low=low, high=high)


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
    """Do the same in plain torch, any floating format."""
    change = unit_direction.reference(gradient).mul_(step_size).add_(attacked).sub_(images)
    shrink = (radius / lengths(change).clamp_min(TINY)).clamp_max_(1.0)
    attacked.copy_(change.mul_(per_image(shrink, change)).add_(images).clamp_(low, high))
