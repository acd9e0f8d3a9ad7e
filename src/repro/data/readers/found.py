"""What a reader returns, and the helpers that all readers share. Imports neither torch nor numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from repro.core.by_name import declaring
from repro.core.errors import ReproError
from repro.core.named import named
from repro.data.dataset import DatasetInfo
from repro.data.layout import (
    both_trees,
    existing_folder,
    looks_like,
    misplaced,
    move_up,
    perhaps_renamed,
    what_to_move,
)
from repro.data.sources import instructions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

LONGEST_TEXT = 2**24  # bytes; the longest list of a release has half a million
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
        whole: likewise that of all images of the split that lie on disk.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    total: int
    identity: str | None = None
    whole: str | None = None


class Reader(Protocol):
    """Read at most ``limit`` images (class-balanced) of ``split`` from ``folder``."""

    def __call__(self, folder: Path, info: DatasetInfo, split: str, limit: int | None) -> Found:
        """Return what was found; ReproError for missing, damaged or foreign files."""
        ...


def reader(module: str, **release: object) -> Reader:
    """Return the function ``read`` of ``data/readers/<module>.py``, which is imported when it first reads.

    Args:
        module: a format that several data sets share.
        release: what it must be told of one of them.

    Raises:
        ReproError: there is no such file; lists those that exist.
    """
    named("reader", module, declaring("repro.data.readers", r"def read\("))

    def read(folder: Path, info: DatasetInfo, split: str, limit: int | None) -> Found:
        shared = import_module(f"repro.data.readers.{module}")
        found: Found = shared.read(folder, info, split, limit, **release)
        return found

    return read


def find_folder(root: Path, info: DatasetInfo) -> Path:
    """Return the first of the set's folders that exists below ``root``; ReproError naming all otherwise."""
    if info.drawn:
        raise ReproError(f"{info.title} have no files", remedy="name a data set of images")
    if not root.is_dir():
        raise ReproError(
            f"the data root {root} is not a folder",
            remedy="create it, or set REPRO_DATA or --data-root to the folder that holds the data sets",
            where=root,
        )
    folder = existing_folder(root, info)
    if folder is not None and looks_like(folder, info):
        return folder
    elsewhere = misplaced(root, info)
    if elsewhere is not None:
        trees = both_trees(folder or root / info.folders[0], info)
        raise ReproError(
            f"the files of {info.title} lie in the wrong folder\n{trees}",
            remedy=what_to_move(elsewhere, root, info),
            where=elsewhere,
        )
    if folder is not None:
        return folder
    places = " or ".join(str(root / folder) for folder in info.folders)
    raise ReproError(
        f"no files of {info.title} in {places}\n{both_trees(root / info.folders[0], info)}",
        remedy=f"run 'repro data fetch {info.name}', which downloads them or says what to place where",
        where=root,
    )


def require_file(path: Path, info: DatasetInfo) -> Path:
    """Return ``path``; ReproError where it is not there."""
    if not path.exists():
        raise missing(path, info)
    return path


def read_text(path: Path, info: DatasetInfo) -> str:
    """Return a text file of the set; an editor's byte-order mark is no part of it."""
    if path.stat().st_size > LONGEST_TEXT:
        raise damaged(path, info, f"it is longer than {LONGEST_TEXT:,} bytes")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise damaged(path, info, "it is no text in UTF-8") from error


def missing(path: Path, info: DatasetInfo, why: str = "is missing") -> ReproError:
    """Return the error for a file or folder that is not there; its remedy removes nothing."""
    folder = set_folder(path, info)
    nested = next((each for each in path.parent.glob(f"*/{path.name}")), None) if path.suffix else None
    return ReproError(
        f"{info.title}: {path.relative_to(folder)} {why}\n{both_trees(folder, info)}",
        remedy=move_up(nested.parent, path.parent) if nested else restore(folder, info, path),
        where=path,
    )


def damaged(path: Path, info: DatasetInfo, why: str, line: int | None = None) -> ReproError:
    """Return the error for a file of ``info`` that cannot be what it claims to be."""
    remedy = f"move {path} out of the folder; then {restore(set_folder(path, info), info, path)}"
    return ReproError(f"{path.name} of {info.title} is damaged: {why}", remedy=remedy, where=path, line=line)


def foreign(path: Path, info: DatasetInfo, rule: str | None = None) -> ReproError:
    """Return the error for a file or folder that the release does not have."""
    folder = set_folder(path, info)
    why = "" if rule is None else f": {rule}"
    return ReproError(
        f"{path.name} is no part of {info.title}{why}\n{both_trees(folder, info)}",
        remedy=f"move {path} out of {folder}",
        where=path,
    )


def set_folder(path: Path, info: DatasetInfo) -> Path:
    """Return the folder of the whole set in which ``path`` lies."""
    for parent in (path, *path.parents):
        if any(parent.parts[-len(Path(folder).parts) :] == Path(folder).parts for folder in info.folders):
            return parent
    return path.parent


def restore(folder: Path, info: DatasetInfo, path: Path) -> str:
    """Return how to get ``path`` back without touching what else lies in ``folder``."""
    if info.by_hand:
        part = next(iter(path.relative_to(folder).parts), "")
        renamed = perhaps_renamed(folder, part, info) if part else None
        hint = "" if renamed is None else f"if {renamed} is it, rename it to {part}; otherwise "
        return f"{hint}put {path.name} back in {path.parent}: {instructions(info, folder)}"
    return f"run 'repro data fetch {info.name}', which puts back what is missing and leaves the rest as it is"


def unreadable(path: Path, info: DatasetInfo, error: OSError) -> ReproError:
    """Return that a file or folder is closed to this user."""
    return ReproError(
        f"{path.name} of {info.title} cannot be read: {error.strerror}",
        remedy="let this user read it: chmod -R u+rX (its owner), or g+rX for a group",
        where=path,
    )


def balanced_subset(labels: Sequence[int] | NDArray[np.int64], limit: int | None) -> NDArray[np.int64]:
    """Return the sorted positions of at most ``limit`` examples, balanced over classes, always the same.

    Examples are taken round-robin over the classes in one fixed random order, so that a smaller limit is
    contained in a larger one.
    """
    import numpy as np

    marks = np.asarray(labels, dtype=np.int64)
    if limit is None or limit >= len(marks):
        return np.arange(len(marks))
    shuffled = np.random.Generator(np.random.PCG64(SUBSET_SEED)).permutation(len(marks))
    by_class = shuffled[np.argsort(marks[shuffled], kind="stable")]
    _, starts, sizes = np.unique(marks[by_class], return_index=True, return_counts=True)
    rank = np.arange(len(marks)) - np.repeat(starts, sizes)
    return np.asarray(np.sort(by_class[np.argsort(rank, kind="stable")][:limit]), dtype=np.int64)
