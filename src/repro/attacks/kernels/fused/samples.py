"""How kernels that need a norm per sample are cut: one program a sample.

A sample of up to ``WHOLE`` values is held in registers, so that memory is read once. Longer ones are walked
over several times in blocks, the later walks mostly from the cache.
"""

from __future__ import annotations

import triton
import triton.language as tl

from repro.attacks.kernels.fused.elementwise import larger

WHOLE = 16384
"""Longest sample that is held in registers (64 x 64 RGB has 12288 values)."""
TINY = tl.constexpr(1e-30)


def block(values: int) -> tuple[int, int]:
    """Return block length and number of warps for samples of ``values`` values."""
    length = triton.next_power_of_2(min(values, WHOLE))
    return length, max(1, min(16, length // 256))


@triton.jit
def unit_factors(vectors, n, BLOCK: tl.constexpr):
    """Return the largest absolute value of the sample at ``vectors``, and the length of what it leaves.

    vector / largest / length has length 1; both are at least TINY. NaN anywhere makes the length NaN.
    """
    columns = tl.arange(0, BLOCK)
    greatest = tl.zeros([BLOCK], tl.float32)
    for first in range(0, n, BLOCK):
        inside = first + columns < n
        greatest = tl.maximum(greatest, tl.abs(tl.load(vectors + first + columns, mask=inside, other=0.0)))
    largest = tl.maximum(tl.max(greatest, axis=0), TINY)
    squares = tl.zeros([BLOCK], tl.float32)
    for first in range(0, n, BLOCK):
        inside = first + columns < n
        scaled = tl.load(vectors + first + columns, mask=inside, other=0.0) / largest
        squares += scaled * scaled
    return largest, larger(tl.sqrt(tl.sum(squares, axis=0)), TINY)


@triton.jit
def unit_of(vector):
    """Return ``vector``, a whole sample, divided by its length."""
    scaled = vector / tl.maximum(tl.max(tl.abs(vector), axis=0), TINY)
    return scaled / larger(tl.sqrt(tl.sum(scaled * scaled, axis=0)), TINY)
