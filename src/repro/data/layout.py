"""Where the files of a data set belong, and how to say it when they lie elsewhere.

Archives unpack into one folder more or fewer than expected (``img_align_celeba/img_align_celeba``, or a data
root that is itself ``cifar-10-batches-py``). Nothing is guessed then: the error shows the first lines of the
tree that is expected and of the one that is there, and says what to move.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from repro.data.dataset import DatasetInfo

DEPTH = 4  # how far below the data root misplaced files are looked for (imagenet/ILSVRC/Data/CLS-LOC)
FOLDERS = 3000  # and in how many folders
LINES = 6


def looks_like(folder: Path, info: DatasetInfo) -> bool:
    """Tell whether ``folder`` directly holds files of ``info``."""
    if any(os.path.exists(folder / name) for name in info.not_signs):  # noqa: PTH110  Path.exists raises
        return False
    return any(any(folder.glob(sign)) for sign in info.signs)


def existing_folder(root: Path, info: DatasetInfo) -> Path | None:
    """Return the folder of ``info`` below ``root``: the first that holds files of it, else that exists."""
    there = _existing(root, info)
    return next((folder for folder in there if looks_like(folder, info)), there[0] if there else None)


def _existing(root: Path, info: DatasetInfo) -> list[Path]:
    """Return the folders of ``info`` that exist, as far as this user may look."""
    return [root / each for each in info.folders if os.path.isdir(root / each)]  # noqa: PTH112  is_dir raises


def misplaced(root: Path, info: DatasetInfo) -> Path | None:
    """Return the nearest folder below ``root`` that holds files of ``info`` where nobody looks for them."""
    places = [root / folder for folder in info.folders]
    below = islice(_folders(root), FOLDERS)
    return next((each for each in below if each not in places and looks_like(each, info)), None)


def what_to_move(found: Path, root: Path, info: DatasetInfo) -> str:
    """Return what to do where the files lie in ``found``, below or at the data root ``root``."""
    if found == root and root.resolve().name in info.folders:
        return f"give {root.resolve().parent} as the data root, not the folder of one data set"
    there = _existing(root, info)
    wanted = there[0] if there else root / info.folders[0]
    if wanted.is_relative_to(found):
        return f"move {', '.join(info.parts)} from {found} to {wanted}"
    return move_up(found, wanted)


def perhaps_renamed(folder: Path, part: str, info: DatasetInfo) -> Path | None:
    """Return the only folder in ``folder`` that the set does not have, where it lacks its ``part``."""
    strangers = [folder / name for name in _subfolders(folder) if name not in info.parts]
    return strangers[0] if len(strangers) == 1 and not (folder / part).exists() else None


def move_up(found: Path, wanted: Path) -> str:
    """Return what to do where a whole folder lies under another name."""
    return f"move everything in {found} to {wanted}, then delete {found}, which is empty"


def both_trees(folder: Path, info: DatasetInfo) -> str:
    """Return the first lines of what ``folder`` should hold and of what it holds.

    Where it does not exist, the nearest folder above that does is shown.
    """
    there = next(each for each in (folder, *folder.parents) if each.is_dir())
    lines = [f"  expected: {folder}/", *(f"              {line}" for line in info.tree)]
    return "\n".join([*lines, f"  found:    {there}/", *(f"              {line}" for line in _tree(there))])


def missing_files(folder: Path, info: DatasetInfo) -> list[str]:
    """Return the names, relative to ``folder``, of the files (or folders) of the release that it lacks.

    Asked by name only; `repro data fetch` puts them back.
    """
    there: dict[str, set[str]] = {}

    def exists(name: str) -> bool:
        parent, _, last = name.rpartition("/")
        if parent not in there:  # one listing a folder: some sets have 200,000 files
            path = folder / parent
            there[parent] = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
        return last in there[parent]

    names = info.needed if isinstance(info.needed, tuple) else info.needed(folder)
    return [name for name in names if not exists(name)]


def _tree(folder: Path) -> list[str]:
    """Return the first entries of ``folder``, each with the path to the first file below it."""
    entries = _visible(folder)
    lines = [_first_path(entry) for entry in entries[:LINES]]
    if len(entries) > LINES:
        lines.append(f"... and {len(entries) - LINES:,} more")
    return lines or ["(nothing)"]


def _first_path(entry: Path) -> str:
    name, level = entry.name, 0
    while entry.is_dir():
        inside, level = _visible(entry), level + 1
        if not inside or level > DEPTH:
            return f"{name}/"
        entry = inside[0]
        name = f"{name}/{entry.name}"
    return name


def _visible(folder: Path) -> list[Path]:
    """Return the sorted entries that are not hidden; none where the folder may not be read."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        return []


def _folders(root: Path) -> Iterator[Path]:
    """Yield ``root`` and the folders below it, the nearest first."""
    waiting = deque([(root, 0)])
    while waiting:
        folder, depth = waiting.popleft()
        yield folder
        if depth < DEPTH:
            waiting += [(folder / name, depth + 1) for name in _subfolders(folder)]


def _subfolders(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(each.name for each in entries if each.is_dir() and not each.name.startswith("."))
    except OSError:
        return []
