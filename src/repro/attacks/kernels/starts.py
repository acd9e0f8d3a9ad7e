"""Random starting points in the ball and the box, from random numbers that torch has drawn.

The numbers come from the caller's stream, not from inside the kernel: a run that is taken up again must draw
the same ones, and both implementations can be compared.
"""

from __future__ import annotations

from torch import Tensor

from repro.attacks.kernels.dispatch import fused_or
from repro.attacks.kernels.unit_direction import per_image, plain_unit_direction


@fused_or
def linf_start_(
    attacked: Tensor, images: Tensor, uniform: Tensor, *, radius: float, low: float, high: float
) -> None:
    """Write clip(images + (2 * uniform - 1) * radius, low, high) to ``attacked``.

    Args:
        attacked: (N, ...), written.
        images: centres, same shape.
        uniform: numbers in [0, 1), same shape.
        radius: largest change of a value.
        low: lower edge of the box.
        high: upper edge of the box.
    """
    attacked.copy_((2 * uniform - 1).mul_(radius).add_(images).clamp_(low, high))


@fused_or
def l2_start_(
    attacked: Tensor,
    images: Tensor,
    normal: Tensor,
    share: Tensor,
    *,
    radius: float,
    low: float,
    high: float,
) -> None:
    """Write clip(images + radius * share * unit(normal), low, high) to ``attacked``.

    Args:
        attacked: (N, ...), written.
        images: centres, same shape.
        normal: standard normal numbers, same shape.
        share: part of the radius to go, (N,) in [0, 1]; D-th roots of uniform numbers fill the ball evenly.
        radius: of the ball.
        low: lower edge of the box.
        high: upper edge of the box.
    """
    change = plain_unit_direction(normal).mul_(per_image(share * radius, normal))
    attacked.copy_(change.add_(images).clamp_(low, high))
