"""The data sets that the papers use: names, sizes, classes, splits. Imports no torch.

``test`` is the split that the field tests on: the validation images where the real test labels are
unpublished (Tiny-ImageNet, ImageNet, LSUN). ``train45k`` and ``validation5k`` are GAT's split of the
training images (Sec. 4.1). Below the data root each set lies in the first of its ``folders`` that exists::

    cifar10/cifar-10-batches-py/        data_batch_1 ... data_batch_5, test_batch, batches.meta
    cifar100/cifar-100-python/          train, test, meta
    stl10/stl10_binary/                 train_X.bin, train_y.bin, ..., unlabeled_X.bin, class_names.txt
    tiny_imagenet/tiny-imagenet-200/    wnids.txt, train/<wnid>/images/, val/images/, val/val_annotations.txt
    lsun_bedroom/                       bedroom_train_lmdb/, bedroom_val_lmdb/
    imagenet/                           train/<wnid>/, val/<wnid>/
    celeba/img_align_celeba/            000001.jpg ... 202599.jpg

The folder of an archive (``cifar-10-batches-py`` and so on) may also lie directly in the data root.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from repro.core.errors import ReproError

Kind = Literal["images", "points"]


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before a file of it is opened.

    Args:
        name: the name used in sheets and on the command line.
        title: the name used in tables and plots.
        height: pixels after the preprocessing of the papers (0 for points).
        width: pixels after the preprocessing of the papers (0 for points).
        classes: number of classes; 0 where the set has none.
        splits: number of examples of each split; empty for ``gaussians``, which is drawn without end.
        folders: folders below the data root in which its files are looked for, the first that exists wins.
        kind: ``images``, or ``points`` for the two-dimensional toy data.
        unlabelled: splits whose images carry no class.
        fingerprints: order-free fingerprint of the canonical release, split by split, where it is known.
        channels: colour channels (0 for points).
    """

    name: str
    title: str
    height: int
    width: int
    classes: int
    splits: dict[str, int]
    folders: tuple[str, ...]
    kind: Kind = "images"
    unlabelled: tuple[str, ...] = ()
    fingerprints: dict[str, str] = field(default_factory=dict)
    channels: int = 3

    def split_size(self, split: str) -> int:
        """Return the number of images of ``split``; ReproError where the set has no such split."""
        if split not in self.splits:
            raise ReproError(
                f"{self.title} has no split '{split}'",
                remedy=f"choose one of: {', '.join(self.splits) or 'none'}",
            )
        return self.splits[split]

    def split_classes(self, split: str) -> int:
        """Return the number of classes of ``split``, 0 where its images carry none."""
        return 0 if split in self.unlabelled else self.classes


def _cifar(name: str, title: str, classes: int, folder: str, fingerprints: dict[str, str]) -> DatasetInfo:
    splits = {"train": 50_000, "test": 10_000, "train45k": 45_000, "validation5k": 5_000}
    folders = (f"{name}/{folder}", folder)
    return DatasetInfo(name, title, 32, 32, classes, splits, folders, fingerprints=fingerprints)


def _imagenet143(size: int) -> DatasetInfo:
    name, title = f"imagenet143_{size}", f"ImageNet-143 ({size} px)"
    splits = {"train": 180_373, "test": 7_150}
    return DatasetInfo(name, title, size, size, 143, splits, ("imagenet", "imagenet143", name))


_ALL = (
    _cifar(
        "cifar10",
        "CIFAR-10",
        10,
        "cifar-10-batches-py",
        {
            "train": "403bda14293f5b0ef7f5adade0c17d63adcc715be87805bfea60009b6191392e",
            "test": "7cd9b9ab9feda1cc87ecd4041313a7c192c3fe60e2de4d6fcb563c3f31d69bb5",
            "train45k": "b64467f1546207487c0ddbc1f85077fb1d82f802af9bdf614ebe7a5796d9cb0f",
            "validation5k": "024ac6641d55603d662a20339c98099ae3af5bc2869e9a5f97e70acbe8f6a463",
        },
    ),
    _cifar(
        "cifar100",
        "CIFAR-100",
        100,
        "cifar-100-python",
        {
            "train": "c6d3ee69e3e940ddbceda29c9427e9b4d225071a94433670be60554ca5606fca",
            "test": "0bc7fd08b45deb5ea3e39db5dbd6837cbc98cefd4e349ecb1252077deea10746",
            "train45k": "76959e2cc94b3f8c032acf02c7725ecbd1ed3fdd3c01176770e010b28ec12c7d",
            "validation5k": "e4f3f6c6f427325d81d566b2c963f4a47b95fcc248c07670fda4913d7516a2ad",
        },
    ),
    DatasetInfo(
        "stl10",
        "STL-10",
        48,
        48,
        10,
        {"train": 5_000, "test": 8_000, "unlabeled": 100_000},
        ("stl10/stl10_binary", "stl10_binary"),
        unlabelled=("unlabeled",),
    ),
    DatasetInfo(
        "tiny_imagenet",
        "Tiny-ImageNet-200",
        64,
        64,
        200,
        {"train": 100_000, "test": 10_000},
        ("tiny_imagenet/tiny-imagenet-200", "tiny-imagenet-200"),
    ),
    DatasetInfo(
        "lsun_bedroom",
        "LSUN-Bedroom",
        64,
        64,
        0,
        {"train": 3_033_042, "test": 300},
        ("lsun_bedroom", "lsun"),
    ),
    _imagenet143(64),
    _imagenet143(128),
    DatasetInfo(
        "celeba",
        "CelebA",
        64,
        64,
        0,
        {"train": 162_770, "test": 19_962},
        ("celeba/img_align_celeba", "img_align_celeba"),
    ),
    DatasetInfo("gaussians", "nine 2-D Gaussians", 0, 0, 9, {}, (), kind="points", channels=0),
)

CATALOGUE: dict[str, DatasetInfo] = {info.name: info for info in _ALL}


def dataset_info(name: str) -> DatasetInfo:
    """Return the catalogue's entry; ReproError naming the known sets where there is none."""
    if name not in CATALOGUE:
        raise ReproError(f"there is no data set '{name}'", remedy=f"choose one of: {', '.join(CATALOGUE)}")
    return CATALOGUE[name]
