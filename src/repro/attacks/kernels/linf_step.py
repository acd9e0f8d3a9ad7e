"""One step of projected gradient descent in the L-infinity norm."""

from __future__ import annotations

from torch import Tensor

from repro.attacks.kernels.dispatch import use_fused


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
    """Move ``attacked`` along the gradient's sign, then back into the ball and the box; in place.

    With d = attacked + step_size * sign(gradient) - images,
    attacked <- clip(images + clamp(d, -radius, radius), low, high).

    Args:
        attacked: current points (N, ...), written.
        images: centres of the balls, same shape.
        gradient: same shape; where it is 0 the value does not move.
        step_size: length of the step; negative to go down.
        radius: largest change of a value, at least 0.
        low: lower edge of the box; minus infinity for none.
        high: upper edge of the box.
    """
    if use_fused(attacked, images, gradient):
        from repro.attacks.kernels.fused.linf_step import linf_step_ as fused

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
    change = gradient.sign().mul_(step_size).add_(attacked).sub_(images).clamp_(-radius, radius)
    attacked.copy_(change.add_(images).clamp_(low, high))
