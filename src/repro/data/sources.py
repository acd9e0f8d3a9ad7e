"""Where each data set comes from: an archive with a published checksum, or instructions for the user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from repro.core.errors import ReproError
from repro.data.dataset import DatasetInfo


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


def of_torchvision(name: str) -> Archive:
    """Return the archive that torchvision's class of this name downloads."""
    from repro.core.vision import torchvision  # costs two seconds, needed only here

    official = getattr(torchvision.datasets, name)
    return Archive(official.url, official.filename, "md5", official.tgz_md5)


def instructions(info: DatasetInfo, folder: Path) -> str:
    """Return what to place where, for a set that cannot be downloaded; ``folder`` is the set's own."""
    return info.by_hand.format(folder=folder)


def hand_placed_archive(info: DatasetInfo) -> Archive | None:
    """Return the archive of a set that the user must download, where its checksum is known; no address."""
    return info.archive() if info.by_hand and info.archive else None


def archive_of(info: DatasetInfo, root: Path) -> Archive:
    """Return the archive of ``info``.

    Raises:
        ReproError: the set must be placed by hand (its terms forbid a direct download, or no checksum is
        published),
            with what to place where; or it needs no files.
    """
    if info.by_hand:
        raise ReproError(
            f"{info.title} cannot be fetched automatically",
            remedy=instructions(info, root / info.folders[0]),
            where=root,
        )
    if info.archive is None:
        raise ReproError(
            f"{info.title} have no files to fetch", remedy="use them directly, they are drawn at run time"
        )
    return info.archive()
