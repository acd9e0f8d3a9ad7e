"""Claims: sentences of a paper as predicates over cells; how they are written, read and listed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from repro.core.spec import Frozen
from repro.report.csv_text import csv_text
from repro.report.entries import Entry, read_entries

ClaimWord = Literal["supported", "not supported", "inconclusive", "not comparable", "pending"]
CLAIM_COLUMNS = ("paper", "id", "statement", "source", "verdict", "reason", "stand_ins", "runs")


class Reference(Frozen):
    """Which cell is meant. What ``right`` leaves out it takes from ``left``, and ``paper`` from the claim."""

    paper: str | None = None
    artefact: str | None = None
    row: str | None = None
    column: str | None = None
    metric: str | None = None
    convention: str | None = None

    def over(self, other: Reference) -> Reference:
        """Return this reference with its gaps filled from ``other``."""
        given = self.model_dump(exclude_none=True)
        return Reference(**{**other.model_dump(exclude_none=True), **given})


class Predicate(Frozen):
    """``left`` is ``relation`` than ``right`` (cell or number) by more than ``by`` (metric's unit)."""

    left: Reference
    relation: Literal["greater", "less"]
    right: Reference | float
    by: float = Field(default=0.0, ge=0)


class Claim(Entry):
    """One sentence of a paper and the comparisons that it amounts to."""

    statement: str
    source: str = ""
    all: tuple[Predicate, ...] = Field(min_length=1)

    @property
    def artefacts(self) -> set[str]:
        """The artefacts, as ``paper/name``, whose cells it compares."""
        found = set()
        for predicate in self.all:
            left = predicate.left.over(Reference(paper=self.paper))
            right = predicate.right.over(left) if isinstance(predicate.right, Reference) else left
            found |= {f"{side.paper}/{side.artefact}" for side in (left, right)}
        return found


@dataclass(frozen=True)
class Judgement:
    """The verdict on one claim; ``reason`` names each comparison with its p value."""

    claim: Claim
    word: ClaimWord
    reason: str
    stand_ins: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


def read_claims(path: Path, paper: str) -> list[Claim]:
    """Return the claims of ``config/papers/<paper>/claims.yaml``; errors as in `read_entries`."""
    return read_entries(path, Claim, paper)


def render_claims(judgements: Iterable[Judgement]) -> str:
    """Return the judgements as CSV text (columns ``CLAIM_COLUMNS``)."""
    csv_rows: list[Sequence[object]] = [CLAIM_COLUMNS]
    for item in judgements:
        claim = item.claim
        marks = ["+".join(item.stand_ins), "+".join(item.runs)]
        csv_rows.append(
            [claim.paper, claim.id, claim.statement, claim.source, item.word, item.reason, *marks]
        )
    return csv_text(csv_rows)
