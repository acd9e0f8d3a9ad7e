"""Which reader reads which data set."""

from __future__ import annotations

from collections.abc import Callable

from repro.data.catalogue import DatasetInfo
from repro.data.readers import celeba, cifar, imagenet, lsun, stl10, tiny_imagenet
from repro.data.readers.found import Reader

READERS: dict[str, Reader] = {
    "cifar10": cifar.read,
    "cifar100": cifar.read,
    "stl10": stl10.read,
    "tiny_imagenet": tiny_imagenet.read,
    "lsun_bedroom": lsun.read,
    "imagenet143_64": imagenet.read,
    "imagenet143_128": imagenet.read,
    "celeba": celeba.read,
}

KNOWN_FILES: dict[str, Callable[[DatasetInfo], set[str]]] = {
    "cifar10": cifar.known_files,
    "cifar100": cifar.known_files,
    "stl10": stl10.known_files,
}
