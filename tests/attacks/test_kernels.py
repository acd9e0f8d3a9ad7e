"""Each kernel, plain torch and Triton (interpreted on the CPU), against its formula in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from repro.attacks.kernels import dat_step, steps, unit_direction

HAS_TRITON = find_spec("triton") is not None
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
needs_triton = pytest.mark.skipif(not HAS_TRITON, reason="triton is not installed (extra 'interpreter')")
implementations = pytest.mark.parametrize("fused", [False, pytest.param(True, marks=needs_triton)])
few = settings(max_examples=12)

SHAPES = st.sampled_from(
    [(1, 1, 1, 1), (3, 3, 5, 7), (2, 3, 32, 32), (5, 17), (4, 1, 1, 129), (2, 3, 1, 683)]
)
LAYOUTS = st.sampled_from(["contiguous", "channels_last", "transposed", "every_second", "mixed"])
Box = tuple[float, float]
BOXES = st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (-math.inf, math.inf)])


def kernel(module: ModuleType, name: str, fused: bool) -> Callable[..., Any]:
    """Return one implementation; without CUDA Triton's kernels are interpreted (see conftest.py)."""
    if fused:
        module = import_module(f"repro.attacks.kernels.fused.{module.__name__.rpartition('.')[2]}")
        return getattr(module, name)  # type: ignore[no-any-return]
    return getattr(module, name).__wrapped__  # type: ignore[no-any-return]


def laid_out(values: Tensor, layout: str) -> Tensor:
    """Return equal values with other strides."""
    if layout == "channels_last" and values.dim() == 4:
        return values.to(memory_format=torch.channels_last)
    if layout == "transposed":
        return values.transpose(0, -1).contiguous().transpose(0, -1)
    if layout == "every_second":
        wide = torch.empty(*values.shape[:-1], 2 * values.shape[-1], device=values.device)
        wide[..., ::2] = values
        return wide[..., ::2]
    return values.clone()


class Drawn:
    """Random tensors on a coarse grid, so that gradients of 0 and edges of ball and box are hit exactly."""

    def __init__(self, seed: int, shape: tuple[int, ...], layout: str) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.shape, self.layout, self.count = shape, layout, 0

    def grid(self, low: float, high: float) -> Tensor:
        """Return multiples of 1/8 in [low, high]."""
        low, high = max(low, -2.0), min(high, 2.0)
        steps = torch.randint(int(8 * low), int(8 * high) + 1, self.shape, generator=self.generator)
        return self._placed(steps / 8)

    def slope(self, size: float) -> Tensor:
        """Return normal numbers times ``size``, a fifth of them 0."""
        values = torch.randn(self.shape, generator=self.generator) * size
        return self._placed(values * (torch.rand(self.shape, generator=self.generator) > 0.2))

    def _placed(self, values: Tensor) -> Tensor:
        self.count += 1
        mixed = ("contiguous", "channels_last", "transposed")[self.count % 3]
        return laid_out(values.to(DEVICE), mixed if self.layout == "mixed" else self.layout)


DRAWN = st.builds(Drawn, st.integers(0, 999), SHAPES, LAYOUTS)


def box_clip(values: Tensor, low: float, high: float) -> Tensor:
    return torch.minimum(torch.maximum(values, values.new_tensor(low)), values.new_tensor(high))


def norm(values: Tensor) -> Tensor:
    return values.flatten(1).square().sum(1).sqrt().view(-1, *[1] * (values.dim() - 1))


def unit64(vectors: Tensor) -> Tensor:
    """Return unit vectors by the definition, in float64, where nothing underflows."""
    length = norm(vectors.double())
    return torch.where(length > 0, vectors.double() / length, 0.0)


def same(found: Tensor, expected: Tensor, size: float = 1.0) -> None:
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=4e-7 * size)


@implementations
@given(DRAWN, BOXES, st.sampled_from([0.0, 0.125, 0.3]), st.sampled_from([0.125, -0.25]))
@example(Drawn(0, (3, 3, 5, 7), "contiguous"), (0.0, 1.0), 0.125, 0.125)
@few
def test_linf_step(fused: bool, drawn: Drawn, box: Box, radius: float, step: float) -> None:
    images, attacked, slope = drawn.grid(*box), drawn.grid(*box), drawn.slope(1.0)
    x, a, g = images.double(), attacked.double(), slope.double()
    up = (g > 0).double() - (g < 0).double()
    wide = torch.tensor(radius, dtype=torch.float32).item()
    expected = box_clip(x + box_clip(a + step * up - x, -wide, wide), *box)
    kept = images.clone(), slope.clone()
    strides = attacked.stride()
    kernel(steps, "linf_step_", fused)(
        attacked, images, slope, step_size=step, radius=radius, low=box[0], high=box[1]
    )
    same(attacked, expected)
    assert attacked.stride() == strides
    assert torch.equal(images, kept[0])
    assert torch.equal(slope, kept[1])


