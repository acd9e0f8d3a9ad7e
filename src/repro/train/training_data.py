"""The images (or toy data) of a run, on its device; runs of one batch that train on the same share them."""

from __future__ import annotations

from pathlib import Path

import torch

from repro.core.spec import RunSpec
from repro.data.catalogue import dataset_info
from repro.data.gaussians import gaussian_set
from repro.data.image_set import ImageSet
from repro.data.load import load_images


class TrainingData:
    """Loads images and keeps the last set: the next run of a batch usually wants the same."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] | None = None
        self._images: ImageSet | None = None

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
        if self._images is None or key != self._key:
            self._images = None  # free the old set before the new one comes
            if dataset_info(spec.dataset).kind == "points":
                found = gaussian_set()
            else:
                found = load_images(
                    spec.dataset, split, source=spec.source, limit=spec.train_limit, root=root
                )
            self._images, self._key = found.to(device), key
        return self._images
