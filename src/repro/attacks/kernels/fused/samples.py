"""How kernels that need a norm per sample are cut: one program a sample.

A sample of up to ``WHOLE`` values is held in registers, so that memory is read once. Of a longer one, up to
``HELD`` values, a multiprocessor's registers hold one tensor, in pieces; others are read again, mostly from
the cache. Still longer ones are walked over in blocks.
"""

from __future__ import annotations

import triton
import triton.language as tl

from repro.attacks.kernels.fused.elementwise import larger

WHOLE = 16384
"""Longest sample of which several tensors are held in registers (64 x 64 RGB has 12288 values)."""
PIECE = 4096
HELD = 12 * PIECE
"""Longest sample of which one tensor is held in registers (128 x 128 RGB)."""
TINY = tl.constexpr(1e-30)


def block(values: int) -> tuple[int, int]:
    """Return block length and number of warps for samples of ``values`` values."""
    length = triton.next_power_of_2(min(values, WHOLE))
    return length, max(1, min(16, length // 256))


def pieces(values: int) -> tuple[int, int, int]:
    """Return length and number of the pieces of samples of at most ``HELD`` values, and number of warps."""
    length = triton.next_power_of_2(min(values, PIECE))
    count = triton.cdiv(values, length)
    return length, count, 32 if values > WHOLE else max(1, length // 256)


@triton.jit
def unit_factors(vectors, n, BLOCK: tl.constexpr):
    """Return the largest absolute value of the sample at ``vectors``, and the length of what it leaves.

    vector / largest / length has length 1; both are at least TINY. NaN anywhere makes the length NaN. Memory
    is read once: squares are of values over the largest so far, and shrink when a larger one is found.
    """
    columns = tl.arange(0, BLOCK)
    greatest = tl.full([BLOCK], TINY, tl.float32)
    squares = tl.zeros([BLOCK], tl.float32)
    for first in range(0, n, BLOCK):
        vector = tl.load(vectors + first + columns, mask=first + columns < n, other=0.0)
        before, greatest = greatest, tl.maximum(greatest, tl.abs(vector))
        shrunk, scaled = before / greatest, vector / greatest
        squares = squares * (shrunk * shrunk) + scaled * scaled
    largest = tl.max(greatest, axis=0)
    share = greatest / largest
    return largest, larger(tl.sqrt(tl.sum(squares * (share * share), axis=0)), TINY)


@triton.jit
def unit_of(vector):
    """Return ``vector``, a whole sample, divided by its length."""
    scaled = vector / tl.maximum(tl.max(tl.abs(vector), axis=0), TINY)
    return scaled / larger(tl.sqrt(tl.sum(scaled * scaled, axis=0)), TINY)
