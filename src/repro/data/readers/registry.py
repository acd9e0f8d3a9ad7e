"""Which reader reads which data set."""

from __future__ import annotations

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
