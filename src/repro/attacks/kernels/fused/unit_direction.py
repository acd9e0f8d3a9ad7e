"""Unit vectors, one program a sample: one read and one write per value, beyond ``HELD`` three reads."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from repro.attacks.kernels.fused.elementwise import larger
from repro.attacks.kernels.fused.samples import HELD, TINY, block, pieces, unit_factors
from repro.attacks.kernels.rows import Rows


@triton.jit
def _held(out, vectors, n, BLOCK: tl.constexpr, PIECES: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * n
    columns = tl.arange(0, BLOCK)
    held = ()  # Triton adds tuples, it cannot unpack them
    greatest = tl.full([BLOCK], TINY, tl.float32)
    for i in tl.static_range(PIECES):
        at = i * BLOCK + columns
        vector = tl.load(vectors + row + at, mask=at < n, other=0.0)
        held = held + (vector,)  # type: ignore[assignment]  # noqa: RUF005
        greatest = tl.maximum(greatest, tl.abs(vector))
    largest = tl.max(greatest, axis=0)
    squares = tl.zeros([BLOCK], tl.float32)
    for i in tl.static_range(PIECES):
        scaled = held[i] / largest
        squares += scaled * scaled
    length = larger(tl.sqrt(tl.sum(squares, axis=0)), TINY)
    for i in tl.static_range(PIECES):
        at = i * BLOCK + columns
        tl.store(out + row + at, held[i] / largest / length, mask=at < n)


@triton.jit
def _blocked(out, vectors, n, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * n
    columns = tl.arange(0, BLOCK)
    largest, length = unit_factors(vectors + row, n, BLOCK)
    for first in range(0, n, BLOCK):
        inside = first + columns < n
        vector = tl.load(vectors + row + first + columns, mask=inside)
        tl.store(out + row + first + columns, vector / largest / length, mask=inside)


def unit_direction(vectors: Tensor) -> Tensor:
    """See ``kernels.unit_direction.unit_direction``; float32."""
    units = torch.empty_like(vectors)
    if vectors.numel():
        rows = Rows(units, vectors)
        samples, n = rows.out.shape
        if n <= HELD:
            length, count, warps = pieces(n)
            _held[(samples,)](rows.out, *rows.inputs, n, BLOCK=length, PIECES=count, num_warps=warps)
        else:
            length, warps = block(n)
            _blocked[(samples,)](rows.out, *rows.inputs, n, BLOCK=length, num_warps=warps)
        rows.finish()
    return units
