"""Which images were read, as runs, results and the records of data sets say it. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.core.files import read_model
from repro.core.manifest import MAKE_ANEW
from repro.core.spec import Frozen, Source


class SplitFacts(Frozen):
    """One split as it was read.

    Attributes:
        name: the data set.
        split: which split of it.
        source: ``real`` or ``synthetic``.
        limit: at most so many images were asked for; None for all.
        images: number of images that were read.
        fingerprint: order-free fingerprint of exactly these images and labels.
        complete: whether they are all that the release has.
    """

    name: str
    split: str
    source: Source
    limit: int | None = None
    images: int
    fingerprint: str
    complete: bool

    @property
    def asked(self) -> tuple[str, str, int | None]:
        """What was asked for: data set, split and limit."""
        return self.name, self.split, self.limit

    def __str__(self) -> str:
        """Return them in words, e.g. ``cifar10 test (500 images, 1a2b3c4d5e6f)``."""
        return f"{self.name} {self.split} ({self.images} images, {self.fingerprint[:12]})"


def read_facts(path: Path) -> list[SplitFacts]:
    """Return the splits that the record of a data set lists.

    Raises:
        ReproError: it is missing or damaged.
    """
    return read_model(path, list[SplitFacts], remedy=MAKE_ANEW)


def facts_of_run(record: Mapping[str, Any]) -> list[SplitFacts]:
    """Return the splits that a finished run saw, by its record; older records do not repeat the limit."""
    limit = {"limit": record["spec"]["train_limit"]}
    return [
        SplitFacts.model_validate(limit | record[name]) for name in ("data", "validation") if record.get(name)
    ]
