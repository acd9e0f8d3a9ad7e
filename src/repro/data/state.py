"""Whether the files of a data set are as they were, seen without opening them. Imports no torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from repro.data.dataset import DatasetInfo
from repro.data.layout import existing_folder, looks_like


def folder_at_hand(info: DatasetInfo, root: Path | None) -> Path | None:
    """Return the folder below the data root that holds files of ``info``; None where there is none."""
    folder = None if root is None else existing_folder(root, info)
    return folder if folder is not None and looks_like(folder, info) else None


def folder_state(folder: Path, info: DatasetInfo) -> str:
    """Return a sha256 of names, sizes and times of the files below ``folder`` that can be read for ``info``.

    The time of the last change of content or attributes is one of them: no copying program sets it.
    """
    state = hashlib.sha256()
    for line in _lines(folder, "", info.subfolders):
        state.update(os.fsencode(line))  # any bytes make a name
    return state.hexdigest()


def _lines(folder: str | Path, below: str, only: frozenset[str]) -> Iterator[str]:
    """Yield one line for each entry below ``folder``, whose name in the data set's folder is ``below``."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:  # the reader will say so, if it reads it
        yield f"{below}: {error.strerror}\n"
        return
    for entry in entries:  # a million of them: no Path objects
        if entry.name.startswith("."):
            continue  # no reader sees it
        name = f"{below}/{entry.name}"
        try:
            if entry.is_dir():
                yield f"{name}/\n"
                up = entry.is_symlink() and Path(entry.path).resolve() in Path(folder, "x").resolve().parents
                if not up and (not only or entry.name in only):
                    yield from _lines(entry.path, name, only)
            else:
                facts = entry.stat(follow_symlinks=entry.is_file())  # a link to nothing has facts of its own
                yield f"{name} {facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}\n"
        except FileNotFoundError:  # just deleted
            continue
        except OSError as error:  # a link to itself, or one that this user may not follow
            yield f"{name}: {error.strerror}\n"
