"""Listing folders of pictures, strictly: a file that is no picture is an error, hidden files are not seen."""

from __future__ import annotations

from pathlib import Path

from repro.core.errors import ReproError
from repro.data.dataset import DatasetInfo
from repro.data.layout import both_trees
from repro.data.readers.found import foreign, missing, require_file, set_folder, unreadable

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


def subfolders(folder: Path, info: DatasetInfo) -> list[str]:
    """Return the sorted names of the folders in ``folder``, which must hold nothing else."""
    entries = _entries(folder, info)
    for entry in entries:
        if entry.suffix.lower() in IMAGE_SUFFIXES and not entry.is_dir():
            raise ReproError(
                f"{folder.name} of {info.title} holds pictures where class folders belong\n"
                f"{both_trees(set_folder(folder, info), info)}",
                remedy=f"sort the pictures in {folder} into one folder for each class",
                where=folder,
            )
        if not entry.is_dir():
            raise foreign(entry, info, f"only class folders belong in {folder.name}")
    if not entries:
        raise missing(folder, info, "holds no class folders")
    return [entry.name for entry in entries]


def pictures(folder: Path, info: DatasetInfo) -> list[Path]:
    """Return the sorted picture files in ``folder``, which must hold at least one and nothing else."""
    entries = _entries(folder, info)
    for entry in entries:
        if entry.suffix.lower() not in IMAGE_SUFFIXES:
            raise foreign(entry, info, f"only pictures belong in {folder.name}")
    if not entries:
        raise missing(folder, info, "holds no pictures")
    return entries


def _entries(folder: Path, info: DatasetInfo) -> list[Path]:
    """Return what a folder shows, sorted."""
    try:
        require_file(folder, info)
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise unreadable(folder, info, error) from error
