"""One process at a time: a lock that the operating system frees when the process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from repro.core.errors import ReproError
from repro.core.files import cannot_write

MARKER = ".process"  # ending of the marker's name; a lock copied from another file system marks nothing


@contextmanager
def only_process(folder: Path, what: str, *, name: str = ".lock", wait: bool = False) -> Iterator[None]:
    """Hold a lock in ``folder`` (made where needed) for this process while the block runs.

    Whoever may write the folder may take it. Where the file system has no locks, a marker stands in, which
    names its process and machine; on that machine it is known when the process has ended.

    Args:
        folder: what must not be written by two processes at a time, or where the lock lies.
        what: its name in the error message, e.g. ``run gat-cifar10-1a2b3c4d5e-s0``.
        name: the lock's file, which says who holds it.
        wait: wait for another process that holds it, and say so on stderr.

    Raises:
        ReproError: another process holds it and ``wait`` is not set, or the folder cannot be written.
    """
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(path)
        _acquire(lock, what, wait)
    except Timeout as error:
        remedy = "wait until it has ended, or end it, then run the same command again"
        if isinstance(lock, SoftFileLock):
            remedy = f"{remedy}; if there is no such process any more, delete {lock.lock_file}"
        raise ReproError(f"{_holder(lock)} works on {what}", remedy=remedy, where=folder) from error
    except PermissionError as error:
        if not path.exists():
            raise cannot_write(path, error) from error
        raise ReproError(
            f"{what} was begun by another user, who did not let others go on with it",
            remedy=f"let its owner type `chmod -R g+w {folder}`, or delete {path} if no process works there",
            where=path,
        ) from error
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield
    finally:
        lock.release()


def _lock(path: Path) -> BaseFileLock:
    """Return the kind of lock that the folder's file system has."""
    with tempfile.TemporaryFile(dir=path.parent) as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return SoftFileLock(path.with_name(path.name + MARKER), timeout=0)
    mode = path.parent.stat().st_mode & 0o666 | 0o600
    return FileLock(path, timeout=0, mode=mode)


def _acquire(lock: BaseFileLock, what: str, wait: bool) -> None:
    """Take the lock; where only the system knows who has it, write the process into it as a marker does."""
    try:
        lock.acquire()
    except Timeout:
        if not wait:
            raise
        print(f"waiting until {_holder(lock)}, which works on {what}, has ended", file=sys.stderr, flush=True)
        lock.acquire(timeout=-1, poll_interval=0.5)
    if not isinstance(lock, SoftFileLock):
        with suppress(OSError):  # the lock holds without the name
            Path(lock.lock_file).write_text(f"{os.getpid()}\n{platform.node()}\n", encoding="utf-8")


def _holder(lock: BaseFileLock) -> str:
    """Return the process that holds a lock, in words."""
    try:
        process, machine = Path(lock.lock_file).read_text(encoding="utf-8").split("\n")[:2]
    except (OSError, ValueError):
        return "another process"
    return f"another process ({process} on {machine})" if process else "another process"
