"""The L-infinity step in one pass: three reads and one write per value."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from repro.attacks.kernels.fused.elementwise import BLOCK, blocks, clip, sign
from repro.attacks.kernels.rows import Rows


@triton.jit
def _kernel(attacked, images, gradient, n, step_size, radius, low, high, BLOCK: tl.constexpr):
    offsets = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    image = tl.load(images + offsets, mask=inside)
    slope = tl.load(gradient + offsets, mask=inside)
    moved = tl.load(attacked + offsets, mask=inside) + step_size * sign(slope)
    change = clip(moved - image, -radius, radius)
    tl.store(attacked + offsets, clip(image + change, low, high), mask=inside)


def linf_step_(
    attacked: Tensor,
    images: Tensor,
    gradient: Tensor,
    *,
    step_size: float,
    radius: float,
    low: float,
    high: float,
) -> None:
    """See ``kernels.linf_step.linf_step_``; float32."""
    n = attacked.numel()
    if n:
        rows = Rows(attacked, images, gradient)
        _kernel[blocks(n)](rows.out, *rows.inputs, n, step_size, radius, low, high, BLOCK=BLOCK)
        rows.finish()
