"""Any data set by name: from files below the data root, or its synthetic twin."""

from __future__ import annotations

from pathlib import Path

from repro.core.errors import ReproError
from repro.core.spec import Source
from repro.data.catalogue import dataset_info
from repro.data.image_set import ImageSet
from repro.data.synthetic import make_synthetic


def load_images(name: str, split: str, *, source: Source, limit: int | None, root: Path | None) -> ImageSet:
    """Return one split of a data set, in memory, on the CPU.

    Args:
        name: a key of the catalogue.
        split: ``train``, ``test``, or one of the set's own (``train45k``, ``validation5k``, ``unlabeled``).
        source: ``real`` reads files below ``root``; ``synthetic`` draws images of the same size and classes.
        limit: at most so many images, class-balanced and always the same ones; None for all.
        root: the data root; not used for synthetic images.

    Raises:
        ReproError: unknown name or split; missing, damaged or wrong files; more images than memory holds.
    """
    info = dataset_info(name)
    if info.kind == "points":
        raise ReproError(f"{info.title} are points, not images", remedy="draw them with repro.data.gaussians")
    info.split_size(split)
    if source == "synthetic":
        return make_synthetic(info, split, limit)
    if root is None:
        raise ReproError(
            f"real images of {info.title} are asked for, but no data root is given",
            remedy="set REPRO_DATA or pass --data-root",
        )
    raise ReproError(f"{info.title} has no reader", remedy="use the synthetic source")
