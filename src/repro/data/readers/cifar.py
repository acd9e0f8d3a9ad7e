"""CIFAR-10 and CIFAR-100 in the layout that torchvision reads (the "python version" of the release).

torchvision's own classes cannot serve: they accept only files with the md5 sums of the original archive,
and they unpickle whatever a file holds. Here a copy counts as canonical by its order-free fingerprint.

Images are put into the order of their digests, so that every copy, whatever its order, gives the same
subset for a limit, the same validation images and the same batches. GAT's 45,000 / 5,000 split (Sec. 4.1)
is not published; whether it was balanced over the classes is not said. Here: the first 45,000 and last
5,000 of one seeded permutation.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from repro.data.catalogue import DatasetInfo
from repro.data.fingerprint import image_digests, join_digests
from repro.data.readers.found import Found, balanced_subset, damaged, require_file
from repro.data.readers.pickled import load_arrays

GAT_SEED = 45_000
VALIDATION_SHARE = 10  # one image in ten of the training set: 5,000 of 50,000

_TRAIN10 = tuple(f"data_batch_{k}" for k in range(1, 6))
_FILES: dict[tuple[str, bool], tuple[str, ...]] = {
    ("cifar10", True): _TRAIN10,
    ("cifar10", False): ("test_batch",),
    ("cifar100", True): ("train",),
    ("cifar100", False): ("test",),
}
_NOT_OURS = (  # what unpickling a foreign or damaged file, or reading what it holds, may raise
    pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, IndexError, AttributeError,
)  # fmt: skip
_EXTRA = {"readme.html", "file.txt~"}  # lie in the original archives


def read(folder: Path, info: DatasetInfo, split: str, limit: int | None) -> Found:
    """Return one split of CIFAR; see :class:`repro.data.readers.found.Reader`."""
    files = [require_file(folder / name, info) for name in _FILES[info.name, split != "test"]]
    parts = [_read_part(path, info) for path in files]
    images = torch.from_numpy(np.concatenate([part[0] for part in parts]))
    labels = torch.from_numpy(np.concatenate([part[1] for part in parts]))
    digests = np.array(image_digests(images, labels))
    order = np.argsort(digests, kind="stable")
    if split in ("train45k", "validation5k"):
        order = _gat_split(order, split)
    kept = order[balanced_subset(labels.numpy()[order], limit)]
    identity = join_digests(digests[kept].tolist())
    chosen = torch.from_numpy(kept)
    classes = _class_names(folder, info)
    return Found(images.index_select(0, chosen), labels[chosen], classes, len(order), identity)


def known_files(info: DatasetInfo) -> set[str]:
    """Return the names that may lie in the folder."""
    meta = "batches.meta" if info.name == "cifar10" else "meta"
    return {meta, *_FILES[info.name, True], *_FILES[info.name, False], *_EXTRA}


def _gat_split(order: NDArray[np.int64], split: str) -> NDArray[np.int64]:
    shuffled = np.random.Generator(np.random.PCG64(GAT_SEED)).permutation(order)
    boundary = len(order) - len(order) // VALIDATION_SHARE
    return shuffled[:boundary] if split == "train45k" else shuffled[boundary:]


def _read_part(path: Path, info: DatasetInfo) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    try:
        record = load_arrays(path)
        rows = np.asarray(record[b"data"])
        labels = np.asarray(record[b"labels" if info.name == "cifar10" else b"fine_labels"], dtype=np.int64)
    except _NOT_OURS as error:
        raise damaged(path, info, f"it is not a pickle of images ({error})") from error
    if rows.dtype != np.uint8 or rows.shape != (len(labels), 3 * info.height * info.width):
        raise damaged(path, info, f"the images have shape {rows.shape} and type {rows.dtype}")
    if len(labels) and not 0 <= labels.min() <= labels.max() < info.classes:
        raise damaged(
            path, info, f"labels run from {labels.min()} to {labels.max()}, not 0 to {info.classes - 1}"
        )
    return rows.reshape(-1, 3, info.height, info.width), labels


def _class_names(folder: Path, info: DatasetInfo) -> tuple[str, ...]:
    file, key = ("batches.meta", b"label_names") if info.name == "cifar10" else ("meta", b"fine_label_names")
    path = require_file(folder / file, info)
    try:
        names = tuple(bytes(name).decode() for name in load_arrays(path)[key])
    except _NOT_OURS as error:
        raise damaged(path, info, f"it holds no class names ({error})") from error
    if len(names) != info.classes:
        raise damaged(path, info, f"it names {len(names)} classes instead of {info.classes}")
    return names
