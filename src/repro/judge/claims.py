"""Claims: sentences of a paper as predicates over cells; how they are written, read and listed."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from repro.core.cell_key import CellKey
from repro.core.csv_text import csv_text
from repro.core.spec import Frozen
from repro.judge.cells import Cell, flags_of
from repro.judge.entries import Entry, read_entries
from repro.judge.verdict import MIN_SEEDS, levelled

ClaimWord = Literal["supported", "not supported", "cannot be told", "not comparable", "pending"]
Direction = Literal["direction holds", "direction reverses", "cannot be told", ""]
CLAIM_COLUMNS = (
    "paper",
    "id",
    "statement",
    "source",
    "verdict",
    "direction",
    "effect",
    "ci_low",
    "ci_high",
    "p",
    "p_holm",
    "p_reverse",
    "p_reverse_holm",
    "stand_ins",
    "reason",
    "runs",
)
ALL_COLUMNS, SPREAD = "*", "largest - smallest"
Seeds = Mapping[CellKey, Sequence[float]]
"""The numbers of a cell's runs, in their order, by its key."""


class Reference(Frozen):
    """Which cell is meant. What ``right`` leaves out it takes from ``left``, and ``paper`` from the claim.

    The column ``*`` means the spread of a row over its columns: its largest number minus its smallest, which
    are found by some of the seeds and measured by the others.
    """

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
    """``left`` is ``relation`` than ``times`` ``right`` by more than ``by``.

    ``right`` is a cell or a number; ``by`` is in the metric's unit. A negative one bounds a difference from
    its other side: less than ``right`` by more than -2.5 is less than ``right`` plus 2.5.
    """

    left: Reference
    relation: Literal["greater", "less"]
    right: Reference | float
    by: float = 0.0
    times: float = Field(default=1.0, gt=0)

    @property
    def margin(self) -> str:
        """``by`` in words, after the right side; empty without."""
        if self.by >= 0:
            return f"by more than {self.by:g}" if self.by else ""
        return f"{'plus' if self.relation == 'less' else 'minus'} {-self.by:g}"


class Claim(Entry):
    """One sentence of a paper and the comparisons that it amounts to."""

    statement: str
    source: str = ""
    all: tuple[Predicate, ...] = Field(min_length=1)

    @property
    def references(self) -> list[Reference]:
        """Every cell that it compares, with what is left out filled in."""
        return [at for predicate in self.all for at in self.of(predicate)]

    def of(self, predicate: Predicate) -> list[Reference]:
        """Return the cells of one comparison, likewise."""
        left = predicate.left.over(Reference(paper=self.paper))
        right = predicate.right
        return [left, right.over(left)] if isinstance(right, Reference) else [left]

    @property
    def artefacts(self) -> set[str]:
        """The artefacts, as ``paper/name``, whose cells it compares."""
        return {f"{at.paper}/{at.artefact}" for at in self.references}


class ClaimRules(Frozen):
    """How claims are judged (``config/config.yaml``, ``claims``).

    Attributes:
        level: of the one-sided tests, each way, after Holm's correction over a paper's claims.
        confidence: of the interval of an effect.
        seeds: fewer than these on a side, and nothing can be told.
    """

    level: float = Field(default=0.05, gt=0, lt=0.5)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    seeds: int = Field(default=MIN_SEEDS, ge=2)


DEFAULT_RULES = ClaimRules()


@dataclass(frozen=True)
class Judgement:
    """The verdict on one claim.

    ``direction`` is what the order of rows with the same stand-ins says, beside a number that is not
    comparable; ``effect`` (``low`` to ``high``) is that of the comparison which decides, in its metric's
    unit, positive as claimed, None unless all comparisons are tested or one is reversed; ``p`` is of the
    claim, ``p_reverse`` of its contrary, both also after Holm's correction over the paper's claims;
    ``reason`` names each comparison with its numbers.
    """

    claim: Claim
    word: ClaimWord
    reason: str
    direction: Direction = ""
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    p_reverse: float | None = None
    p_reverse_holm: float | None = None
    stand_ins: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


def read_claims(path: Path, paper: str) -> list[Claim]:
    """Return the claims of ``config/papers/<paper>/claims.yaml``; errors as in `read_entries`."""
    return read_entries(path, Claim, paper)


