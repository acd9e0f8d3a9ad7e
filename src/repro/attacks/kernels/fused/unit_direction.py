"""Unit vectors, one program a sample."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from repro.attacks.kernels.fused.samples import WHOLE, block, unit_factors, unit_of
from repro.attacks.kernels.rows import Rows


@triton.jit
def _whole(out, vectors, n, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * n
    columns = tl.arange(0, BLOCK)
    inside = columns < n
    vector = tl.load(vectors + row + columns, mask=inside, other=0.0)
    tl.store(out + row + columns, unit_of(vector), mask=inside)


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
        length, warps = block(n)
        kernel = _whole if n <= WHOLE else _blocked
        kernel[(samples,)](rows.out, *rows.inputs, n, BLOCK=length, num_warps=warps)
        rows.finish()
    return units
