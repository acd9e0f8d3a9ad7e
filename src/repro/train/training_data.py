"""The images (or toy data) of a run, on its device; runs of one batch that train on the same share them."""

from __future__ import annotations

from pathlib import Path

import torch

from repro.core.spec import RunSpec
from repro.data.catalogue import dataset_info
from repro.data.image_set import ImageSet
from repro.data.load import load_images
from repro.methods.base import Method
from repro.methods.registry import train_split

KEPT = 2
"""Sets of images that are kept: those to train on and those to validate with."""


class TrainingData:
    """Loads images and keeps the last sets: the next run of a batch usually wants the same."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], ImageSet] = {}

    def load_all(
        self, kind: type[Method], spec: RunSpec, root: Path | None, device: torch.device
    ) -> tuple[ImageSet, ImageSet | None]:
        """Return what ``kind`` trains on and what it validates with, if it does, on ``device``.

        Args:
            kind: the run's method.
            spec: names data set, source and limit.
            root: folder of the data sets; not needed for synthetic images.
            device: where the images go.

        Raises:
            ReproError: they are missing, damaged or not canonical.
        """
        found = [self._load(spec, split, limit, root, device) for split, limit in splits_of(kind, spec)]
        return found[0], found[1] if found[1:] else None

    def _load(
        self, spec: RunSpec, split: str, limit: int | None, root: Path | None, device: torch.device
    ) -> ImageSet:
        key = (spec.dataset, split, spec.source, limit, root, device)
        if key not in self._kept:
            while len(self._kept) >= KEPT:  # free the oldest set before the new one comes
                self._kept.pop(next(iter(self._kept)))
            found = load_images(spec.dataset, split, source=spec.source, limit=limit, root=root)
            trained_on = split == train_split(spec.method, spec.options)
            self._kept[key] = found.near(device) if trained_on else found.to(device)
        return self._kept[key]


def splits_of(kind: type[Method], spec: RunSpec) -> list[tuple[str, int | None]]:
    """Return the splits that a run reads and at most how many images of each: the same share of both.

    First comes what it trains on, then what it validates with, if it does.

    Raises:
        ReproError: it validates with a split that the data set does not have.
    """
    train, validation = train_split(spec.method, spec.options), kind.validation_split(spec)
    limit = spec.train_limit
    if validation is None:
        return [(train, limit)]
    size, whole = (dataset_info(spec.dataset).split_size(split) for split in (validation, train))
    share = limit and max(1, min(size, round(limit * size / whole)))
    return [(train, limit), (validation, share)]