def render_claims(judgements: Iterable[Judgement]) -> str:
    """Return the judgements as CSV text (columns ``CLAIM_COLUMNS``), numbers with four significant digits."""
    rows: list[Sequence[object]] = [CLAIM_COLUMNS]
    for item in judgements:
        claim = item.claim
        numbers = (item.effect, item.low, item.high, item.p, item.p_holm, item.p_reverse, item.p_reverse_holm)
        rows.append(
            [claim.paper, claim.id, claim.statement, claim.source, item.word, item.direction]
            + ["" if number is None else f"{number:.4g}" for number in numbers]
            + ["+".join(item.stand_ins), item.reason, "+".join(item.runs)]
        )
    return csv_text(rows)


def find_cell(at: Reference, cells: Sequence[Cell], claim: Claim, seeds: Seeds) -> Cell:
    """Return the one cell that a claim means; ``seeds`` has the numbers of which a spread is made.

    Raises:
        ReproError: there is none, or there are several; names file and line of the claim.
    """
    fields = ("paper", "artefact", "row", "column", "metric")
    told = fields if at.column != ALL_COLUMNS else tuple(name for name in fields if name != "column")
    found = [cell for cell in cells if all(getattr(at, name) == getattr(cell, name) for name in told)]
    wanted = at.convention or "standard"
    matching = [cell for cell in found if cell.convention == wanted]
    if not matching and at.convention is None:
        matching = found
    if at.column == ALL_COLUMNS and len({cell.convention for cell in matching}) == 1 < len(matching):
        return _spread(matching, seeds)
    if len(matching) != 1:
        place = " / ".join(str(getattr(at, name)) for name in (*fields, "convention"))
        problem = "no cell" if not matching else f"{len(matching)} cells"
        raise claim.error(
            f"claim `{claim.id}` names {problem}: {place}",
            "name one cell: paper, artefact, row, column, metric and, if need be, convention",
        )
    return matching[0]


def compared(
    claim: Claim, predicate: Predicate, cells: Sequence[Cell], seeds: Seeds
) -> tuple[Cell, Cell | float]:
    """Return the two sides of a comparison.

    Raises:
        ReproError: as `find_cell`, or the sides were measured under two conventions, which a claim that does
            not name them hardly means.
    """
    at = predicate.left.over(Reference(paper=claim.paper))
    left = find_cell(at, cells, claim, seeds)
    if not isinstance(predicate.right, Reference):
        return left, predicate.right
    wanted = predicate.right.over(at)
    right = find_cell(wanted, cells, claim, seeds)
    if left.convention != right.convention and None in (at.convention, wanted.convention):
        raise claim.error(
            f"claim `{claim.id}` compares {left.row} under the convention {left.convention} with {right.row} "
            f"under {right.convention}",
            "give both sides a convention",
        )
    return left, right


def _spread(cells: Sequence[Cell], seeds: Seeds) -> Cell:
    """Return the spread of a row as a cell: its largest column minus its smallest.

    The largest of noisy numbers minus the smallest is above 0 where all columns are alike, the more so the
    noisier they are. So the first half of the seeds tells which two columns these are, and the others measure
    their difference: of columns that are alike its mean is 0, and a test of two spreads errs as often as it
    says. Not measured unless each column's numbers are known, as many of each.
    """
    whole = replace(
        cells[0],
        column=SPREAD,
        stand_ins=joined(cell.stand_ins for cell in cells),
        runs=joined(cell.runs for cell in cells),
        flags=flags_of(cells),
        precision=joined(cell.precision for cell in cells),
        batch_size=joined(cell.batch_size for cell in cells),
        diverged=sum(cell.diverged for cell in cells),
        n_seeds=0,
        measured=None,
        measured_std=None,
    )
    numbers = [tuple(seeds.get(cell.key, ())) for cell in cells]
    counts = {len(each) for each in numbers}
    if len(counts) > 1 or min(counts) < 2:
        return whole
    first = min(counts) // 2
    largest = max(numbers, key=lambda each: statistics.fmean(each[:first]))
    smallest = min(numbers, key=lambda each: statistics.fmean(each[:first]))
    found = [high - low for high, low in zip(largest[first:], smallest[first:], strict=True)]
    found = levelled(found, (*largest, *smallest))
    std = statistics.stdev(found) if len(found) > 1 else None
    return replace(whole, measured=statistics.fmean(found), measured_std=std, n_seeds=len(found))


def joined(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the distinct names of all ``parts``, in their order."""
    return tuple(dict.fromkeys(name for part in parts for name in part))
