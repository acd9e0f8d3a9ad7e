"""Writing whole folders so that whoever looks finds the old one or the new one, never a part."""

from __future__ import annotations

import ctypes
import errno
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import cannot_write
from repro.core.scratch import is_scratch, scratch_folder

_NEW, _OLD = "new", "old"
_NOT_HERE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


@contextmanager
def replacing_folder(into: Path, require_own: Callable[[Path], None]) -> Iterator[Path]:
    """Yield an empty folder beside ``into``; when the block ends it takes the place of ``into`` as a whole.

    Where the file system can exchange two folders, ``into`` is never away. Elsewhere it is away between two
    renames; the next call puts the former one back if the process was killed just then.

    Args:
        into: the folder to replace or make; of a link, what it points to.
        require_own: raises ReproError where a folder holds anything that must not be replaced; asked at the
            beginning and again at the end.

    Raises:
        ReproError: ``into`` is not to be replaced or cannot be written; it is then as it was before.
    """
    place = into.resolve()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _put_back(place)
        _require(into, require_own)
        with scratch_folder(place.parent, _prefix(place)) as aside:
            (aside / _NEW).mkdir()
            yield aside / _NEW
            _require(into, require_own)
            _swap(aside, place)
    except OSError as error:
        raise cannot_write(into, error) from error


def without_links(root: Path, path: Path) -> Path:
    """Return ``path`` if neither it nor a folder between it and ``root`` is a symbolic link.

    Raises:
        ReproError: one is, so that the file may be anything from anywhere.
    """
    for place in [path, *path.parents]:
        if place == root:
            break
        if place.is_symlink():
            here, real = shlex.quote(str(place)), shlex.quote(f"{place}.real")
            raise ReproError(
                "this is a symbolic link, and what it points to was not made here",
                remedy="put the real thing in its place: "
                f"cp -rL {here} {real} && rm {here} && mv {real} {here}; or delete it",
                where=place,
            )
    return path


def _prefix(into: Path) -> str:
    return f".{into.name}-"


def _require(into: Path, require_own: Callable[[Path], None]) -> None:
    if into.is_dir():
        require_own(into)
    elif into.exists():
        raise ReproError("this is no folder", remedy="name another one with --into", where=into)


def _swap(aside: Path, into: Path) -> None:
    """Put the new folder where ``into`` is; the former one, if any, goes aside."""
    new, old = aside / _NEW, aside / _OLD
    if not into.exists():
        new.rename(into)
    elif not _exchange(new, into):
        into.rename(old)
        try:
            new.rename(into)
        except OSError:
            old.rename(into)
            raise


def _put_back(into: Path) -> None:
    """Put a former folder back that a process killed between two renames left aside."""
    if into.exists():
        return
    aside = into.parent.glob(f"{_prefix(into)}*/{_OLD}")
    former = (path for path in aside if is_scratch(path.parent, _prefix(into)))
    for old in sorted(former, key=lambda path: path.stat().st_mtime):
        old.rename(into)  # only one can be there: the next process does this before it begins
        return


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; return whether the system can."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None or not sys.platform.startswith("linux"):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of <linux/fs.h>
    if rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NOT_HERE:
        return False
    raise OSError(code, os.strerror(code), str(other))
