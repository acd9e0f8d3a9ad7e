"""Claims judged by t tests over seeds, one-sided both ways, with Holm's correction over a paper's claims.

A claim is a conjunction of comparisons. It holds only if all do, so its p value is the largest of theirs
(an intersection-union test); it is reversed if one of them is, so its p value for that is the smallest of
theirs times their number. Each way the chance of one false word among all claims of a paper is at most the
declared level.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from repro.core.cell_key import CellKey
from repro.judge.cells import Cell
from repro.judge.claims import (
    DEFAULT_RULES,
    Claim,
    ClaimRules,
    ClaimWord,
    Direction,
    Judgement,
    Seeds,
    joined,
)
from repro.judge.welch import Comparison, Scale, Tested, compare

Name = TypeVar("Name")

# What keeps a claim from a verdict, the gravest first.
_OBSTACLES: tuple[ClaimWord, ...] = ("pending", "not comparable", "cannot be told")


@dataclass(frozen=True)
class _Judged:
    claim: Claim
    comparisons: tuple[Comparison, ...]

    @property
    def tests(self) -> list[Tested]:
        return [comparison.test for comparison in self.comparisons if comparison.test]

    @property
    def p(self) -> float | None:
        """Of the claim; None unless all comparisons are tested."""
        tests = self.tests
        return max(test.p for test in tests) if len(tests) == len(self.comparisons) else None

    @property
    def p_reverse(self) -> float | None:
        """Of the contrary of one comparison; None where none is tested."""
        tests = self.tests
        return min(1.0, len(tests) * min(test.p_reverse for test in tests)) if tests else None


def judge_claims(
    claims: Iterable[Claim],
    cells: Sequence[Cell],
    scales: Mapping[CellKey, Scale] | None = None,
    rules: ClaimRules = DEFAULT_RULES,
    seeds: Seeds | None = None,
) -> list[Judgement]:
    """Judge every claim over ``cells``; the claims of one paper are one family.

    Args:
        claims: all that are judged together.
        cells: the cells that they name.
        scales: what each cell was made with, by its key, beyond what the cell says.
        rules: level, interval and number of seeds.
        seeds: the numbers of the cells' runs, by which two cells of the same runs are compared run by run.

    Raises:
        ReproError: a claim names a cell that does not exist; names file and line of the claim.
    """
    judged = [
        _Judged(
            claim, tuple(compare(claim, each, cells, scales or {}, rules, seeds or {}) for each in claim.all)
        )
        for claim in claims
    ]
    families: defaultdict[str, list[_Judged]] = defaultdict(list)
    for item in judged:
        families[item.claim.paper].append(item)
    found: dict[str, Judgement] = {}
    for family in families.values():
        held = _adjusted({item.claim.id: item.p for item in family})
        reversed_ = _adjusted({item.claim.id: item.p_reverse for item in family})
        for item in family:
            found[item.claim.id] = _judgement(
                item, held.get(item.claim.id), reversed_.get(item.claim.id), rules
            )
    return [found[item.claim.id] for item in judged]


def holm(values: Mapping[Name, float]) -> dict[Name, float]:
    """Return p values adjusted by Holm (1979).

    Whoever rejects those below a level errs with at most that chance, once or more in the whole family.
    """
    adjusted: dict[Name, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(values, key=lambda name: values[name])):
        largest = max(largest, min(1.0, (len(values) - rank) * values[name]))
        adjusted[name] = largest
    return adjusted


def _adjusted(values: Mapping[str, float | None]) -> dict[str, float]:
    return holm({name: value for name, value in values.items() if value is not None})


def _judgement(item: _Judged, p: float | None, p_reverse: float | None, rules: ClaimRules) -> Judgement:
    holds = p is not None and p < rules.level
    reverses = not holds and p_reverse is not None and p_reverse < rules.level
    reduced = any(comparison.reduced for comparison in item.comparisons)
    obstacles = [comparison.word for comparison in item.comparisons if comparison.word]
    if reduced:
        obstacles.append("not comparable")
    word: ClaimWord
    if reverses and not reduced:
        word = "not supported"
    elif obstacles:
        word = min(obstacles, key=_OBSTACLES.index)
    else:
        word = "supported" if holds else "cannot be told"
    direction = _direction(item, holds=holds, reverses=reverses) if reduced else ""
    told = p is not None or reverses  # else the effect would be of a part of the claim
    deciding = _deciding(item, reverses=reverses) if told else None
    cells = [cell for comparison in item.comparisons for cell in comparison.cells]
    marks = joined(cell.stand_ins for cell in cells)
    reason = "; ".join(comparison.text for comparison in item.comparisons)
    if reduced and item.tests:
        reason += f"; stood in on both sides: {', '.join(marks)}"
    return Judgement(
        claim=item.claim,
        word=word,
        direction=direction,
        reason=reason,
        effect=deciding.effect if deciding else None,
        low=deciding.low if deciding else None,
        high=deciding.high if deciding else None,
        p=item.p,
        p_holm=p,
        p_reverse=item.p_reverse,
        p_reverse_holm=p_reverse,
        stand_ins=marks,
        runs=joined(cell.runs for cell in cells),
    )


def _direction(item: _Judged, *, holds: bool, reverses: bool) -> Direction:
    """Return what the order of rows with equal stand-ins says; nothing where a claim is not of rows."""
    if reverses:
        return "direction reverses"
    if any(comparison.word == "pending" or comparison.beside_order for comparison in item.comparisons):
        return ""
    return "direction holds" if holds else "cannot be told"


def _deciding(item: _Judged, *, reverses: bool) -> Tested | None:
    """Return the comparison that a claim's word hangs on: the weakest link, or the one that is reversed."""
    if not item.tests:
        return None
    if reverses:
        return min(item.tests, key=lambda test: test.p_reverse)
    return max(item.tests, key=lambda test: test.p)
