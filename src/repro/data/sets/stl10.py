"""STL-10 in its binary release, 96 px, resized bilinearly to 48 px (DAT's and mimicry's size)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from repro.data.dataset import DatasetInfo
from repro.data.memory import require_memory
from repro.data.readers.found import Found, balanced_subset, damaged, read_text, require_file
from repro.data.sources import of_torchvision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

SIDE = 96
CHUNK = 1024
FILES = ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", "unlabeled_X.bin", "class_names.txt")


def read(folder: Path, info: DatasetInfo, split: str, limit: int | None) -> Found:
    """Return one split; see :class:`repro.data.readers.found.Reader`."""
    import numpy as np
    import torch

    path = require_file(folder / f"{split}_X.bin", info)
    image_bytes = 3 * SIDE * SIDE
    total, rest = divmod(path.stat().st_size, image_bytes)
    if rest or not total:
        raise damaged(
            path, info, f"its {path.stat().st_size} bytes are no multiple of an image's {image_bytes}"
        )
    labels = np.zeros(total, np.int64)
    classes: tuple[str, ...] = ()
    if split not in info.unlabelled:
        labels = _read_labels(require_file(folder / f"{split}_y.bin", info), info, total)
        classes = _class_names(folder, info)
    chosen = balanced_subset(labels, limit)
    require_memory(len(chosen), info, split)
    stored = np.memmap(path, np.uint8, "r", shape=(total, 3, SIDE, SIDE))
    images = torch.empty((len(chosen), 3, info.height, info.width), dtype=torch.uint8)
    for start in range(0, len(chosen), CHUNK):
        part = np.ascontiguousarray(
            stored[chosen[start : start + CHUNK]].transpose(0, 1, 3, 2)
        )  # stored by column
        images[start : start + CHUNK] = halve(torch.from_numpy(part), info.height)
    return Found(images, torch.from_numpy(labels[chosen]), classes, total)


def halve(images: Tensor, size: int) -> Tensor:
    """Resize uint8 (N, 3, S, S) to ``size`` with the antialiased bilinear filter that Pillow uses."""
    from torch.nn import functional as F

    return F.interpolate(images, (size, size), mode="bilinear", antialias=True)


def _read_labels(path: Path, info: DatasetInfo, total: int) -> NDArray[np.int64]:
    import numpy as np

    if path.stat().st_size != total:  # one byte each
        raise damaged(path, info, f"it holds {path.stat().st_size} labels for {total} images")
    stored = np.fromfile(path, np.uint8)
    if not 1 <= stored.min() <= stored.max() <= info.classes:
        raise damaged(
            path, info, f"labels run from {stored.min()} to {stored.max()}, not 1 to {info.classes}"
        )
    return stored.astype(np.int64) - 1


def _class_names(folder: Path, info: DatasetInfo) -> tuple[str, ...]:
    path = require_file(folder / "class_names.txt", info)
    names = tuple(read_text(path, info).split())
    if len(names) != info.classes:
        raise damaged(path, info, f"it names {len(names)} classes instead of {info.classes}")
    return names


DATASET = DatasetInfo(
    "STL-10",
    height=48,
    width=48,
    classes=10,
    splits={"train": 5_000, "test": 8_000, "unlabeled": 100_000},
    unlabelled=("unlabeled",),
    folders=("stl10/stl10_binary", "stl10_binary"),
    tree=("class_names.txt", "test_X.bin, test_y.bin", "train_X.bin, train_y.bin", "unlabeled_X.bin"),
    signs=("*_X.bin", "*_y.bin"),
    needed=FILES,
    known_files=(*FILES, "fold_indices.txt"),
    read=read,
    archive=partial(of_torchvision, "STL10"),
)
