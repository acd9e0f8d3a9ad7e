"""CIFAR-10; ``train45k`` and ``validation5k`` are GAT's split of the training images (Sec. 4)."""

from __future__ import annotations

from functools import partial

from repro.data.dataset import DatasetInfo
from repro.data.readers.found import reader
from repro.data.sources import of_torchvision

TRAIN = tuple(f"data_batch_{k}" for k in range(1, 6))

DATASET = DatasetInfo(
    "CIFAR-10",
    height=32,
    width=32,
    classes=10,
    splits={"train": 50_000, "test": 10_000, "train45k": 45_000, "validation5k": 5_000},
    folders=("cifar10/cifar-10-batches-py", "cifar-10-batches-py"),
    tree=("batches.meta", "data_batch_1 ... data_batch_5", "test_batch"),
    signs=("data_batch_[1-5]", "test_batch", "batches.meta"),
    needed=(*TRAIN, "test_batch", "batches.meta"),
    known_files=(*TRAIN, "test_batch", "batches.meta", "readme.html"),
    read=reader(
        "cifar",
        train=TRAIN,
        test=("test_batch",),
        meta="batches.meta",
        labels=b"labels",
        names=b"label_names",
    ),
    archive=partial(of_torchvision, "CIFAR10"),
    fingerprints={
        "train": "403bda14293f5b0ef7f5adade0c17d63adcc715be87805bfea60009b6191392e",
        "test": "7cd9b9ab9feda1cc87ecd4041313a7c192c3fe60e2de4d6fcb563c3f31d69bb5",
        "train45k": "b64467f1546207487c0ddbc1f85077fb1d82f802af9bdf614ebe7a5796d9cb0f",
        "validation5k": "024ac6641d55603d662a20339c98099ae3af5bc2869e9a5f97e70acbe8f6a463",
    },
)
