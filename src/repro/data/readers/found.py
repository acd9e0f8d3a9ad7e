"""What a reader returns, and the helpers that all readers share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from repro.core.errors import ReproError
from repro.data.catalogue import DatasetInfo

SUBSET_SEED = 20_190_101  # fixed for ever: a limit must choose the same images in every run


@dataclass(frozen=True)
class Found:
    """Images read from files.

    Args:
        images: uint8 (N, 3, H, W).
        labels: int64 (N,), zeros where the split has no classes.
        classes: class names by label.
        total: images of the split that lie on disk, N or more.
        identity: the fingerprint of the images, where the reader has computed it anyway.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    total: int
    identity: str | None = None


class Reader(Protocol):
    """Read at most ``limit`` images (class-balanced) of ``split`` from ``folder``."""

    def __call__(self, folder: Path, info: DatasetInfo, split: str, limit: int | None) -> Found:
        """Return what was found; ReproError for missing, damaged or foreign files."""
        ...


def find_folder(root: Path, info: DatasetInfo) -> Path:
    """Return the first of the set's folders that exists below ``root``; ReproError naming all otherwise."""
    if not root.is_dir():
        raise ReproError(
            f"the data root {root} is not a folder",
            remedy="create it, or set REPRO_DATA or --data-root to the folder that holds the data sets",
            where=root,
        )
    for folder in info.folders:
        if (root / folder).is_dir():
            return root / folder
    places = " or ".join(str(root / folder) for folder in info.folders)
    raise ReproError(
        f"no files of {info.title} in {places}",
        remedy=f"run 'repro data fetch {info.name}', which downloads them or says what to place where",
        where=root,
    )


def require_file(path: Path, info: DatasetInfo) -> Path:
    """Return ``path``; ReproError where it is not there."""
    if not path.exists():
        raise ReproError(
            f"{path.name} of {info.title} is missing",
            remedy=f"restore {path.name}, or remove {path.parent} and run 'repro data fetch {info.name}'",
            where=path,
        )
    return path


def damaged(path: Path, info: DatasetInfo, why: str) -> ReproError:
    """Return the error for a file of ``info`` that cannot be what it claims to be."""
    return ReproError(
        f"{path.name} of {info.title} is damaged: {why}",
        remedy=f"remove the file and get {info.title} again ('repro data fetch {info.name}')",
        where=path,
    )


def balanced_subset(labels: Sequence[int] | NDArray[np.int64], limit: int | None) -> NDArray[np.int64]:
    """Return the sorted positions of at most ``limit`` examples, balanced over classes, always the same.

    Examples are taken round-robin over the classes in one fixed random order, so that a smaller limit is
    contained in a larger one.
    """
    marks = np.asarray(labels, dtype=np.int64)
    if limit is None or limit >= len(marks):
        return np.arange(len(marks))
    shuffled = np.random.Generator(np.random.PCG64(SUBSET_SEED)).permutation(len(marks))
    by_class = shuffled[np.argsort(marks[shuffled], kind="stable")]
    _, starts, sizes = np.unique(marks[by_class], return_index=True, return_counts=True)
    rank = np.arange(len(marks)) - np.repeat(starts, sizes)
    return np.asarray(np.sort(by_class[np.argsort(rank, kind="stable")][:limit]), dtype=np.int64)