@implementations
@given(
    DRAWN,
    BOXES,
    st.sampled_from([0.0, 0.125, 0.3, 5.0]),
    st.sampled_from([0.125, -0.25]),
    st.sampled_from([1.0, 1e-25, 1e12, 0.0]),
)
@few
def test_l2_step(fused: bool, drawn: Drawn, box: Box, radius: float, step: float, size: float) -> None:
    images, attacked, slope = drawn.grid(*box), drawn.grid(*box), drawn.slope(size)
    x = images.double()
    change = attacked.double() + step * unit64(slope) - x
    length = norm(change)
    change = torch.where(length > radius, change * (radius / length.clamp_min(1e-300)), change)
    expected = box_clip(x + change, *box)
    kernel(steps, "l2_step_", fused)(
        attacked, images, slope, step_size=step, radius=radius, low=box[0], high=box[1]
    )
    same(attacked, expected, size=2.0)


@implementations
@given(DRAWN, st.sampled_from([1.0, 1e-25, 1e12, 0.0]))
@few
def test_unit_direction(fused: bool, drawn: Drawn, size: float) -> None:
    vectors = drawn.slope(size)
    if len(vectors) > 1:
        vectors[0] = 0
    same(kernel(unit_direction, "unit_direction", fused)(vectors), unit64(vectors))


@implementations
@given(DRAWN, BOXES, st.sampled_from([0.125, 1.0, math.inf]), st.sampled_from([0.5, 8.0]))
@few
def test_dat_step(fused: bool, drawn: Drawn, box: Box, clamp: float, step: float) -> None:
    images, slope = drawn.grid(*box), drawn.slope(0.5)
    expected = box_clip(images.double() + box_clip(-step * slope.double(), -clamp, clamp), *box)
    found = kernel(dat_step, "dat_step", fused)(
        images, slope, step_size=step, clamp=clamp, low=box[0], high=box[1]
    )
    same(found, expected, size=8.0)


@implementations
@pytest.mark.parametrize("shape", [(3, 3, 5, 7), (2, 3, 75, 75), (2, 3, 133, 133)])
def test_nan_stays_nan(fused: bool, shape: tuple[int, ...]) -> None:
    """A value that is no number must not become a pixel: neither where it is, nor, in a norm, its image."""
    random = torch.Generator().manual_seed(0)
    limits = {"radius": 0.1, "low": 0.0, "high": 1.0}

    def drawn(nan_at: bool) -> Tensor:
        values = torch.rand(shape, generator=random)
        if nan_at:
            values[1, 0, 2, 3] = math.nan
        return values.to(DEVICE)

    def unsound(values: Tensor, whole_image: bool) -> None:
        expected = torch.zeros(shape, dtype=torch.bool)
        expected[(1,) if whole_image else (1, 0, 2, 3)] = True
        assert torch.equal(values.isnan().cpu(), expected)

    for of_images, of_attacked, of_slope in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        images, attacked, slope = drawn(bool(of_images)), drawn(bool(of_attacked)), drawn(bool(of_slope))
        moved = attacked.clone()
        kernel(steps, "l2_step_", fused)(moved, images, slope, step_size=0.1, **limits)
        unsound(moved, whole_image=True)
        if not of_slope:  # the sign of what is no number is 0: see attacks.climb
            kernel(steps, "linf_step_", fused)(attacked, images, slope, step_size=0.1, **limits)
            unsound(attacked, whole_image=False)
        if not of_attacked:
            found = kernel(dat_step, "dat_step", fused)(
                images, slope, step_size=0.1, clamp=0.1, low=0.0, high=1.0
            )
            unsound(found, whole_image=False)
    unsound(kernel(unit_direction, "unit_direction", fused)(drawn(True)), whole_image=True)


@needs_triton
@pytest.mark.parametrize("side", [75, 128, 133])  # registers hold one tensor of a sample, just so, not
def test_samples_too_long_for_registers(side: int) -> None:
    generator = torch.Generator().manual_seed(0)
    shape = (2, 3, side, side)
    images, slope = torch.rand(shape, generator=generator).to(DEVICE), torch.randn(shape, generator=generator)
    slope = slope.to(DEVICE) * 1e-20
    samples = import_module("repro.attacks.kernels.fused.samples")
    assert images[0].numel() > samples.WHOLE
    assert (images[0].numel() <= samples.HELD) == (side <= 128)
    limits = {"step_size": 2.0, "radius": 1.5, "low": 0.0, "high": 1.0}
    expected = images.double()
    kernel(steps, "l2_step_", False)(expected, images.double(), slope.double(), **limits)
    attacked = images.clone()
    kernel(steps, "l2_step_", True)(attacked, images, slope, **limits)
    same(attacked, expected)
    same(kernel(unit_direction, "unit_direction", True)(slope), unit64(slope))


@needs_triton
@pytest.mark.parametrize("name", ["linf_step_", "l2_step_"])
def test_an_empty_batch_is_left_alone(name: str) -> None:
    empty = torch.empty(0, 3, 4, 4, device=DEVICE)
    kernel(steps, name, True)(empty, empty, empty, step_size=1.0, radius=1.0, low=0.0, high=1.0)
    assert empty.shape == (0, 3, 4, 4)
