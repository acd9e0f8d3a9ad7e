"""DAT's toy data, drawn anew for every batch (``data/gaussians.py``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from repro.data.dataset import DatasetInfo

if TYPE_CHECKING:
    from repro.data.image_set import ImageSet


def drawn() -> ImageSet:
    """Return a set without images; see ``gaussian_set``."""
    from repro.data.gaussians import gaussian_set  # here, because whoever plans pays for no torch

    return gaussian_set()


DATASET = DatasetInfo("nine 2-D Gaussians", height=0, width=0, classes=9, drawn=drawn, channels=0)
