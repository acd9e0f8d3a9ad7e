"""How elementwise kernels are cut into programs, and what they share."""

from __future__ import annotations

import triton
import triton.language as tl

BLOCK = 1024
"""Values per program; with 4 warps each thread moves two 16-byte words per tensor."""


def blocks(values: int) -> tuple[int]:
    """Return the grid that covers ``values`` values."""
    return (triton.cdiv(values, BLOCK),)


@triton.jit
def larger(a, b):
    """Return the larger value; NaN where one is NaN, as in torch. Triton would drop it."""
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def smaller(a, b):
    """Return the smaller value; NaN where one is NaN."""
    return tl.minimum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def clip(values, low, high):
    """Return ``values`` moved into [low, high]; NaN stays NaN."""
    return smaller(larger(values, low), high)


@triton.jit
def sign(values):
    """Return -1, 0 or 1; 0 for both zeros, as ``torch.sign`` does."""
    return tl.where(values > 0, 1.0, 0.0) - tl.where(values < 0, 1.0, 0.0)
