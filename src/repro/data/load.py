"""Any data set by name: from files below the data root, or its synthetic twin."""

from __future__ import annotations

from pathlib import Path

from repro.core.errors import ReproError
from repro.core.spec import Source
from repro.data.cache import WORTH_IT, cache_file, load_cached, save_cached
from repro.data.catalogue import dataset_info
from repro.data.dataset import DatasetInfo
from repro.data.fingerprint import fingerprint
from repro.data.image_set import ImageSet
from repro.data.readers.found import Found, find_folder
from repro.data.state import folder_state
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
    if info.drawn and split == "train":
        return info.drawn()
    info.split_size(split)
    if source == "synthetic":
        return make_synthetic(info, split, limit)
    if root is None:
        raise ReproError(
            f"real images of {info.title} are asked for, but no data root is given",
            remedy="give --data-root FOLDER (snakemake: --config data_root=FOLDER), or set REPRO_DATA, or "
            "data_root in config/config.yaml",
        )
    return read_files(info, split, limit, root)


def read_files(
    info: DatasetInfo, split: str, limit: int | None, root: Path, *, use_cache: bool = True
) -> ImageSet:
    """Return one split of ``info`` from files below ``root``; arguments and errors as of ``load_images``.

    A whole split whose canonical fingerprint is known must have it, also where a part of it is asked for and
    the reader has looked at all; a split with fewer images than the catalogue says is taken as a part
    (``complete`` False), one with more is an error.
    ``use_cache`` False opens every file anew and writes no cache.
    """
    folder = find_folder(root, info)
    found, identity = _read(folder, info, split, limit, root if use_cache else None)
    expected = info.split_size(split)
    if found.total > expected:
        raise ReproError(
            f"{info.title} ({split}) holds {found.total} images, the release has {expected}",
            remedy=_instead_of(folder, info),
            where=folder,
        )
    if len(found.classes) > (known := info.split_classes(split)):
        raise ReproError(
            f"{info.title} ({split}) has {len(found.classes)} classes, not {known}",
            remedy=f"move what does not belong to it out, or correct src/repro/data/sets/{info.name}.py",
            where=folder,
        )
    complete = len(found.images) == expected
    canonical, whole = info.fingerprints.get(split), identity if complete else found.whole
    if canonical and whole and found.total == expected and whole != canonical:
        raise ReproError(
            f"{info.title} ({split}) has the right number of images, but not those of the release "
            f"(fingerprint {whole}, expected {canonical})",
            remedy=_instead_of(folder, info),
            where=folder,
        )
    return ImageSet(
        info.name,
        split,
        "real",
        found.images,
        found.labels,
        found.classes,
        identity,
        complete,
        limit,
        of_sample=found.total < expected,
    )


def _instead_of(folder: Path, info: DatasetInfo) -> str:
    """Return how to get the release where something else lies in its folder."""
    if info.by_hand:
        return f"move what does not belong to the release out of {folder}"
    return f"move {folder} elsewhere, then run 'repro data fetch {info.name}'"


def _read(
    folder: Path, info: DatasetInfo, split: str, limit: int | None, root: Path | None
) -> tuple[Found, str]:
    """Return what the reader or the cache holds, and its fingerprint."""
    path = cache_file(root, info, split, limit) if root and info.decoded else None
    state = "" if path is None else folder_state(folder, info)
    cached = None if path is None else load_cached(path, state, info, split)
    if cached is not None:
        return cached
    assert info.read is not None  # every set of images has a reader
    found = info.read(folder, info, split, limit)
    identity = found.identity or fingerprint(found.images, found.labels)
    if path is not None and len(found.images) >= WORTH_IT:
        save_cached(path, state, found, identity)
    return found, identity
