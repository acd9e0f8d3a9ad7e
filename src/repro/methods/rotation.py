"""SSGAN's pretext task (Chen et al. 2019, Sec. 3.2): tell by how many quarter turns an image was turned."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

TURNS = 4


def rotate_quarters(images: Tensor) -> tuple[Tensor, Tensor]:
    """Turn the first quarter of a batch by 0, the next by 90, 180, the last by 270 degrees, as mimicry does.

    Args:
        images: (N,C,S,S). Where 4 does not divide N, the quarters differ by at most one image.

    Returns:
        The turned images (N,C,S,S) and the number of quarter turns of each, int64 (N,).
    """
    turns = torch.arange(len(images), device=images.device) * TURNS // len(images)
    bounds = [-(-len(images) * k // TURNS) for k in range(TURNS + 1)]  # rounded up, as turns has it
    parts = [torch.rot90(images[start:stop], k, (2, 3)) for k, (start, stop) in enumerate(pairwise(bounds))]
    return torch.cat(parts), turns
