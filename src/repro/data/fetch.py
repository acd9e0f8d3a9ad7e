"""Get a data set: download, verify, unpack, and only then put it in its place."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import cannot_write
from repro.core.locks import only_process
from repro.data.catalogue import DatasetInfo, dataset_info
from repro.data.download import download
from repro.data.extract import extract
from repro.data.sources import Archive, archive_of

WORK_FOLDER = ".downloads"


def fetch(name: str, root: Path, *, progress: bool = True, url: str | None = None) -> Path:
    """Return the folder of data set ``name`` below ``root``, downloading the set where it is not there yet.

    Args:
        name: a key of the catalogue.
        root: the data root, made where needed.
        progress: show a progress bar.
        url: another address of the same archive (a mirror); the published checksum must still fit.

    Raises:
        ReproError: the set must be placed by hand (the remedy says what goes where), or the download failed.
    """
    info = dataset_info(name)
    for folder in info.folders:
        if (root / folder).is_dir():
            return root / folder
    archive = archive_of(info, root)
    return fetch_archive(info, archive if url is None else replace(archive, url=url), root, progress=progress)


def fetch_archive(info: DatasetInfo, archive: Archive, root: Path, *, progress: bool = True) -> Path:
    """Download ``archive`` and unpack it as ``info``'s folder below ``root``; return that folder.

    Half-finished work stays in ``root/.downloads``; the set's folder appears whole, by one rename.

    Raises:
        ReproError: as :func:`fetch`; also where the archive holds another folder than the one published.
    """
    work = root / WORK_FOLDER
    destination = root / info.folders[0]
    with only_process(work, f"downloads below {root}"):
        try:
            file = download(archive, work, progress=progress)
            with tempfile.TemporaryDirectory(prefix="unpacking-", dir=work) as temporary:
                extract(file, Path(temporary))
                unpacked = Path(temporary) / destination.name
                if not unpacked.is_dir():
                    raise ReproError(
                        f"{file.name} does not hold the folder {destination.name}",
                        remedy="get the archive from its publisher",
                        where=file,
                    )
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(unpacked, destination)
        except OSError as error:
            raise cannot_write(destination, error) from error
        file.unlink()
    return destination
