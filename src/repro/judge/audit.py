"""The audit: what a paper states, recomputed from the numbers that it prints. Needs no run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from repro.core.csv_text import csv_text
from repro.core.errors import ReproError
from repro.judge.audit_expression import Expression, Number
from repro.judge.entries import Entry, read_entries
from repro.judge.reported import Reported

AuditWord = Literal["consistent", "inconsistent", "not in the table"]


class AuditEntry(Entry):
    """One statement of a paper.

    ``stated`` is a number, an expression (two places of the papers that should agree), or ``[low, high]`` for
    a statement such as "4-6 %". ``compute`` is what the printed numbers give, or null where no table prints
    what would be needed. ``decimals`` is the number of decimals that the paper states; the rounding rule is
    the same for all: the recomputed value may differ by half a unit of the last one.
    """

    statement: str
    source: str
    stated: tuple[Number, Number] | Expression = Field(union_mode="left_to_right")
    compute: Expression | None
    decimals: int = Field(ge=0, le=6)
    unit: str = ""

    @model_validator(mode="after")
    def _range_is_ordered(self) -> AuditEntry:
        if isinstance(self.stated, tuple) and self.stated[0] > self.stated[1]:
            raise ValueError("stated: the lower end of the range comes first")
        return self


@dataclass(frozen=True)
class AuditRow:
    """One line of ``audit.csv``; ``recomputed`` has up to two decimals more than stated, or is empty."""

    paper: str
    id: str
    statement: str
    stated: str
    recomputed: str
    verdict: AuditWord
    source: str


AUDIT_COLUMNS = tuple(field.name for field in fields(AuditRow))


def read_audit(path: Path, paper: str) -> list[AuditEntry]:
    """Return the entries of ``config/papers/<paper>/audit.yaml``; errors as in `read_entries`."""
    return read_entries(path, AuditEntry, paper)


def audit(reported: Reported, entries: Iterable[AuditEntry]) -> list[AuditRow]:
    """Judge each entry against the printed numbers.

    Raises:
        ReproError: an entry refers to a cell that ``reported`` lacks, or divides by zero; names file and line
            of the entry when it was read from a file.
    """
    return [_judge(reported, entry) for entry in entries]


def render_audit(rows: Sequence[AuditRow]) -> str:
    """Return the rows as CSV text (columns ``AUDIT_COLUMNS``)."""
    csv_rows: list[Sequence[object]] = [AUDIT_COLUMNS]
    csv_rows.extend(astuple(row) for row in rows)
    return csv_text(csv_rows)


def _judge(reported: Reported, entry: AuditEntry) -> AuditRow:
    try:
        low, high = _stated(entry, reported)
        found = None if entry.compute is None else entry.compute.value(reported)
    except ReproError as error:
        raise entry.error(f"Audit entry {entry.id}: {error.message}", error.remedy) from error
    half = Decimal(5).scaleb(-entry.decimals - 1)
    word: AuditWord
    if found is None or low is None or high is None:
        word = "not in the table"
    elif low - half <= found <= high + half:
        word = "consistent"
    else:
        is_search = entry.compute is not None and entry.compute.nearest is not None
        word = "not in the table" if is_search else "inconsistent"
    ends = [f"{end:.{entry.decimals}f}" for end in dict.fromkeys([low, high]) if end is not None]
    unit = f" {entry.unit}" if entry.unit else ""
    return AuditRow(
        paper=entry.paper,
        id=entry.id,
        statement=entry.statement,
        stated=" to ".join(ends) + unit if ends else "",
        recomputed="" if found is None else _finer(found, entry.decimals) + unit,
        verdict=word,
        source=entry.source,
    )


def _stated(entry: AuditEntry, reported: Reported) -> tuple[Decimal | None, Decimal | None]:
    if isinstance(entry.stated, tuple):
        return entry.stated
    value = entry.stated.value(reported)
    return value, value


def _finer(number: Decimal, decimals: int) -> str:
    """Return the number with up to two decimals more than were stated, but no needless zeros among these."""
    text = f"{number.quantize(Decimal(1).scaleb(-decimals - 2), rounding=ROUND_HALF_UP):f}"
    kept = len(text) - 2
    while len(text) > kept and text.endswith("0"):
        text = text[:-1]
    return text.removesuffix(".")
