"""Doubling maps, so that the backward pass is deterministic on every device."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Upsampling = Literal["bilinear", "nearest"]


def double(maps: Tensor, how: Upsampling) -> Tensor:
    """Return maps (N,C,2H,2W) of maps (N,C,H,W).

    ``nearest`` repeats each value four times, ``bilinear`` does not align corners. torch's own bilinear
    backward adds in no fixed order on CUDA; in deterministic mode sums of slices do the same.
    """
    if how == "nearest":
        return F.interpolate(maps, scale_factor=2, mode="nearest")
    if maps.is_cuda and torch.are_deterministic_algorithms_enabled():
        return _double_by_slices(_double_by_slices(maps, 2), 3)
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


def _double_by_slices(maps: Tensor, dim: int) -> Tensor:
    """Double one dimension: each value splits in two, 3/4 of itself plus 1/4 of its neighbour there."""
    size = maps.shape[dim]
    before = torch.cat([maps.narrow(dim, 0, 1), maps.narrow(dim, 0, size - 1)], dim)
    after = torch.cat([maps.narrow(dim, 1, size - 1), maps.narrow(dim, size - 1, 1)], dim)
    halves = torch.stack([torch.lerp(maps, before, 0.25), torch.lerp(maps, after, 0.25)], dim + 1)
    return halves.flatten(dim, dim + 1)
