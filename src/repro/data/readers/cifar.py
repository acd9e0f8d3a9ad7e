"""CIFAR-10 and CIFAR-100 in the layout that torchvision reads (the "python version" of the release).

torchvision's own classes cannot serve: they accept only files with the md5 sums of the original archive,
and they unpickle whatever a file holds (see ``pickled.py``). Here a copy counts as canonical by its
order-free fingerprint.

Images are put into the order of their digests, so that every copy, whatever its order, gives the same
subset for a limit, the same validation images and the same batches. GAT's 45,000 / 5,000 split (Sec. 4)
is not published; whether it was balanced over the classes is not said. Here: the first 45,000 and last
5,000 of one seeded permutation.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from repro.data.dataset import DatasetInfo
from repro.data.fingerprint import image_digests, join_digests
from repro.data.readers.found import Found, balanced_subset, damaged, require_file, unreadable
from repro.data.readers.pickled import NotArraysError, load_arrays

GAT_SEED = 45_000
VALIDATION_SHARE = 10  # one image in ten of the training set: 5,000 of 50,000


def read(
    folder: Path,
    info: DatasetInfo,
    split: str,
    limit: int | None,
    *,
    train: Sequence[str],
    test: Sequence[str],
    meta: str,
    labels: bytes,
    names: bytes,
) -> Found:
    """Return one split of CIFAR; see :class:`repro.data.readers.found.Reader`.

    The releases differ in their files of images and class names, and in the keys of labels and names there.
    """
    files = [require_file(folder / name, info) for name in (test if split == "test" else train)]
    parts = [_read_part(path, info, labels) for path in files]
    images = torch.from_numpy(np.concatenate([part[0] for part in parts]))
    marks = torch.from_numpy(np.concatenate([part[1] for part in parts]))
    digests = np.array(image_digests(images, marks))
    order = np.argsort(digests, kind="stable")
    if split in ("train45k", "validation5k"):
        order = _gat_split(order, split)
    kept = order[balanced_subset(marks.numpy()[order], limit)]
    identity, whole = (join_digests(digests[members].tolist()) for members in (kept, order))
    chosen = torch.from_numpy(kept)
    classes = _class_names(require_file(folder / meta, info), info, names)
    return Found(images.index_select(0, chosen), marks[chosen], classes, len(order), identity, whole)


def _gat_split(order: NDArray[np.int64], split: str) -> NDArray[np.int64]:
    shuffled = np.random.Generator(np.random.PCG64(GAT_SEED)).permutation(order)
    boundary = len(order) - len(order) // VALIDATION_SHARE
    return shuffled[:boundary] if split == "train45k" else shuffled[boundary:]


def _read_part(path: Path, info: DatasetInfo, key: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    record = _load(path, info)
    pixels = info.channels * info.height * info.width
    rows = record.get(b"data")
    if not (isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.shape[1] == pixels):
        raise damaged(path, info, f"it holds no array of images of {pixels} bytes each")
    given = record.get(key)
    if not (isinstance(given, list) and all(isinstance(label, int) for label in given)):
        raise damaged(path, info, "it holds no list of labels")
    if len(given) != len(rows):
        raise damaged(path, info, f"it holds {len(given)} labels for {len(rows)} images")
    labels = np.array(given, dtype=np.int64)
    if len(labels) and not 0 <= labels.min() <= labels.max() < info.classes:
        raise damaged(
            path, info, f"labels run from {labels.min()} to {labels.max()}, not 0 to {info.classes - 1}"
        )
    return rows.reshape(-1, info.channels, info.height, info.width), labels


def _class_names(path: Path, info: DatasetInfo, key: bytes) -> tuple[str, ...]:
    given = _load(path, info).get(key)
    if not (isinstance(given, list) and all(isinstance(name, bytes | str) for name in given)):
        raise damaged(path, info, "it holds no class names")
    if len(given) != info.classes:
        raise damaged(path, info, f"it names {len(given)} classes instead of {info.classes}")
    return tuple(name if isinstance(name, str) else name.decode(errors="replace") for name in given)


def _load(path: Path, info: DatasetInfo) -> dict[bytes | str, Any]:
    """Return what a file holds; it may be twice as long as the training images of the release are."""
    most = 2 * info.channels * info.height * info.width * max(info.splits.values()) + 2**20
    try:
        return load_arrays(path, most)
    except NotArraysError as error:
        raise damaged(path, info, f"it is not a pickle of images: {error}") from error
    except PermissionError as error:
        raise unreadable(path, info, error) from error
