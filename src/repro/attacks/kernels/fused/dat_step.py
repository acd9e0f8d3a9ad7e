"""DAT's move in one pass: two reads and one write per value."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from repro.attacks.kernels.fused.elementwise import BLOCK, blocks, clip
from repro.attacks.kernels.rows import Rows


@triton.jit
def _kernel(out, images, slope, n, step_size, clamp, low, high, BLOCK: tl.constexpr):
    offsets = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    change = clip(-step_size * tl.load(slope + offsets, mask=inside), -clamp, clamp)
    tl.store(out + offsets, clip(tl.load(images + offsets, mask=inside) + change, low, high), mask=inside)


def dat_step(
    images: Tensor, slope: Tensor, *, step_size: float, clamp: float, low: float, high: float
) -> Tensor:
    """See ``kernels.dat_step.dat_step``; float32."""
    moved = torch.empty_like(images)
    n = images.numel()
    if n:
        rows = Rows(moved, images, slope)
        _kernel[blocks(n)](rows.out, *rows.inputs, n, step_size, clamp, low, high, BLOCK=BLOCK)
        rows.finish()
    return moved
