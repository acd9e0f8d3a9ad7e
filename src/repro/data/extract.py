"""Unpack an archive without letting it write anywhere but into its folder."""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from repro.core.errors import ReproError

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,  # zipfile's word for a compression that it does not know
    RuntimeError,  # and for an encrypted entry
)


def extract(archive: Path, folder: Path) -> None:
    """Unpack a .tar, .tar.gz, .tgz or .zip into ``folder``, which must exist.

    Only plain files and folders with relative names are accepted; every entry's name is judged before it is
    opened, and nothing is written through a link, because none is ever made. Permissions and owners in the
    archive are ignored.

    Raises:
        ReproError: damaged, of an unknown kind, or with an entry that is a link or leaves ``folder``.
    """
    try:
        for name, content in _files(archive):
            target = folder / safe_name(name, archive)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as stream:
                shutil.copyfileobj(content, stream, 1 << 20)
    except FileExistsError as error:
        raise _refuse(archive, f"it holds an entry twice ({error.filename})") from error
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the archive's
        raise ReproError(
            f"{archive.name} cannot be unpacked: {error}",
            remedy=f"move {archive} elsewhere and run the same command again, which downloads it",
            where=archive,
        ) from error


def safe_name(name: str, archive: Path) -> PurePosixPath:
    """Return an entry's relative path; ReproError where it is absolute or climbs out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\\" in name or ":" in path.parts[0]:
        raise _refuse(archive, f"its entry '{name}' would be written outside the folder")
    return path


def _files(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if archive.name.endswith((".tar", ".tar.gz", ".tgz")):
        yield from _tar_files(archive)
    elif archive.name.endswith(".zip"):
        yield from _zip_files(archive)
    else:
        raise _refuse(archive, "it is neither .tar, .tar.gz, .tgz nor .zip")


def _tar_files(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isdir():
                continue
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                raise _refuse(archive, f"its entry '{member.name}' is a link or a device")
            yield member.name, content


def _zip_files(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as container:
        for member in container.infolist():
            if member.is_dir():
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise _refuse(archive, f"its entry '{member.filename}' is a link or a device")
            with container.open(member) as content:
                yield member.filename, content


def _refuse(archive: Path, why: str) -> ReproError:
    return ReproError(
        f"{archive.name} is refused: {why}",
        remedy="do not use this file; get the archive from its publisher",
        where=archive,
    )
