"""Get a data set: find or download its archive, verify, unpack, and only then put it in its place.

What already lies in the set's folder is never replaced: only files that are missing there are added.
"""

from __future__ import annotations

import errno
import os
import shutil
import tarfile
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import cannot_write, replacing
from repro.core.locks import only_process
from repro.core.scratch import scratch_folder
from repro.data.catalogue import dataset_info
from repro.data.dataset import DatasetInfo
from repro.data.download import checksum, download
from repro.data.layout import existing_folder, misplaced, missing_files
from repro.data.readers.found import find_folder, restore
from repro.data.sources import Archive, archive_of, hand_placed_archive

WORK_FOLDER = ".downloads"


def fetch(name: str, root: Path, *, progress: bool = True, url: str | None = None) -> Path:
    """Return the folder of data set ``name`` below ``root``, with the files that it lacks put into it.

    An archive that lies in the data root (or in the set's folder there) is used instead of a download.

    Args:
        name: a key of the catalogue.
        root: the data root, made where needed.
        progress: show a progress bar.
        url: another address of the same archive (a mirror); the published checksum must still fit.

    Raises:
        ReproError: the set must be placed by hand (the remedy says what goes where), or the download failed.
    """
    info = dataset_info(name)
    folder = existing_folder(root, info)
    gone = [] if folder is None else missing_files(folder, info)
    if folder is not None and not gone:
        return folder
    archive = hand_placed_archive(info)
    if archive is None or not (url or placed_archive(archive, root, info)):
        if info.by_hand and (folder is not None or (root.is_dir() and misplaced(root, info))):
            folder = find_folder(root, info)  # raises where the files only lie in the wrong folder
            shown = ", ".join(gone[:3]) + (f" and {len(gone) - 3:,} more" if len(gone) > 3 else "")
            raise ReproError(
                f"{info.title} lacks {shown}",
                remedy=restore(folder, info, folder / gone[0]),
                where=folder,
            )
        archive = archive_of(info, root)
    return fetch_archive(info, archive if url is None else replace(archive, url=url), root, progress=progress)


def fetch_archive(info: DatasetInfo, archive: Archive, root: Path, *, progress: bool = True) -> Path:
    """Find or download ``archive`` and unpack it as ``info``'s folder below ``root``; return that folder.

    Half-finished work stays in ``root/.downloads``. A folder that is not there yet appears whole, by one
    rename (where it is to lie on another disk, by a copy); into one that is there, files that it lacks are
    moved one by one.

    Raises:
        ReproError: as :func:`fetch`; also where the archive holds another folder than the one published, or
            nothing that the folder lacks.
    """
    work = root / WORK_FOLDER
    destination = existing_folder(root, info) or root / info.folders[0]
    placed = placed_archive(archive, root, info)
    with only_process(work, f"downloads below {root}"):
        try:
            file = placed or download(archive, work, progress=progress)
            with scratch_folder(work, "unpacking-") as temporary:
                _unpack(file, temporary)
                unpacked = temporary / Path(info.folders[0]).name
                if not unpacked.is_dir():
                    raise ReproError(
                        f"{file.name} does not hold the folder {unpacked.name}",
                        remedy="get the archive from its publisher",
                        where=file,
                    )
                if destination.exists():
                    _add_missing(unpacked, destination, file)
                else:
                    destination.parent.mkdir(parents=True, exist_ok=True)
                    shutil.move(unpacked, destination)
        except OSError as error:
            raise cannot_write(destination, error) from error
        if file is not placed:
            file.unlink()  # the command's own download, not the user's file
    return destination


def placed_archive(archive: Archive, root: Path, info: DatasetInfo) -> Path | None:
    """Return the archive where the user has placed it: in the data root, or beside the set's folder.

    Raises:
        ReproError: a file of its name is there, but its checksum is another.
    """
    for folder in (root, (root / info.folders[0]).parent, root / info.folders[0]):
        path = folder / archive.filename
        if not path.is_file():
            continue
        found = checksum(path, archive.algorithm)
        if found == archive.digest:
            return path
        raise ReproError(
            f"{path.name} is not the published file ({archive.algorithm} {found}, expected {archive.digest})",
            remedy=f"move {path} out of the data root, then run the same command again",
            where=path,
        )
    return None


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive of which :func:`fetch_archive` knows that it is the published one."""
    try:
        if archive.suffix != ".zip" and hasattr(tarfile, "data_filter"):  # Python 3.11.4 and newer
            shutil.unpack_archive(archive, folder, filter="data")
        else:
            shutil.unpack_archive(archive, folder)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the archive's
        raise ReproError(
            f"{archive.name} cannot be unpacked: {error}",
            remedy=f"move {archive} elsewhere and run the same command again, which downloads it",
            where=archive,
        ) from error


def _add_missing(unpacked: Path, destination: Path, archive: Path) -> None:
    """Move those files of ``unpacked`` to ``destination`` whose names are free there."""
    added = 0
    for parent, folders, files in os.walk(unpacked):
        folders.sort()
        for name in files:
            source = Path(parent) / name
            target = destination / source.relative_to(unpacked)
            if os.path.lexists(target):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            _move(source, target)
            added += 1
    if not added:
        raise ReproError(
            f"{archive.name} holds nothing that the folder lacks",
            remedy=f"move {destination} elsewhere, then run the same command again",
            where=destination,
        )


def _move(source: Path, target: Path) -> None:
    """Rename a file, or copy it where the folder lies on another disk; it appears whole."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
