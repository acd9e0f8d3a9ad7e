"""The ledger: what a paper leaves open, contradicts or does otherwise in its code, and the choice here."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from repro.core.spec import Frozen, OptionValue
from repro.judge.entries import Entry, OfSheet, read_entries


class LedgerOption(Frozen):
    """The option of a method (or measurement) that holds the choice, and implemented values of it."""

    name: str = Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_.]+$")
    values: tuple[OptionValue, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _values_differ(self) -> LedgerOption:
        if len({repr(value) for value in self.values}) < len(self.values):
            raise ValueError("values: one is given twice")
        return self

    @property
    def of(self) -> str:
        """Name of the method or measurement, e.g. ``dat``."""
        return self.name.split(".", 1)[0]

    @property
    def option(self) -> str:
        """Name of its option, e.g. ``reduction``."""
        return self.name.split(".", 1)[1]


class LedgerItem(Entry):
    """One open or contradictory point.

    ``affects`` lists artefacts; ``option`` is None where the point is no option (a slip of the text, or a
    choice made in a sheet, which ``choice`` then names); ``measured_by`` is the cell
    ``[paper/artefact, row, column, metric]`` that measures what the choice is worth, or None; ``searched_by``
    lists the searches (``paper/name``) that look for it on validation images.
    """

    source: str = Field(min_length=1)
    text: str = Field(min_length=1)
    affects: tuple[OfSheet, ...]
    choice: str = Field(min_length=1)
    option: LedgerOption | None
    measured_by: tuple[OfSheet, str, str, str] | None
    searched_by: tuple[OfSheet, ...] = ()


def read_ledger(path: Path, paper: str | None) -> list[LedgerItem]:
    """Return the items of a ledger; errors as in `read_entries`.

    Args:
        path: ``config/papers/<paper>/ledger.yaml``, or ``config/ledger.yaml`` of what several papers rest on.
        paper: whose it is; None for the latter.
    """
    return read_entries(path, LedgerItem, paper)
