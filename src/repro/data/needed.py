"""Which files of a data set are not there? Asked by name only; `repro data fetch` puts them back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from repro.data.catalogue import DatasetInfo

TINY_TRAIN, TINY_VALIDATION, CELEBA = 500, 10_000, 202_599  # pictures of a class, of validation, in all

_CIFAR10 = (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch", "batches.meta")
_STL10 = ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", "unlabeled_X.bin", "class_names.txt")


def missing_files(folder: Path, info: DatasetInfo) -> list[str]:
    """Return the names, relative to ``folder``, of the files (or folders) of the release that it lacks."""
    there: dict[str, set[str]] = {}

    def exists(name: str) -> bool:
        parent, _, last = name.rpartition("/")
        if parent not in there:  # one listing a folder: some sets have 200,000 files
            path = folder / parent
            there[parent] = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
        return last in there[parent]

    return [name for name in NEEDED[info.name](folder) if not exists(name)]


def _always(*names: str) -> Callable[[Path], Iterator[str]]:
    return lambda _folder: iter(names)


def _tiny_imagenet(folder: Path) -> Iterator[str]:
    yield from ("wnids.txt", "val/val_annotations.txt")
    for k in range(TINY_VALIDATION):
        yield f"val/images/val_{k}.JPEG"
    words = (folder / "wnids.txt").read_text(errors="replace") if (folder / "wnids.txt").is_file() else ""
    for name in words.split():
        for k in range(TINY_TRAIN):
            yield f"train/{name}/images/{name}_{k}.JPEG"


def _celeba(_folder: Path) -> Iterator[str]:
    return (f"{k:06d}.jpg" for k in range(1, CELEBA + 1))


NEEDED: dict[str, Callable[[Path], Iterator[str]]] = {
    "cifar10": _always(*_CIFAR10),
    "cifar100": _always("train", "test", "meta"),
    "stl10": _always(*_STL10),
    "tiny_imagenet": _tiny_imagenet,
    "lsun_bedroom": _always("bedroom_train_lmdb/data.mdb", "bedroom_val_lmdb/data.mdb"),
    "imagenet143_64": _always("train", "val"),
    "imagenet143_128": _always("train", "val"),
    "celeba": _celeba,
}
