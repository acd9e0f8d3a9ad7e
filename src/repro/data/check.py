"""Is what lies below the data root the set that it should be?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.markup import escape
from rich.table import Table

from repro.data.catalogue import dataset_info
from repro.data.dataset import DatasetInfo
from repro.data.load import read_files
from repro.data.readers.found import find_folder, foreign

Canonical = Literal["yes", "no", "not known"]


@dataclass(frozen=True)
class SplitReport:
    """One split as found on disk.

    Args:
        split: its name. images: number of images read. expected: number of images of the release. classes:
        number of classes. fingerprint: order-free fingerprint of the images read. canonical: whether they
        are those of the release; ``not known`` where the number fits and no fingerprint of
            the release is known.
    """

    split: str
    images: int
    expected: int
    classes: int
    fingerprint: str
    canonical: Canonical


@dataclass(frozen=True)
class DataReport:
    """All splits of one data set as found on disk."""

    name: str
    title: str
    folder: Path
    splits: tuple[SplitReport, ...]

    @property
    def canonical(self) -> Canonical:
        """``yes`` where every split is the release's, ``no`` where one is not."""
        answers = {split.canonical for split in self.splits}
        return "no" if "no" in answers else "not known" if "not known" in answers else "yes"


def check(name: str, root: Path) -> DataReport:
    """Read every split of data set ``name`` below ``root`` and say what it is.

    Args:
        name: a key of the catalogue.
        root: the data root.

    Raises:
        ReproError: missing, damaged or foreign files, a fingerprint that differs although the number of
        images is right,
            or more images than memory holds.
    """
    info = dataset_info(name)
    folder = find_folder(root, info)
    _refuse_foreign_files(folder, info)
    splits = tuple(_check_split(info, split, root) for split in info.splits)
    return DataReport(name, info.title, folder, splits)


def render(report: DataReport) -> Table:
    """Return ``report`` as a table for the terminal; its caption ends in the verdict."""
    table = Table(
        title=escape(f"{report.title} in {report.folder}"), caption=f"canonical release: {report.canonical}"
    )
    for heading in ("split", "images", "of", "classes", "canonical", "fingerprint"):
        justify: Literal["left", "right"] = "right" if heading in ("images", "of", "classes") else "left"
        table.add_column(heading, justify=justify, overflow="fold")  # a terminal may have no ellipsis
    for split in report.splits:
        table.add_row(
            split.split,
            f"{split.images:,}",
            f"{split.expected:,}",
            str(split.classes),
            split.canonical,
            split.fingerprint[:16],
        )
    return table


def _check_split(info: DatasetInfo, split: str, root: Path) -> SplitReport:
    data = read_files(info, split, None, root, use_cache=False)  # every file is opened anew
    canonical: Canonical = "no"
    if data.complete:  # read_files has compared the fingerprint where one is known
        canonical = "yes" if split in info.fingerprints else "not known"
    expected = info.splits[split]
    return SplitReport(split, len(data), expected, len(data.classes), data.fingerprint, canonical)


def _refuse_foreign_files(folder: Path, info: DatasetInfo) -> None:
    """Raise for files that the release does not have, where it is a fixed list of files."""
    if not info.known_files:
        return  # folders of pictures are listed strictly when they are read
    for entry in sorted(folder.iterdir()):
        if entry.name not in info.known_files and not entry.name.startswith("."):
            raise foreign(entry, info)
