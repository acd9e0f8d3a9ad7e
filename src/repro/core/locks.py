"""One process at a time: a lock that the operating system frees when the process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import platform
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from repro.core.errors import ReproError
from repro.core.files import cannot_write

POLL = 0.5  # seconds between two looks at a lock that is waited for
MARKER = ".process"  # ending of the marker's name; a lock copied from another file system marks nothing
LOCK = ".lock"
LOCK_FILES = LOCK, LOCK + MARKER  # of a folder that one process holds: no part of what is in it


@contextmanager
def only_process(folder: Path, what: str, *, name: str = LOCK, wait: bool = False) -> Iterator[None]:
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
    with first_free(folder, [name], what, wait=wait):
        yield


@contextmanager
def first_free(folder: Path, names: Sequence[str], what: str, *, wait: bool) -> Iterator[str]:
    """Hold the first of several locks that no other process holds, and give its name; as ``only_process``."""
    path = folder / names[0]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        locks = [_lock(folder / name) for name in names]
        lock = _acquire(locks, what, wait)
    except Timeout as error:
        remedy = "wait until it has ended, or end it, then run the same command again"
        if isinstance(locks[0], SoftFileLock):
            remedy = f"{remedy}; if there is no such process any more, delete {locks[0].lock_file}"
        raise ReproError(f"{_holder(locks[0])} works on {what}", remedy=remedy, where=folder) from error
    except PermissionError as error:
        if not path.exists():
            raise cannot_write(path, error) from error
        raise ReproError(
            f"{what} was begun by another user, who did not let others go on with it",
            remedy=f"let its owner type `chmod -R g+w {shlex.quote(str(folder))}`, or delete {path} "
            "if no process works there",
            where=path,
        ) from error
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield names[locks.index(lock)]
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


def _acquire(locks: Sequence[BaseFileLock], what: str, wait: bool) -> BaseFileLock:
    """Take the first free lock; where only the system knows who has it, write the process into it too."""
    said = False
    while (lock := next(filter(_taken, locks), None)) is None:
        if not wait:
            raise Timeout(locks[0].lock_file)
        if not said:
            holders = " or ".join(map(_holder, locks))
            print(f"waiting until {holders}, which works on {what}, has ended", file=sys.stderr, flush=True)
        said = True
        time.sleep(POLL)
    if not isinstance(lock, SoftFileLock):
        with suppress(OSError):  # the lock holds without the name
            Path(lock.lock_file).write_text(f"{os.getpid()}\n{platform.node()}\n", encoding="utf-8")
    return lock


def _taken(lock: BaseFileLock) -> bool:
    """Take a lock if no other process holds it, and tell whether this one does."""
    with suppress(Timeout):
        lock.acquire()
    return lock.is_locked


def _holder(lock: BaseFileLock) -> str:
    """Return the process that holds a lock, in words."""
    try:
        process, machine = Path(lock.lock_file).read_text(encoding="utf-8").split("\n")[:2]
    except (OSError, ValueError):
        return "another process"
    return f"another process ({process} on {machine})" if process else "another process"
