"""Listing folders of pictures, strictly: a file that is no picture is an error, hidden files are not seen."""

from __future__ import annotations

from pathlib import Path

from repro.core.errors import ReproError
from repro.data.catalogue import DatasetInfo
from repro.data.readers.decode import IMAGE_SUFFIXES
from repro.data.readers.found import require_file


def subfolders(folder: Path, info: DatasetInfo) -> list[str]:
    """Return the sorted names of the folders in ``folder``, which must hold nothing else."""
    require_file(folder, info)
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    for entry in entries:
        if not entry.is_dir():
            raise _extra(entry, info, "only class folders belong here")
    if not entries:
        raise ReproError(
            f"{info.title}: no class folders in {folder}",
            remedy="place one folder of pictures for each class there",
            where=folder,
        )
    return sorted(entry.name for entry in entries)


def pictures(folder: Path, info: DatasetInfo) -> list[Path]:
    """Return the sorted picture files in ``folder``, which must hold at least one and nothing else."""
    require_file(folder, info)
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    for entry in entries:
        if entry.suffix.lower() not in IMAGE_SUFFIXES:
            raise _extra(entry, info, "only pictures belong here")
    if not entries:
        raise ReproError(
            f"{info.title}: no pictures in {folder}", remedy="place the pictures there", where=folder
        )
    return entries


def _extra(entry: Path, info: DatasetInfo, rule: str) -> ReproError:
    return ReproError(
        f"{entry.name} is no part of {info.title}: {rule}", remedy="move or remove it", where=entry
    )
