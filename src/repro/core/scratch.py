"""Temporary folders whose maker holds a lock: those of the dead are known, and nobody else's is removed."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HELD = ".held"  # file in each of them, locked as long as its process lives
_DEAD = 86_400.0  # seconds without a change that tell it too, where there is no lock to ask


@contextmanager
def scratch_folder(parent: Path, prefix: str, *, private: bool = False) -> Iterator[Path]:
    """Yield a new folder in ``parent`` and remove it with all that is in it when the block ends.

    Those with the same prefix that killed processes left behind are removed first.

    Args:
        parent: an existing folder.
        prefix: beginning of the name.
        private: only this user may look into it; otherwise the umask decides.

    Raises:
        OSError: it cannot be made.
    """
    remove_dead(parent, prefix)
    folder, lock = _make(parent, prefix, 0o700 if private else 0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def remove_dead(parent: Path, prefix: str) -> None:
    """Remove the folders of this prefix in ``parent`` that belong to no living process, as far as we may."""
    for path in parent.glob(f"{prefix}*"):
        ours = is_scratch(path, prefix) or os.path.exists(path / HELD)  # noqa: PTH110  where we may not look: no
        if ours and (lock := _take(path)) is not None:
            remove(path)
            os.close(lock)


def is_scratch(folder: Path, prefix: str) -> bool:
    """Tell whether a folder has a name that ``scratch_folder`` gives."""
    return re.fullmatch(re.escape(prefix) + "[0-9a-f]{12}", folder.name) is not None


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, as far as we may."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink()
    except OSError:
        return


def _make(parent: Path, prefix: str, mode: int) -> tuple[Path, int]:
    """Make a folder and return it with the open file that holds it."""
    while True:
        folder = parent / f"{prefix}{secrets.token_hex(6)}"
        folder.mkdir(mode)
        lock = os.open(folder / HELD, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # waits at most for somebody who found it unlocked, to remove it
        except OSError:
            return folder, lock  # a file system without locks
        if os.fstat(lock).st_nlink:
            return folder, lock
        os.close(lock)


def _take(path: Path) -> int | None:
    """Return an open file that holds what a dead process left behind, None where its owner may be alive."""
    try:
        try:
            lock, locked = os.open(path / HELD, os.O_RDWR | os.O_NOFOLLOW), True
        except FileNotFoundError:
            lock, locked = os.open(path, os.O_RDONLY | os.O_NOFOLLOW), False
    except OSError:
        return None  # gone meanwhile, or another user's
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError:
        locked = False  # a file system without locks
    if not locked and time.time() - os.fstat(lock).st_mtime < _DEAD:
        os.close(lock)
        return None
    return lock
