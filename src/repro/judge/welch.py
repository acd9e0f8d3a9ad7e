"""One comparison of a claim: whether its cells can be compared, and what t tests say of the seeds.

Two rows are compared by Welch's test. Two numbers of the same runs (a network's scores from two kinds of
noise, say) are compared run by run, by the paired t test: what the runs share does not blur the difference.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from repro.core.cell_key import CellKey
from repro.core.spec import OF_ATTACKS
from repro.judge.cells import Cell, flags_of
from repro.judge.claims import (
    SPREAD,
    Claim,
    ClaimRules,
    ClaimWord,
    Predicate,
    Reference,
    Seeds,
    compared,
)
from repro.judge.verdict import CONFIDENCE, levelled

Sample = tuple[float, float, int]
"""Mean, standard deviation (ddof 1) and number of seeds; a fixed number has deviation 0 and any count."""
Scale = Mapping[str, frozenset[str]]
"""What a number was made with, as far as a profile can change it: by aspect (e.g. "width") its values."""


@dataclass(frozen=True)
class Tested:
    """Both one-sided tests of a comparison: ``effect`` (95 % ``low`` to ``high``) is positive as claimed."""

    effect: float
    low: float
    high: float
    p: float
    p_reverse: float


@dataclass(frozen=True)
class Comparison:
    """A comparison: tested, or with the word and the reason why it is not.

    ``reduced``: something stood in, so that only the order of two rows counts; ``beside_order``: what else is
    compared, if anything.
    """

    name: str
    cells: tuple[Cell, ...]
    test: Tested | None = None
    word: ClaimWord | None = None
    why: str = ""
    beside_order: str = ""
    paired: bool = False

    @property
    def reduced(self) -> bool:
        """Whether something stood in."""
        return any(cell.stand_ins for cell in self.cells)

    @property
    def text(self) -> str:
        """One line for a reader: the comparison, and its numbers or what keeps it from having any."""
        if self.test is None:
            return f"{self.name}: {self.why}"
        found, flags = self.test, flags_of(self.cells)
        suspect = f", suspect: {', '.join(flags)}" if flags else ""
        means = " against ".join(f"{cell.measured:.4g}" for cell in self.cells)
        interval = f"effect {found.effect:+.3g} ({found.low:.3g} to {found.high:.3g})"
        runs = " run by run" if self.paired else ""
        p = f"p = {found.p:.2g}, reversed {found.p_reverse:.2g}"
        return f"{self.name}{runs}: {means}, {interval}, {p}{suspect}"


def compare(
    claim: Claim,
    predicate: Predicate,
    cells: Sequence[Cell],
    scales: Mapping[CellKey, Scale],
    rules: ClaimRules,
    seeds: Seeds,
) -> Comparison:
    """Return one comparison of ``claim``, tested where that means something.

    Two rows with stand-ins are tested only where these are the same, and only for their order. A margin
    (``by``), in a unit that the stand-in may have changed, is no order, nor is a part of a row (``times``):
    that a row keeps 95 % of another's score may hold of rows that hardly differ.

    Seeds that all gave one number tell nothing, but of a number that the paper states where they never passed
    a level within more than that: what they would have given is larger still. Where some of a side's seeds
    never passed it, they may have given anything larger: nothing is then said in favour of the other side
    being the larger one.

    Raises:
        ReproError: as `compared`.
    """
    left, right = compared(claim, predicate, cells, seeds)
    sides = (left, right) if isinstance(right, Cell) else (left,)
    factor = f"{predicate.times:g} times " if predicate.times != 1 else ""
    name = f"{_name(left)} {predicate.relation} than {factor}{_name(right)} {predicate.margin}".rstrip()
    pairs = _pairs(left, right, seeds)
    made = Comparison(name, sides, beside_order=_beside_order(predicate), paired=bool(pairs))
    beyond = isinstance(right, float) and _never_passed(left, predicate.times * right)
    word, why = _obstacle(sides, made, scales, rules, beyond=beyond)
    if word:
        return replace(made, word=word, why=why)
    first, second = _sides(left, right, predicate, pairs)
    if pairs and first[1] == 0:
        return replace(made, word="cannot be told", why=f"all {first[2]} runs differ by the same")
    p = welch_p(first, second, predicate.by)
    p_reverse = 1 - p
    larger, smaller = (right, left) if predicate.relation == "less" else (left, right)
    if _is_bound(smaller):
        p = 1.0
    if _is_bound(larger):
        p_reverse = 1.0
    return replace(made, test=Tested(*welch_interval(first, second, rules.confidence), p, p_reverse))


def _obstacle(
    sides: Sequence[Cell],
    made: Comparison,
    scales: Mapping[CellKey, Scale],
    rules: ClaimRules,
    *,
    beyond: bool,
) -> tuple[ClaimWord | None, str]:
    """Return why a comparison is not tested, or None; ``beyond``: its one number is a bound that tells."""
    if any(not isinstance(cell.measured, float) and not cell.diverged for cell in sides):
        return "pending", "not run"
    if made.reduced and made.beside_order:
        return "not comparable", f"{made.beside_order}, and a stand-in was involved"
    # without stand-ins the sheet's schedules hold, but a profile may have given one row another number format
    alike = scales if made.reduced else {}
    if len(sides) == 2 and (differing := differences(sides[0], sides[1], alike)):
        return "cannot be told", "the rows differ in " + ", ".join(differing)
    if any(cell.diverged for cell in sides):
        return "cannot be told", "a run diverged"
    if any(cell.n_seeds < rules.seeds or cell.measured_std is None for cell in sides):
        return "cannot be told", f"fewer than {rules.seeds} seeds"
    if weak := [flag for flag in flags_of(sides) if flag in OF_ATTACKS]:
        return "cannot be told", f"a better attack may leave less ({', '.join(weak)})"
    for cell in sides:
        if cell.measured_std == 0 and not beyond:
            return "cannot be told", f"all {cell.n_seeds} seeds of {_name(cell)} gave the same number"
    return None, ""


def _beside_order(predicate: Predicate) -> str:
    """Return what a predicate compares beside the order of two rows, for a reader."""
    if not isinstance(predicate.right, Reference):
        return "a number of the paper"
    if predicate.times != 1:
        return "a part of a row's number"
    return "a margin" if predicate.by else ""


def _never_passed(cell: Cell, number: float) -> bool:
    """Tell whether all seeds of a cell ended above ``number`` before they passed the level in question."""
    bound = cell.measured if cell.measured_std == 0 and _is_bound(cell) else None
    return isinstance(bound, float) and bound > number


def _is_bound(side: Cell | float) -> bool:
    """Tell whether a mean is only the least that it can be: a seed ended before it passed the level."""
    return isinstance(side, Cell) and "never_passed" in side.flags


def differences(left: Cell, right: Cell, scales: Mapping[CellKey, Scale]) -> list[str]:
    """Return in what two cells' stand-ins differ, each as ``aspect (value / value)``."""
    both = [{**_marks(cell), **_made_with(cell, scales)} for cell in (left, right)]
    found = []
    for aspect in dict.fromkeys([*both[0], *both[1]]):
        values = [side.get(aspect, frozenset()) for side in both]
        if values[0] != values[1]:
            shown = " / ".join("+".join(sorted(value)) or "none" for value in values)
            found.append(f"{aspect} ({shown})")
    return found


