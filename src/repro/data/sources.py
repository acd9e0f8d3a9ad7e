"""Where each data set comes from: an archive with a published checksum, or instructions for the user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from repro.core.errors import ReproError
from repro.data.catalogue import DatasetInfo


@dataclass(frozen=True)
class Archive:
    """A published file.

    Args:
        url: where it is downloaded from (http or https); empty where only its users may download it.
        filename: its name on disk; the ending tells how to unpack it (.tar.gz, .tgz, .tar or .zip).
        algorithm: which checksum is known.
        digest: the checksum in hexadecimal.
    """

    url: str
    filename: str
    algorithm: Literal["md5", "sha256"]
    digest: str


_TORCHVISION_CLASSES = {"cifar10": "CIFAR10", "cifar100": "CIFAR100", "stl10": "STL10"}

# torchvision has no class for it; this sum is the one that the data set's many loaders agree on
_TINY_IMAGENET = Archive(
    "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    "tiny-imagenet-200.zip",
    "md5",
    "90528d7ca1a48142e341f4ef8d21d0de",
)

# CelebA's terms are accepted on its page; torchvision knows the checksum of the archive that comes from there
_CELEBA = Archive("", "img_align_celeba.zip", "md5", "00d2c5bc6d35e252742224ab0c1e8fcb")

BY_HAND = {
    "lsun_bedroom": "download bedroom_train_lmdb.zip (43 GB) and bedroom_val_lmdb.zip from "
    "http://dl.yf.io/lsun/scenes/ and unpack both in {folder}, which then holds "
    "bedroom_train_lmdb/data.mdb and bedroom_val_lmdb/data.mdb",
    "imagenet143_64": "register at https://image-net.org, download ILSVRC2012, sort the images into class "
    "folders by WordNet id, and place all 1,000 of them, or only those of classes 151 to 293, in "
    "{folder}/train and {folder}/val",
    "celeba": "download img_align_celeba.zip from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html and "
    "unpack it so that {folder} holds 000001.jpg to 202599.jpg (or place it in the data root and run "
    "'repro data fetch celeba')",
}
BY_HAND["imagenet143_128"] = BY_HAND["imagenet143_64"]


def instructions(info: DatasetInfo, folder: Path) -> str:
    """Return what to place where, for a set that cannot be downloaded; ``folder`` is the set's own."""
    return BY_HAND[info.name].format(folder=folder)


def hand_placed_archive(info: DatasetInfo) -> Archive | None:
    """Return the archive of a set that the user must download, where its checksum is known; no address."""
    return _CELEBA if info.name == "celeba" else None


def archive_of(info: DatasetInfo, root: Path) -> Archive:
    """Return the archive of ``info``.

    Raises:
        ReproError: the set must be placed by hand (its terms forbid a direct download, or no checksum is
        published),
            with what to place where; or it needs no files.
    """
    if info.name in _TORCHVISION_CLASSES:
        from repro.core.vision import torchvision  # costs two seconds, needed only here

        official = getattr(torchvision.datasets, _TORCHVISION_CLASSES[info.name])
        return Archive(official.url, official.filename, "md5", official.tgz_md5)
    if info.name == "tiny_imagenet":
        return _TINY_IMAGENET
    if info.name in BY_HAND:
        raise ReproError(
            f"{info.title} cannot be fetched automatically",
            remedy=instructions(info, root / info.folders[0]),
            where=root,
        )
    raise ReproError(
        f"{info.title} have no files to fetch", remedy="use them directly, they are drawn at run time"
    )
