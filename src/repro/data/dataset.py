"""What is known of a data set; one file of ``data/sets`` states all of it. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from repro.core.errors import ReproError

if TYPE_CHECKING:
    from repro.core.spec import Source
    from repro.data.image_set import ImageSet
    from repro.data.readers.found import Reader
    from repro.data.sources import Archive


@dataclass(frozen=True)
class DatasetInfo:
    """A data set, before a file of it is opened.

    ``test`` is the split that the field tests on: the validation images where the real test labels are
    unpublished. Points are drawn without end, and have neither splits nor files.

    Args:
        title: the name used in tables and plots.
        height: pixels after the preprocessing of the papers (0 for points).
        width: pixels after the preprocessing of the papers (0 for points).
        classes: number of classes; 0 where the set has none.
        splits: number of examples of each split.
        folders: folders below the data root in which its files are looked for, the first that exists wins.
        tree: the first lines of what such a folder holds, for people.
        signs: patterns of which each folder of the set, even an incomplete one, fulfils one.
        not_signs: files that only another set's folder has.
        needed: the files (or folders) of the release, relative to its folder, which is given to a function.
        subfolders: names of the only folders below it that are looked into, where it may hold many more.
        known_files: the only names that may lie in the folder, where these are a fixed list.
        read: reads a split from such a folder.
        decoded: whether pictures are decoded, which is then kept (see ``cache.py``).
        archive: the published file that ``repro data fetch`` downloads, or finds in the data root.
        by_hand: what to place in ``{folder}``, where nothing may be downloaded.
        drawn: of toy data that is drawn anew for every batch: what training is given in place of images.
        unlabelled: splits whose images carry no class.
        fingerprints: order-free fingerprint of the canonical release, split by split, where it is known.
        channels: colour channels (0 for points).
        name: the name used in sheets and on the command line, that of the file.
    """

    title: str
    height: int
    width: int
    classes: int
    splits: dict[str, int] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    tree: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    not_signs: tuple[str, ...] = ()
    needed: tuple[str, ...] | Callable[[Path], Iterable[str]] = ()
    subfolders: frozenset[str] = frozenset()
    known_files: tuple[str, ...] = ()
    read: Reader | None = None
    decoded: bool = False
    archive: Callable[[], Archive] | None = None
    by_hand: str = ""
    drawn: Callable[[], ImageSet] | None = None
    unlabelled: tuple[str, ...] = ()
    fingerprints: dict[str, str] = field(default_factory=dict)
    channels: int = 3
    name: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """What directly lies in the folder, in words."""
        return tuple(dict.fromkeys(line.partition("/")[0] for line in self.tree))

    def source(self, wanted: Source) -> Source:
        """Return the source that the data comes from; what is drawn from its true density has no twin."""
        return "real" if self.drawn else wanted

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
