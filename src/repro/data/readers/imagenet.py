"""The 143 ImageNet classes with zero-based numbers 151 to 293 (dogs, cats), in folders by WordNet id.

Layout: ``train/nXXXXXXXX/*.JPEG`` and ``val/nXXXXXXXX/*.JPEG``. Where all 1,000 class folders lie there, the
143 are taken; otherwise each folder must be one of the 143, and fewer are a part of the set. Folders of other
classes (Imagenette's, say) are refused.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch

from repro.core.errors import ReproError
from repro.data.dataset import DatasetInfo
from repro.data.readers.decode import decode, sngan_square
from repro.data.readers.folders import pictures, subfolders
from repro.data.readers.found import Found, balanced_subset
from repro.data.readers.imagenet_classes import CLASSES_151_TO_293

FIRST, LAST = 151, 293
ALL_CLASSES = 1000


def read(folder: Path, info: DatasetInfo, split: str, limit: int | None) -> Found:
    """Return one split (``test`` is the validation split); see :class:`repro.data.readers.found.Reader`."""
    classes = choose_classes(subfolders(folder / "train", info), folder / "train", info)
    part = folder / ("train" if split == "train" else "val")
    if split != "train":
        _require_same(classes, choose_classes(subfolders(part, info), part, info), part, info)
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = pictures(part / name, info)
        paths += found
        labels += [label] * len(found)
    chosen = balanced_subset(labels, limit)
    images = decode([paths[i] for i in chosen], info, split, sngan_square)
    return Found(images, torch.tensor(labels)[torch.from_numpy(chosen)], classes, len(paths))


def choose_classes(names: list[str], folder: Path, info: DatasetInfo) -> tuple[str, ...]:
    """Return which of the sorted class folders to use; ReproError where ``names`` leave that open."""
    for name in names:
        if not re.fullmatch(r"n\d{8}", name):
            raise ReproError(
                f"{name} is no WordNet id",
                remedy="name class folders n########, or move it away",
                where=folder / name,
            )
    if len(names) == ALL_CLASSES and tuple(names[FIRST : LAST + 1]) == CLASSES_151_TO_293:
        return CLASSES_151_TO_293
    foreign = [name for name in names if name not in CLASSES_151_TO_293]
    if foreign:
        shown = ", ".join(foreign[:3]) + (", ..." if len(foreign) > 3 else "")
        raise ReproError(
            f"{len(foreign)} of the {len(names)} class folders ({shown}) are none of {info.title}, "
            f"whose classes are {FIRST} to {LAST} of ILSVRC2012, "
            f"{CLASSES_151_TO_293[0]} to {CLASSES_151_TO_293[-1]}",
            remedy=f"move these folders out of {folder}, or place all {ALL_CLASSES} of ILSVRC2012 there",
            where=folder,
        )
    return tuple(names)


def _require_same(train: tuple[str, ...], test: tuple[str, ...], part: Path, info: DatasetInfo) -> None:
    for name in sorted(set(train) ^ set(test)):
        problem = "is missing" if name in train else "has no counterpart in train"
        raise ReproError(
            f"{info.title}: the class folder {part.name}/{name} {problem}",
            remedy="place the same class folders in train and val",
            where=part / name,
        )
