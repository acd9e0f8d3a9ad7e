"""Pictures that measurements leave beside their numbers."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from torch import Tensor

from repro.core.files import replacing


def picture_of(grid: Tensor) -> Image.Image:
    """Return a uint8 image (3, H, W) as a picture."""
    return Image.fromarray(grid.permute(1, 2, 0).cpu().numpy())


def write_png(picture: Image.Image, path: Path) -> None:
    """Write ``picture`` to ``path``."""
    with replacing(path) as file:
        picture.save(file, format="PNG")