def _made_with(cell: Cell, scales: Mapping[CellKey, Scale]) -> Scale:
    """Return what a cell was made with; a spread with what any of its columns was."""
    if cell.column != SPREAD:
        return scales.get(cell.key, {})
    found: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for key, scale in scales.items():
        if key[:3] + key[4:] == cell.key[:3] + cell.key[4:]:  # the same row, metric and convention
            for aspect, values in scale.items():
                found[aspect] |= values
    return found


def _marks(cell: Cell) -> dict[str, frozenset[str]]:
    """Return what a cell itself says about what it was made with."""
    return {
        "stand-ins": frozenset(cell.stand_ins),
        "precision": frozenset(cell.precision),
    }


def difference(
    left: Cell, right: Cell | float, predicate: Predicate, rules: ClaimRules, seeds: Seeds
) -> tuple[float, float, float] | None:
    """Return the difference as measured, positive as claimed, and its interval, tested or not.

    The interval is unbounded where a side has one seed; None where a side is not measured.
    """
    sides = [side for side in (left, right) if isinstance(side, Cell)]
    if any(not isinstance(side.measured, float) for side in sides):
        return None
    first, second = _sides(left, right, predicate, _pairs(left, right, seeds))
    if any(side.n_seeds < 2 for side in sides):
        return first[0] - second[0], -math.inf, math.inf
    return welch_interval(first, second, rules.confidence)


