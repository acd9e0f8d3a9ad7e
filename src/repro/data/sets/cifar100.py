"""CIFAR-100 with its fine labels, split as ``cifar10.py``."""

from __future__ import annotations

from functools import partial

from repro.data.dataset import DatasetInfo
from repro.data.readers.found import reader
from repro.data.sources import of_torchvision

DATASET = DatasetInfo(
    "CIFAR-100",
    height=32,
    width=32,
    classes=100,
    splits={"train": 50_000, "test": 10_000, "train45k": 45_000, "validation5k": 5_000},
    folders=("cifar100/cifar-100-python", "cifar-100-python"),
    tree=("meta", "test", "train"),
    signs=("meta",),
    needed=("train", "test", "meta"),
    known_files=("train", "test", "meta", "file.txt~"),
    read=reader(
        "cifar",
        train=("train",),
        test=("test",),
        meta="meta",
        labels=b"fine_labels",
        names=b"fine_label_names",
    ),
    archive=partial(of_torchvision, "CIFAR100"),
    fingerprints={
        "train": "c6d3ee69e3e940ddbceda29c9427e9b4d225071a94433670be60554ca5606fca",
        "test": "0bc7fd08b45deb5ea3e39db5dbd6837cbc98cefd4e349ecb1252077deea10746",
        "train45k": "76959e2cc94b3f8c032acf02c7725ecbd1ed3fdd3c01176770e010b28ec12c7d",
        "validation5k": "e4f3f6c6f427325d81d566b2c963f4a47b95fcc248c07670fda4913d7516a2ad",
    },
)
