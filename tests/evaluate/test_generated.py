"""Samples as uint8: the fixed and the min-max convention."""

from __future__ import annotations

import torch

from repro.evaluate.generated import as_uint8

BOUNDS = (-1.0, 1.0)


def test_half_of_the_range_stays_half_when_fixed_and_is_stretched_by_min_max() -> None:
    images = torch.linspace(-0.5, 0.5, 3 * 64).view(1, 3, 8, 8)
    fixed, stretched = (as_uint8(images, BOUNDS, how) for how in ("fixed", "min_max"))  # type: ignore[arg-type]
    assert (fixed.min(), fixed.max()) == (64, 191)
    assert (stretched.min(), stretched.max()) == (0, 255)


def test_min_max_stretches_the_whole_set_by_one_factor() -> None:
    images = torch.tensor([[-0.5, 0.5], [0.1, 0.3]]).view(2, 1, 1, 2).expand(2, 3, 1, 2)
    assert as_uint8(images, BOUNDS, "min_max")[:, 0, 0].tolist() == [[0, 255], [153, 204]]


def test_conventions_agree_where_the_whole_range_is_used() -> None:
    images = torch.linspace(-1, 1, 3 * 64).view(1, 3, 8, 8)
    assert torch.equal(as_uint8(images, BOUNDS, "fixed"), as_uint8(images, BOUNDS, "min_max"))


def test_a_constant_set_does_not_divide_by_zero() -> None:
    assert as_uint8(torch.full((2, 3, 4, 4), 0.3), BOUNDS, "min_max").unique().tolist() == [0]


def test_fixed_clips_what_lies_outside() -> None:
    assert as_uint8(torch.tensor([-1.5, 1.5]), BOUNDS, "fixed").tolist() == [0, 255]
