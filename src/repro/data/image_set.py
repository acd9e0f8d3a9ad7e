"""A split of a data set as one uint8 tensor, small enough to live on the training device."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from repro.core.errors import ReproError
from repro.core.spec import Source, StandIn
from repro.data.facts import SplitFacts
from repro.data.fingerprint import fingerprint
from repro.data.readers.found import balanced_subset

FILLS = 0.5
"""Share of a GPU's free memory from which a set stays out of it: networks and features need the rest."""


@dataclass(frozen=True)
class ImageSet:
    """Images and labels of one split; uint8 because that is a quarter of the memory and is exact.

    Args:
        name: data set, a key of the catalogue.
        split: which split of it.
        source: ``real`` or ``synthetic``.
        images: uint8 (N, 3, H, W), values in [0, 255].
        labels: int64 (N,); zeros where the split has no classes.
        classes: the class names by label; empty where the split has no classes.
        fingerprint: order-free fingerprint of exactly these images and labels.
        complete: False where this is a part of the real split (a sample of it, or a limit).
        limit: at most so many images were asked for; None for all.
        of_sample: whether the data root itself holds only a part of the real split.
        sent_to: where batches are sent; None: they are wanted where the images lie.
    """

    name: str
    split: str
    source: Source
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    fingerprint: str
    complete: bool
    limit: int | None = None
    of_sample: bool = False
    sent_to: torch.device | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def stand_ins(self) -> tuple[StandIn, ...]:
        """The marks that everything measured on this set must carry."""
        if self.source == "synthetic":
            return ("synthetic_data",)
        return () if self.complete else ("sample_data",)

    @property
    def facts(self) -> SplitFacts:
        """Return what records say of this set."""
        return SplitFacts(
            name=self.name,
            split=self.split,
            source=self.source,
            limit=self.limit,
            images=len(self),
            fingerprint=self.fingerprint,
            complete=self.complete,
        )

    @property
    def device(self) -> torch.device:
        """Where the images lie."""
        return self.images.device

    def to(self, device: torch.device | str) -> ImageSet:
        """Return the set with images and labels on ``device``.

        Raises:
            ReproError: the device's memory is too small.
        """
        try:
            return replace(self, images=self.images.to(device), labels=self.labels.to(device))
        except torch.OutOfMemoryError as error:
            size = self.images.nbytes / 2**30
            raise ReproError(
                f"{len(self)} images of {self.name} ({self.split}, {size:.1f} GiB) do not fit into the "
                f"memory of {device}",
                remedy="give a limit on the number of images in the profile (limits), or another device",
            ) from error

    def near(self, device: torch.device) -> ImageSet:
        """Return the set on ``device``; where it would fill a GPU, it stays, and batches are sent there."""
        if device.type == "cuda" and self.images.nbytes > FILLS * torch.cuda.mem_get_info(device)[0]:
            return replace(self, sent_to=device)
        return self.to(device)

    def batch(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Return the images and labels with these numbers, int64 (B,), where batches are wanted."""
        images, labels = self.images.index_select(0, chosen), self.labels[chosen]
        return (
            (images, labels) if self.sent_to is None else (images.to(self.sent_to), labels.to(self.sent_to))
        )

    def first(self, n: int) -> ImageSet:
        """Return the first ``n`` images (all where there are fewer) as a set of its own.

        Of a set in order of its classes, as folders of them lie, its first ones would be of a class or two:
        there it is ``n`` of all classes alike, always the same.
        """
        if n >= len(self):
            return self
        kept: slice | Tensor = slice(n)
        if self.labels[0] < self.labels[-1] and bool((self.labels.diff() >= 0).all()):
            kept = torch.from_numpy(balanced_subset(self.labels.cpu().numpy(), n)).to(self.device)
        images, labels = self.images[kept], self.labels[kept]
        return replace(
            self,
            images=images,
            labels=labels,
            fingerprint=fingerprint(images, labels),
            complete=False,
            limit=n,
        )
