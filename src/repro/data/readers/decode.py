"""Compressed pictures -> one uint8 tensor of squares, decoded on all cores."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from repro.data.dataset import DatasetInfo
from repro.data.memory import require_memory
from repro.data.readers.found import damaged, unreadable

Preprocess = Callable[[Image.Image, int], Image.Image]

_EIGHT_BITS = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})


def centre_square(picture: Image.Image, size: int) -> Image.Image:
    """Cut out the largest central square and resize it (bilinear, antialiased) to ``size`` pixels."""
    width, height = picture.size
    side = min(width, height)
    if (width, height) != (side, side):
        left, top = (width - side) // 2, (height - side) // 2
        picture = picture.crop((left, top, left + side, top + side))
    return picture if side == size else picture.resize((size, size), Image.Resampling.BILINEAR)


def sngan_square(picture: Image.Image, size: int) -> Image.Image:
    """SN-GAN's ImageNet: short side to 256, centre 256 x 256, then bilinearly to ``size``.

    Smaller pictures are not enlarged to 256 first. The JPEG round trip (quality 95) and the random 0.9 crop
    of SN-GAN's loader are left out: one deterministic image is kept for each file.
    """
    if min(picture.size) > 256:
        picture = centre_square(picture, 256)
    return centre_square(picture, size)


def decode(
    sources: Sequence[Path] | Sequence[bytes],
    info: DatasetInfo,
    split: str,
    preprocess: Preprocess = centre_square,
    *,
    container: Path | None = None,
) -> Tensor:
    """Return uint8 (N, 3, H, W) of pictures, files or the bytes of such held in ``container``.

    Raises:
        ReproError: they need more memory than there is, or one cannot be decoded; names it, or its container.
    """
    require_memory(len(sources), info, split)

    def one(source: Path | bytes) -> NDArray[np.uint8]:
        try:
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
                return pixels(picture, info, preprocess)
        except PermissionError as error:
            assert isinstance(source, Path)
            raise unreadable(source, info, error) from error
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            if isinstance(source, Path):
                raise damaged(source, info, str(error)) from error
            assert container is not None
            raise damaged(container, info, f"an image in it cannot be decoded ({error})") from error

    images = np.empty((len(sources), 3, info.height, info.width), np.uint8)
    with ThreadPoolExecutor(_cores()) as pool:  # Pillow decodes outside the interpreter's lock
        for position, image in enumerate(pool.map(one, sources)):
            images[position] = image
    return torch.from_numpy(images)


def pixels(picture: Image.Image, info: DatasetInfo, preprocess: Preprocess) -> NDArray[np.uint8]:
    """Return one preprocessed picture as uint8 (3, H, W); greyscale and palette pictures become RGB."""
    square = preprocess(_eight_bits(picture).convert("RGB"), info.height)
    return np.asarray(square).transpose(2, 0, 1)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Return a picture of 8 bits a channel; Pillow's own conversion makes all above 255 white.

    A transparent picture loses its transparency when it becomes RGB, as everywhere in the field.

    Raises:
        ValueError: its numbers have no fixed range (floats, integers of 32 bits), or are no colours.
    """
    if picture.mode in _EIGHT_BITS:
        return picture
    sixteen = picture.mode.startswith("I;16") or (
        picture.mode == "I" and picture.format == "PNG"
    )  # Pillow < 12
    if not sixteen:
        raise ValueError(f"its pixels are of Pillow's mode {picture.mode}, not of 8 or 16 bits")
    levels = np.asarray(picture).astype(np.uint32)
    return Image.fromarray(((levels + 128) // 257).astype(np.uint8))


def _cores() -> int:
    """Return the number of cores that this process may use (macOS cannot tell, there it is all of them)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
