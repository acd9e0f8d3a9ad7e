"""CelebA's aligned faces, ``img_align_celeba/NNNNNN.jpg``: centre square (178 px), resized to 64 px.

The official split goes by file number: 1 to 162770 train, 162771 to 182637 validation (unused here), 182638
to 202599 test. In a sample of training files alone, every tenth file in sorted order is the test split
instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from repro.data.dataset import DatasetInfo
from repro.data.readers.folders import pictures
from repro.data.readers.found import Found, balanced_subset, damaged, missing
from repro.data.sources import Archive

PICTURES = 202_599
TRAIN_LAST, TEST_FIRST = 162_770, 182_638


def read(folder: Path, info: DatasetInfo, split: str, limit: int | None) -> Found:
    """Return one split, without classes; see :class:`repro.data.readers.found.Reader`."""
    import torch

    from repro.data.readers.decode import decode

    paths = split_files(pictures(folder, info), info, split)
    if not paths:
        raise missing(folder / f"{TEST_FIRST if split == 'test' else 1:06d}.jpg", info)
    chosen = balanced_subset([0] * len(paths), limit)
    images = decode([paths[i] for i in chosen], info, split)
    return Found(images, torch.zeros(len(chosen), dtype=torch.int64), (), len(paths))


def split_files(paths: list[Path], info: DatasetInfo, split: str) -> list[Path]:
    """Return those of the sorted ``paths`` that belong to ``split``."""
    numbers = [_number(path, info) for path in paths]
    if numbers[-1] > TRAIN_LAST:
        wanted = range(1, TRAIN_LAST + 1) if split == "train" else range(TEST_FIRST, 202_600)
        return [path for path, number in zip(paths, numbers, strict=True) if number in wanted]
    return [path for position, path in enumerate(paths) if (position % 10 == 9) == (split == "test")]


def _number(path: Path, info: DatasetInfo) -> int:
    if not (path.stem.isdigit() and len(path.stem) == 6):
        raise damaged(path, info, "its name is not a six-digit number")
    return int(path.stem)


def needed(folder: Path) -> Iterator[str]:
    """Yield the files of the release."""
    return (f"{k:06d}.jpg" for k in range(1, PICTURES + 1))


DATASET = DatasetInfo(
    "CelebA",
    height=64,
    width=64,
    classes=0,
    splits={"train": 162_770, "test": 19_962},
    folders=("celeba/img_align_celeba", "img_align_celeba"),
    tree=("000001.jpg ... 202599.jpg",),
    signs=("[0-9][0-9][0-9][0-9][0-9][0-9].*",),
    needed=needed,
    read=read,
    decoded=True,
    archive=partial(  # its terms are accepted on its page; torchvision knows the sum of what comes from there
        Archive,
        url="",
        filename="img_align_celeba.zip",
        algorithm="md5",
        digest="00d2c5bc6d35e252742224ab0c1e8fcb",
    ),
    by_hand="download img_align_celeba.zip from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html and "
    "unpack it so that {folder} holds 000001.jpg to 202599.jpg (or place it in the data root and run "
    "'repro data fetch celeba')",
)
