"""Where the files of a data set belong, and how to say it when they lie elsewhere.

Archives unpack into one folder more or fewer than expected (``img_align_celeba/img_align_celeba``, or a data
root that is itself ``cifar-10-batches-py``). Nothing is guessed then: the error shows the first lines of the
tree that is expected and of the one that is there, and says what to move.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from repro.data.catalogue import DatasetInfo

DEPTH = 4  # how far below the data root misplaced files are looked for (imagenet/ILSVRC/Data/CLS-LOC)
FOLDERS = 3000  # and in how many folders
LINES = 6


@dataclass(frozen=True)
class Place:
    """What the folder of a data set holds.

    Args:
        tree: its first lines, for people.
        signs: patterns of which each folder of the set, even an incomplete one, fulfils one.
        parts: what to move when the files lie in the wrong folder, in words.
    """

    tree: tuple[str, ...]
    signs: tuple[str, ...]
    parts: str


_IMAGENET = Place(
    ("train/n02085620/*.JPEG ... train/n02130308/*.JPEG", "val/n02085620/*.JPEG ... val/n02130308/*.JPEG"),
    ("train/n*/*.JPEG", "val/n*/*.JPEG", "train/n*/*.jp*g", "val/n*/*.jp*g", "train/n*/*.png"),
    "train and val",
)
PLACES: dict[str, Place] = {
    "cifar10": Place(
        ("batches.meta", "data_batch_1 ... data_batch_5", "test_batch"),
        ("data_batch_[1-5]", "test_batch", "batches.meta"),
        "data_batch_1 to data_batch_5, test_batch and batches.meta",
    ),
    "cifar100": Place(("meta", "test", "train"), ("meta",), "train, test and meta"),
    "stl10": Place(
        ("class_names.txt", "test_X.bin, test_y.bin", "train_X.bin, train_y.bin", "unlabeled_X.bin"),
        ("*_X.bin", "*_y.bin"),
        "the .bin files and class_names.txt",
    ),
    "tiny_imagenet": Place(
        (
            "train/n01443537/images/n01443537_0.JPEG ...",
            "val/images/val_0.JPEG ...",
            "val/val_annotations.txt",
            "wnids.txt",
        ),
        ("wnids.txt", "val/val_annotations.txt"),
        "train, val and wnids.txt",
    ),
    "lsun_bedroom": Place(
        ("bedroom_train_lmdb/data.mdb", "bedroom_val_lmdb/data.mdb"),
        ("bedroom_*_lmdb",),
        "bedroom_train_lmdb and bedroom_val_lmdb",
    ),
    "imagenet143_64": _IMAGENET,
    "imagenet143_128": _IMAGENET,
    "celeba": Place(
        ("000001.jpg ... 202599.jpg",), ("[0-9][0-9][0-9][0-9][0-9][0-9].*",), "the pictures (000001.jpg ...)"
    ),
}


def looks_like(folder: Path, info: DatasetInfo) -> bool:
    """Tell whether ``folder`` directly holds files of ``info``."""
    if info.name.startswith("imagenet") and (folder / "wnids.txt").exists():
        return False  # Tiny-ImageNet, whose folders are called alike
    return any(any(folder.glob(sign)) for sign in PLACES[info.name].signs)


def existing_folder(root: Path, info: DatasetInfo) -> Path | None:
    """Return the folder of ``info`` below ``root``: the first that holds files of it, else that exists."""
    there = [root / folder for folder in info.folders if (root / folder).is_dir()]
    return next((folder for folder in there if looks_like(folder, info)), there[0] if there else None)


def misplaced(root: Path, info: DatasetInfo) -> Path | None:
    """Return the nearest folder below ``root`` that holds files of ``info`` where nobody looks for them."""
    places = [root / folder for folder in info.folders]
    below = islice(_folders(root), FOLDERS)
    return next((each for each in below if each not in places and looks_like(each, info)), None)


def what_to_move(found: Path, root: Path, info: DatasetInfo) -> str:
    """Return what to do where the files lie in ``found``, below or at the data root ``root``."""
    if found == root and root.resolve().name in info.folders:
        return f"give {root.resolve().parent} as the data root, not the folder of one data set"
    there = [root / folder for folder in info.folders if (root / folder).is_dir()]
    wanted = there[0] if there else root / info.folders[0]
    if wanted.is_relative_to(found):
        return f"move {PLACES[info.name].parts} from {found} to {wanted}"
    return move_up(found, wanted)


def perhaps_renamed(folder: Path, part: str, info: DatasetInfo) -> Path | None:
    """Return the only folder in ``folder`` that the set does not have, where it lacks its ``part``."""
    expected = {line.partition("/")[0] for line in PLACES[info.name].tree}
    strangers = [folder / name for name in _subfolders(folder) if name not in expected]
    return strangers[0] if len(strangers) == 1 and not (folder / part).exists() else None


def move_up(found: Path, wanted: Path) -> str:
    """Return what to do where a whole folder lies under another name."""
    return f"move everything in {found} to {wanted}, then delete {found}, which is empty"


def both_trees(folder: Path, info: DatasetInfo) -> str:
    """Return the first lines of what ``folder`` should hold and of what it holds.

    Where it does not exist, the nearest folder above that does is shown.
    """
    there = next(each for each in (folder, *folder.parents) if each.is_dir())
    lines = [f"  expected: {folder}/", *(f"              {line}" for line in PLACES[info.name].tree)]
    return "\n".join([*lines, f"  found:    {there}/", *(f"              {line}" for line in _tree(there))])


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
