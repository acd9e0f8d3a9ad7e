"""What a claim's page shows: each comparison with both numbers, the difference, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from repro.core.errors import ReproError
from repro.core.spec import Flag
from repro.judge.cells import Cell, flags_of
from repro.judge.claims import Claim, ClaimRules, Predicate, Seeds, compared
from repro.judge.welch import Comparison, compare, difference

Word = Literal["holds", "reversed", "cannot be told", "not comparable", "pending"]  # of a comparison


@dataclass(frozen=True)
class Shown:
    """One comparison; ``effect`` (``low`` to ``high``) is positive as claimed, None where a side is not run.

    A side is a cell, or a number that the sentence states.
    ``p`` and ``p_reverse`` are None where it is not tested; ``why`` says the reason.
    """

    left: Cell | str
    relation: str
    right: Cell | str
    word: Word = "pending"
    by: str = ""
    why: str = ""
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_reverse: float | None = None


@dataclass(frozen=True)
class ClaimPage:
    """A claim: its line of claims.csv, and its comparisons as far as its cells are there."""

    row: Mapping[str, str]
    claim: Claim | None
    comparisons: tuple[Shown, ...]
    artefacts: tuple[str, ...]  # that it speaks of

    @property
    def id(self) -> str:
        """E.g. ``gat.beats_dropout_cifar10``."""
        return self.row["id"]

    @property
    def cells(self) -> list[Cell]:
        """The cells that it compares."""
        sides = [side for each in self.comparisons for side in (each.left, each.right)]
        return [side for side in sides if isinstance(side, Cell)]

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The signs that these mislead."""
        return flags_of(self.cells)

    @property
    def deciding(self) -> Shown | None:
        """The comparison that the claim hangs on, as measured: the weakest; None where one is not run."""
        measured = [each for each in self.comparisons if each.effect is not None]
        if len(measured) < len(self.comparisons) or not measured:
            return None
        return max(measured, key=lambda each: (each.p is not None, each.p or 0.0, -(each.effect or 0.0)))


def claim_page(
    row: Mapping[str, str],
    claim: Claim | None,
    by_artefact: Mapping[str, list[Cell]],
    rules: ClaimRules,
    seeds: Seeds,
) -> ClaimPage:
    """Return a claim's page; the words and p values of its line in claims.csv stay what they are."""
    artefacts = sorted(claim.artefacts) if claim else []
    cells = [cell for name in artefacts for cell in by_artefact.get(name, ())]
    compared = []
    for predicate in claim.all if claim else ():
        try:
            compared.append(_shown(claim, predicate, cells, rules, seeds, row["reason"]))  # type: ignore[arg-type]
        except ReproError:  # its cell is of no artefact (what a step costs), or the sheet has changed since
            continue
    return ClaimPage(row, claim, tuple(compared), tuple(artefacts))


def _shown(
    claim: Claim, predicate: Predicate, cells: Sequence[Cell], rules: ClaimRules, seeds: Seeds, reason: str
) -> Shown:
    found = compare(claim, predicate, cells, {}, rules, seeds)
    left, right = compared(claim, predicate, cells, seeds)
    sides = [side if isinstance(side, Cell) else f"{side:g}" for side in (left, right)]
    factor = f" {predicate.times:g} times" if predicate.times != 1 else ""
    shown = Shown(sides[0], f"{predicate.relation} than{factor}", sides[1], by=predicate.margin)
    numbers = difference(left, right, predicate, rules, seeds)
    if numbers is None:
        return replace(shown, why="not run")
    effect, low, high = numbers
    known = (low, high) if math.isfinite(low) and math.isfinite(high) else (None, None)
    shown = replace(shown, effect=effect, low=known[0], high=known[1])
    why = _told(found, reason)
    if found.test is None or why:
        word: Word = "not comparable" if found.word == "not comparable" else "cannot be told"
        return replace(shown, word=word, why=why or found.why)
    test = found.test
    word = (
        "holds" if test.p < rules.level else "reversed" if test.p_reverse < rules.level else "cannot be told"
    )
    return replace(shown, word=word, p=test.p, p_reverse=test.p_reverse)


def _told(found: Comparison, reason: str) -> str:
    """Return why the judgement left a comparison untested, by what the planner knows beyond the cells."""
    _, _, rest = reason.partition(f"{found.name}: ")
    return rest.partition(";")[0] if rest.startswith("the rows differ") else ""
