"""Tiny-ImageNet-200 as published: class folders for training, an annotated folder for validation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from repro.data.dataset import DatasetInfo
from repro.data.readers.folders import pictures, subfolders
from repro.data.readers.found import (
    Found,
    balanced_subset,
    damaged,
    foreign,
    missing,
    read_text,
    require_file,
)
from repro.data.sources import Archive

TRAIN, VALIDATION = 500, 10_000  # pictures of a class, of validation in all


def read(folder: Path, info: DatasetInfo, split: str, limit: int | None) -> Found:
    """Return one split (``test`` is the validation split); see :class:`repro.data.readers.found.Reader`."""
    import torch

    from repro.data.readers.decode import decode

    list_file = require_file(folder / "wnids.txt", info)
    classes = tuple(sorted(read_text(list_file, info).split()))
    if len(set(classes)) != info.classes:
        raise damaged(list_file, info, f"it lists {len(set(classes))} classes instead of {info.classes}")
    paths, labels = _train(folder, info, classes) if split == "train" else _validation(folder, info, classes)
    chosen = balanced_subset(labels, limit)
    images = decode([paths[i] for i in chosen], info, split)
    return Found(images, torch.tensor(labels)[torch.from_numpy(chosen)], classes, len(paths))


def _train(folder: Path, info: DatasetInfo, classes: tuple[str, ...]) -> tuple[list[Path], list[int]]:
    present = subfolders(folder / "train", info)
    for name in sorted(set(present) ^ set(classes)):
        path = folder / "train" / name
        if name in classes:
            raise missing(path, info)
        raise foreign(path, info, "wnids.txt does not list it")
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = pictures(folder / "train" / name / "images", info)
        paths += found
        labels += [label] * len(found)
    return paths, labels


def _validation(folder: Path, info: DatasetInfo, classes: tuple[str, ...]) -> tuple[list[Path], list[int]]:
    table = require_file(folder / "val" / "val_annotations.txt", info)
    numbers = {name: label for label, name in enumerate(classes)}
    labels: dict[str, int] = {}
    for line_number, line in enumerate(read_text(table, info).splitlines(), start=1):
        columns = line.split("\t")
        if len(columns) < 2 or columns[1] not in numbers:
            why = f"'{line[:60]}' does not name a picture and one of the {info.classes} classes"
            raise damaged(table, info, why, line_number)
        labels[columns[0]] = numbers[columns[1]]
    present = {path.name: path for path in pictures(folder / "val" / "images", info)}
    for name in sorted(set(present) ^ set(labels)):
        path = folder / "val" / "images" / name
        if name in labels:
            raise missing(path, info, "is listed in val_annotations.txt but missing")
        raise foreign(path, info, "val_annotations.txt has no line for it")
    names = sorted(labels)
    return [present[name] for name in names], [labels[name] for name in names]


def needed(folder: Path) -> Iterator[str]:
    """Yield the files of the release; those to train on are named by what ``wnids.txt`` lists."""
    yield from ("wnids.txt", "val/val_annotations.txt")
    for k in range(VALIDATION):
        yield f"val/images/val_{k}.JPEG"
    words = (folder / "wnids.txt").read_text(errors="replace") if (folder / "wnids.txt").is_file() else ""
    for name in words.split():
        for k in range(TRAIN):
            yield f"train/{name}/images/{name}_{k}.JPEG"


DATASET = DatasetInfo(
    "Tiny-ImageNet-200",
    height=64,
    width=64,
    classes=200,
    splits={"train": 100_000, "test": 10_000},
    folders=("tiny_imagenet/tiny-imagenet-200", "tiny-imagenet-200"),
    tree=(
        "train/n01443537/images/n01443537_0.JPEG ...",
        "val/images/val_0.JPEG ...",
        "val/val_annotations.txt",
        "wnids.txt",
    ),
    signs=("wnids.txt", "val/val_annotations.txt"),
    needed=needed,
    read=read,
    decoded=True,
    archive=partial(  # torchvision has no class for it; the set's many loaders agree on this sum
        Archive,
        url="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        filename="tiny-imagenet-200.zip",
        algorithm="md5",
        digest="90528d7ca1a48142e341f4ef8d21d0de",
    ),
)
