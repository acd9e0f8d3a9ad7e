"""Random starting points in the ball and the box, from random numbers that torch has drawn.

The numbers come from the caller's stream, not from inside the kernel: a run that is taken up again must draw
the same ones, and both implementations can be compared.
"""

from __future__ import annotations

from torch import Tensor

from repro.attacks.kernels import unit_direction
from repro.attacks.kernels.dispatch import use_fused
from repro.attacks.kernels.unit_direction import per_image


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
    if use_fused(attacked, images, uniform):
        from repro.attacks.kernels.fused.starts import linf_start_ as fused

        return fused(attacked, images, uniform, radius=radius, low=low, high=high)
    linf_reference_(attacked, images, uniform, radius=radius, low=low, high=high)


def linf_reference_(
    attacked: Tensor, images: Tensor, uniform: Tensor, *, radius: float, low: float, high: float
) -> None:
    """Do the same in plain torch, any floating format."""
    attacked.copy_((2 * uniform - 1).mul_(radius).add_(images).clamp_(low, high))


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
    if use_fused(attacked, images, normal, share):
        from repro.attacks.kernels.fused.starts import l2_start_ as fused

        return fused(attacked, images, normal, share, radius=radius, low=low, high=high)
    l2_reference_(attacked, images, normal, share, radius=radius, low=low, high=high)


def l2_reference_(
    attacked: Tensor,
    images: Tensor,
    normal: Tensor,
    share: Tensor,
    *,
    radius: float,
    low: float,
    high: float,
) -> None:
    """Do the same in plain torch, any floating format."""
    change = unit_direction.reference(normal).mul_(per_image(share * radius, normal))
    attacked.copy_(change.add_(images).clamp_(low, high))
