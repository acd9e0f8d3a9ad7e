"""One process per folder: a lock that the operating system frees when the process ends, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from repro.core.errors import ReproError
from repro.core.files import cannot_write


@contextmanager
def only_process(folder: Path, what: str) -> Iterator[None]:
    """Hold ``folder`` (made where needed) for this process while the block runs.

    Args:
        folder: what must not be written by two processes at a time.
        what: its name in the error message, e.g. ``run gat-cifar10-1a2b3c4d5e-s0``.

    Raises:
        ReproError: another process holds it, or the folder cannot be written.
    """
    path = folder / ".lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=0)
        lock.acquire()
    except Timeout as error:
        raise ReproError(
            f"another process works on {what}",
            remedy="wait until it has ended, or end it, then run the same command again",
            where=folder,
        ) from error
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield
    finally:
        lock.release()