def _pairs(left: Cell, right: Cell | float, seeds: Seeds) -> list[tuple[float, float]]:
    """Return both numbers of each run where both cells are of the same runs, none of which is missing."""
    if not isinstance(right, Cell) or not left.runs or left.runs != right.runs:
        return []
    both = seeds.get(left.key, ()), seeds.get(right.key, ())
    counts = {left.n_seeds, right.n_seeds, *map(len, both)}  # a difference of two runs is one number
    whole = len(counts) == 1 and min(counts) > 1 and not (left.diverged or right.diverged)
    return list(zip(*both, strict=True)) if whole else []


def _sides(
    left: Cell, right: Cell | float, predicate: Predicate, pairs: Sequence[tuple[float, float]]
) -> tuple[Sample, Sample]:
    """Return the side that is claimed to be larger, then the other; of pairs their differences, then zero."""
    if pairs:
        sign = -1.0 if predicate.relation == "less" else 1.0
        found = [sign * (first - predicate.times * second) for first, second in pairs]
        found = levelled(found, (number for pair in pairs for number in pair))
        return (statistics.fmean(found), statistics.stdev(found), len(found)), (0.0, 0.0, 2)
    first, second = _sample(left), _sample(right)
    second = (second[0] * predicate.times, second[1] * abs(predicate.times), second[2])
    return (second, first) if predicate.relation == "less" else (first, second)


def _sample(side: Cell | float) -> Sample:
    if not isinstance(side, Cell):
        return side, 0.0, 2
    assert isinstance(side.measured, float)
    return side.measured, side.measured_std or 0.0, side.n_seeds


def _name(side: Cell | float) -> str:
    return f"{side.row} [{side.column}]" if isinstance(side, Cell) else f"{side:g}"


def welch_p(left: Sample, right: Sample, margin: float = 0.0) -> float:
    """Return the p value of the one-sided Welch test that left's mean exceeds right's by ``margin``.

    With no variance on either side the difference decides: 0, 1, or 0.5 at equality.
    """
    difference, error, freedom = _difference(left, right)
    difference -= margin
    if error == 0:
        return 0.5 if difference == 0 else float(difference < 0)
    from scipy.special import stdtr  # here: most processes that read claims judge none

    return float(stdtr(freedom, -difference / error))


def welch_interval(left: Sample, right: Sample, confidence: float = CONFIDENCE) -> tuple[float, float, float]:
    """Return left's mean minus right's, and the two-sided Welch interval of that difference."""
    difference, error, freedom = _difference(left, right)
    if error == 0:
        return difference, difference, difference
    from scipy.special import stdtrit

    half = float(stdtrit(freedom, 0.5 + confidence / 2)) * error
    return difference, difference - half, difference + half


def _difference(left: Sample, right: Sample) -> tuple[float, float, float]:
    """Return left's mean minus right's, its standard error and degrees of freedom."""
    (mean_l, std_l, n_l), (mean_r, std_r, n_r) = left, right
    parts = [(std_l**2 / n_l, n_l), (std_r**2 / n_r, n_r)]
    total = sum(part for part, _ in parts)
    squares = sum(part**2 / (n - 1) for part, n in parts if part > 0)
    freedom = total**2 / squares if squares else math.inf
    return mean_l - mean_r, math.sqrt(total), freedom
