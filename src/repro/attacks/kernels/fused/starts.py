"""Random starts, from numbers that torch has drawn."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from repro.attacks.kernels.fused.elementwise import BLOCK, blocks, clip
from repro.attacks.kernels.fused.samples import block, unit_factors
from repro.attacks.kernels.rows import Rows


@triton.jit
def _linf(attacked, images, uniform, n, radius, low, high, BLOCK: tl.constexpr):
    offsets = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    change = (2.0 * tl.load(uniform + offsets, mask=inside) - 1.0) * radius
    moved = tl.load(images + offsets, mask=inside) + change
    tl.store(attacked + offsets, clip(moved, low, high), mask=inside)


@triton.jit
def _l2(attacked, images, normal, share, n, radius, low, high, BLOCK: tl.constexpr):
    sample = tl.program_id(0).to(tl.int64)
    row = sample * n
    columns = tl.arange(0, BLOCK)
    largest, length = unit_factors(normal + row, n, BLOCK)
    reach = tl.load(share + sample) * radius
    for first in range(0, n, BLOCK):
        at, inside = row + first + columns, first + columns < n
        direction = tl.load(normal + at, mask=inside) / largest / length
        moved = tl.load(images + at, mask=inside) + reach * direction
        tl.store(attacked + at, clip(moved, low, high), mask=inside)


def linf_start_(
    attacked: Tensor, images: Tensor, uniform: Tensor, *, radius: float, low: float, high: float
) -> None:
    """See ``kernels.starts.linf_start_``; float32."""
    n = attacked.numel()
    if n:
        rows = Rows(attacked, images, uniform)
        _linf[blocks(n)](rows.out, *rows.inputs, n, radius, low, high, BLOCK=BLOCK)
        rows.finish()


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
    """See ``kernels.starts.l2_start_``; float32."""
    if not attacked.numel():
        return
    rows = Rows(attacked, images, normal)
    samples, n = rows.out.shape
    length, warps = block(n)
    _l2[(samples,)](
        rows.out, *rows.inputs, share.contiguous(), n, radius, low, high, BLOCK=length, num_warps=warps
    )
    rows.finish()
