"""Download a file so that an interruption loses nothing and a wrong file is never taken for the right one."""

from __future__ import annotations

import hashlib
import http.client
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

from repro.core.errors import ReproError
from repro.data.sources import Archive

BLOCK = 1 << 20
ATTEMPTS = 4
TIMEOUT = 30.0  # seconds without a byte

Report = Callable[[int, int | None], None]  # bytes so far, bytes in all where the server says so


class _InterruptedError(Exception):
    """The connection ended before the file did."""


def download(archive: Archive, folder: Path, *, progress: bool) -> Path:
    """Return the verified file in ``folder``, downloading what is missing of it.

    What has arrived is kept as ``<filename>.part``; the next call continues there (HTTP Range). Only when the
    checksum fits does the file get its name.

    Raises:
        ReproError: server not reachable, file not there, connection lost several times, or wrong checksum
            (the downloaded part is then removed, nothing else).
    """
    target = folder / archive.filename
    if target.exists() and checksum(target, archive.algorithm) == archive.digest:
        return target
    if not _is_web_address(archive.url):
        raise ReproError(
            f"cannot download from '{archive.url}'", remedy="give an address that starts with https://"
        )
    part = folder / f"{archive.filename}.part"
    columns = (*Progress.get_default_columns(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, disable=not progress) as bar:
        task = bar.add_task(archive.filename, total=None)

        def report(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        _with_retries(archive, part, report)
    found = checksum(part, archive.algorithm)
    if found != archive.digest:
        part.unlink()
        raise ReproError(
            f"{archive.filename} from {archive.url} is not the published file "
            f"({archive.algorithm} {found}, expected {archive.digest})",
            remedy="try again; if it happens twice, get the file from another address (--url)",
            where=target,
        )
    return part.replace(target)


def _is_web_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isascii()
        )
    except ValueError:  # brackets that do not match, a port that is no number
        return False


def checksum(path: Path, algorithm: str) -> str:
    """Return the hexadecimal checksum of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def _with_retries(archive: Archive, part: Path, report: Report) -> None:
    problem: Exception | None = None
    for _ in range(ATTEMPTS):
        try:
            _continue(archive, part, report)
            return
        except (
            _InterruptedError,
            http.client.HTTPException,
            ConnectionError,
            TimeoutError,
            ssl.SSLError,
            ValueError,  # of an address that the server sends us on to
        ) as error:
            problem = error
        except urllib.error.HTTPError as error:
            raise ReproError(
                f"the server answers {error.code} ({error.reason}) for {archive.url}",
                remedy="look for a mirror of the file and give its address (--url), "
                f"or put {archive.filename}, got elsewhere, into the data root and run it again",
                where=archive.url,
            ) from error
        except urllib.error.URLError as error:
            problem = error
    raise ReproError(
        f"{archive.filename} could not be downloaded: {problem}",
        remedy="check the network and run the same command again, it continues where it stopped; "
        f"or put {archive.filename}, got elsewhere, into the data root and run it again",
        where=archive.url,
    ) from problem


def _continue(archive: Archive, part: Path, report: Report) -> None:
    """Fetch the bytes that ``part`` lacks; _InterruptedError when the connection ends early."""
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(archive.url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing lies beyond the part: whole, or not of this file; the checksum tells
            return
        raise
    with response:
        if response.status != 206:  # the server sends the whole file
            done = 0
        length = response.length  # None where the server names none, or one that is no number
        total = None if length is None else done + length
        report(done, total)
        with part.open("ab" if done else "wb") as stream:
            while block := response.read(BLOCK):
                stream.write(block)
                done += len(block)
                report(done, total)
    if total is not None and done < total:
        raise _InterruptedError(f"the connection ended after {done} of {total} bytes")
