"""The move of DAT's attack: along the gradient itself, not its sign or direction (DAT, Eqs. 9 and 10)."""

from __future__ import annotations

from torch import Tensor

from repro.attacks.kernels.dispatch import fused_or


@fused_or
def dat_step(
    images: Tensor, slope: Tensor, *, step_size: float, clamp: float, low: float, high: float
) -> Tensor:
    """Return clip(images + clamp(-step_size * slope, -clamp, clamp), low, high).

    Args:
        images: (N, ...).
        slope: gradient of what is to shrink, same shape.
        step_size: epsilon, in units of the gradient.
        clamp: largest change of a value; infinity for no limit.
        low: lower edge of the box; minus infinity for none.
        high: upper edge of the box; infinity for none.
    """
    return (slope * -step_size).clamp_(-clamp, clamp).add_(images).clamp_(low, high)
