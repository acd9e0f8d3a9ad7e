"""The steps: L-infinity in one pass, L2 with one program a sample (norm, step, projection).

Each needs three reads and one write per value; L2 of samples longer than ``WHOLE`` five reads (registers hold
the change; gradient and images are read twice), of those longer than ``HELD`` seven.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from repro.attacks.kernels.fused.elementwise import BLOCK, blocks, clip, larger, sign, smaller
from repro.attacks.kernels.fused.samples import HELD, TINY, WHOLE, block, pieces, unit_factors, unit_of
from repro.attacks.kernels.rows import Rows


@triton.jit
def _linf(attacked, images, gradient, n, step_size, radius, low, high, BLOCK: tl.constexpr):
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
    """See ``kernels.steps``; float32."""
    n = attacked.numel()
    if n:
        rows = Rows(attacked, images, gradient)
        _linf[blocks(n)](rows.out, *rows.inputs, n, step_size, radius, low, high, BLOCK=BLOCK)
        rows.finish()


@triton.jit
def _shrink(squares, radius):
    return smaller(radius / larger(tl.sqrt(tl.sum(squares, axis=0)), TINY), 1.0)


@triton.jit
def _whole(attacked, images, gradient, n, step_size, radius, low, high, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * n
    columns = tl.arange(0, BLOCK)
    inside = columns < n
    image = tl.load(images + row + columns, mask=inside, other=0.0)
    start = tl.load(attacked + row + columns, mask=inside, other=0.0)
    slope = tl.load(gradient + row + columns, mask=inside, other=0.0)
    change = start + step_size * unit_of(slope) - image
    change *= _shrink(change * change, radius)
    tl.store(attacked + row + columns, clip(image + change, low, high), mask=inside)


@triton.jit
def _moved(attacked, images, gradient, at, inside, largest, length, step_size):
    image = tl.load(images + at, mask=inside, other=0.0)
    start = tl.load(attacked + at, mask=inside, other=0.0)
    slope = tl.load(gradient + at, mask=inside, other=0.0)
    return image, start + step_size * (slope / largest / length) - image


@triton.jit
def _held(
    attacked, images, gradient, n, step_size, radius, low, high, BLOCK: tl.constexpr, PIECES: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64) * n
    columns = tl.arange(0, BLOCK)
    largest, length = unit_factors(gradient + row, n, BLOCK)
    changes = ()  # Triton adds tuples, it cannot unpack them
    squares = tl.zeros([BLOCK], tl.float32)
    for i in tl.static_range(PIECES):
        at = i * BLOCK + columns
        image, change = _moved(attacked, images, gradient, row + at, at < n, largest, length, step_size)
        squares += change * change
        changes = changes + (change,)  # type: ignore[assignment]  # noqa: RUF005
    shrink = _shrink(squares, radius)
    for i in tl.static_range(PIECES):
        at = i * BLOCK + columns
        image = tl.load(images + row + at, mask=at < n, other=0.0)
        tl.store(attacked + row + at, clip(image + changes[i] * shrink, low, high), mask=at < n)


@triton.jit
def _blocked(attacked, images, gradient, n, step_size, radius, low, high, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * n
    columns = tl.arange(0, BLOCK)
    largest, length = unit_factors(gradient + row, n, BLOCK)
    squares = tl.zeros([BLOCK], tl.float32)
    for first in range(0, n, BLOCK):
        at, inside = row + first + columns, first + columns < n
        image, change = _moved(attacked, images, gradient, at, inside, largest, length, step_size)
        squares += change * change
    shrink = _shrink(squares, radius)
    for first in range(0, n, BLOCK):
        at, inside = row + first + columns, first + columns < n
        image, change = _moved(attacked, images, gradient, at, inside, largest, length, step_size)
        tl.store(attacked + at, clip(image + change * shrink, low, high), mask=inside)


def l2_step_(
    attacked: Tensor,
    images: Tensor,
    gradient: Tensor,
    *,
    step_size: float,
    radius: float,
    low: float,
    high: float,
) -> None:
    """See ``kernels.steps``; float32."""
    if not attacked.numel():
        return
    rows = Rows(attacked, images, gradient)
    samples, n = rows.out.shape
    numbers = step_size, radius, low, high
    if WHOLE < n <= HELD:
        length, count, warps = pieces(n)
        _held[(samples,)](rows.out, *rows.inputs, n, *numbers, BLOCK=length, PIECES=count, num_warps=warps)
    else:
        length, warps = block(n)
        kernel = _whole if n <= WHOLE else _blocked
        kernel[(samples,)](rows.out, *rows.inputs, n, *numbers, BLOCK=length, num_warps=warps)
    rows.finish()
