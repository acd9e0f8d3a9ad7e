"""Tiny-ImageNet-200 as published: class folders for training, an annotated folder for validation."""

from __future__ import annotations

from pathlib import Path

import torch

from repro.core.errors import ReproError
from repro.data.catalogue import DatasetInfo
from repro.data.readers.decode import decode_files
from repro.data.readers.folders import pictures, subfolders
from repro.data.readers.found import Found, balanced_subset, damaged, require_file


def read(folder: Path, info: DatasetInfo, split: str, limit: int | None) -> Found:
    """Return one split (``test`` is the validation split); see :class:`repro.data.readers.found.Reader`."""
    list_file = require_file(folder / "wnids.txt", info)
    classes = tuple(sorted(list_file.read_text().split()))
    if len(set(classes)) != info.classes:
        raise damaged(list_file, info, f"it lists {len(set(classes))} classes instead of {info.classes}")
    paths, labels = _train(folder, info, classes) if split == "train" else _validation(folder, info, classes)
    chosen = balanced_subset(labels, limit)
    images = decode_files([paths[i] for i in chosen], info, split)
    return Found(images, torch.tensor(labels)[torch.from_numpy(chosen)], classes, len(paths))


def _train(folder: Path, info: DatasetInfo, classes: tuple[str, ...]) -> tuple[list[Path], list[int]]:
    present = subfolders(folder / "train", info)
    for name in sorted(set(present) ^ set(classes)):
        problem = "is missing" if name in classes else "is not listed in wnids.txt"
        raise ReproError(
            f"{info.title}: the class folder train/{name} {problem}",
            remedy=f"get {info.title} again ('repro data fetch {info.name}')",
            where=folder / "train" / name,
        )
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
    for line_number, line in enumerate(table.read_text().splitlines(), start=1):
        columns = line.split("\t")
        if len(columns) < 2 or columns[1] not in numbers:
            raise ReproError(
                f"{info.title}: '{line[:60]}' does not name a picture and one of the {info.classes} classes",
                remedy=f"get {info.title} again ('repro data fetch {info.name}')",
                where=table,
                line=line_number,
            )
        labels[columns[0]] = numbers[columns[1]]
    present = {path.name: path for path in pictures(folder / "val" / "images", info)}
    for name in sorted(set(present) ^ set(labels)):
        problem = (
            "is listed in val_annotations.txt but missing"
            if name in labels
            else "has no line in val_annotations.txt"
        )
        raise ReproError(
            f"{info.title}: {name} {problem}",
            remedy=f"get {info.title} again ('repro data fetch {info.name}')",
            where=folder / "val" / "images" / name,
        )
    names = sorted(labels)
    return [present[name] for name in names], [labels[name] for name in names]
