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
        """Return what ``kind`` trains on and what it validates with, if it does: the same share of both."""
        train, validation = train_split(spec.method, spec.options), kind.validation_split(spec)
        images = self.load(spec, train, root, device)
        if validation is None:
            return images, None
        sizes, limit = dataset_info(spec.dataset).splits, spec.train_limit
        if limit is not None:
            limit = max(1, min(sizes[validation], round(limit * sizes[validation] / sizes[train])))
        share = spec.model_copy(update={"train_limit": limit})
        return images, self.load(share, validation, root, device)

    def load(self, spec: RunSpec, split: str, root: Path | None, device: torch.device) -> ImageSet:
        """Return the images that ``spec`` trains on, on ``device``.

        Args:
            spec: names data set, source and limit.
            split: which part of the set.
            root: folder of the data sets; not needed for synthetic images.
            device: where the images go.

        Raises:
            ReproError: they are missing, damaged or not canonical.
        """
        key = (spec.dataset, split, spec.source, spec.train_limit, root, device)
        if key not in self._kept:
            while len(self._kept) >= KEPT:  # free the oldest set before the new one comes
                self._kept.pop(next(iter(self._kept)))
            found = load_images(spec.dataset, split, source=spec.source, limit=spec.train_limit, root=root)
            self._kept[key] = found.to(device)
        return self._kept[key]
