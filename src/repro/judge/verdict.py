"""The verdict on one number: pure functions, the same rule for every method (README)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

VerdictWord = Literal[
    "reproduced",
    "not reproduced",
    "inconclusive",
    "not comparable",
    "cited",
    "pending",
    "unreported",
    "diverged",
]
VERDICTS: tuple[VerdictWord, ...] = get_args(VerdictWord)

CONFIDENCE = 0.95
MIN_SEEDS = 3  # below this the interval says more about the t distribution than about the method
_ROUNDING = 1e-9  # relative: at a bound 0.1 + 0.2 lies inside 0.3, and values so near each other are alike


@dataclass(frozen=True)
class Verdict:
    """A verdict and the numbers it rests on.

    ``mean``, ``std``, ``low`` and ``high`` are None where they are undefined; ``tolerance`` is the one that
    was applied (None where nothing was compared). ``diverged`` counts runs beside the ``n`` that the numbers
    are of.
    """

    word: VerdictWord
    n: int = 0
    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None
    tolerance: float | None = None
    diverged: int = 0

    @property
    def seeds_alike(self) -> bool:
        """Whether all seeds gave one number: certainty, or seeds that nothing read; a finding either way."""
        return self.n >= MIN_SEEDS and self.std == 0


def t_interval(values: Sequence[float]) -> tuple[float, float, float, float]:
    """Return mean, standard deviation (ddof = 1) and the two-sided t-interval of the mean of ``values``.

    With one value the deviation is NaN and the interval unbounded (-inf, inf); with none everything is NaN;
    a value that is not finite makes everything NaN, since dropping a failed seed would flatter the method.
    """
    n = len(values)
    if n == 0 or not all(math.isfinite(value) for value in values):
        return math.nan, math.nan, math.nan, math.nan
    values = levelled(values, values)
    # a common value is returned as it is: summing and dividing could move it by one rounding error
    mean = values[0] if min(values) == max(values) else math.fsum(values) / n
    if n == 1:
        return mean, math.nan, -math.inf, math.inf
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    from scipy.special import stdtrit  # here, because most callers judge cells that need no quantile

    half = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) * std / math.sqrt(n)
    return mean, std, mean - half, mean + half


def levelled(values: Sequence[float], operands: Iterable[float]) -> list[float]:
    """Return ``values``, each as the first where they differ by no more than the rounding of ``operands``.

    Differences of numbers that lie equally far apart (40.2 - 40.0, 38.8 - 38.6) differ in their last digits,
    and a deviation of 1e-15 would be taken for certainty. ``operands`` are what the values were made of: the
    numbers themselves, or those that were subtracted.
    """
    alike = max(values) - min(values) <= _ROUNDING * max(map(abs, operands))
    return [values[0]] * len(values) if alike else list(values)


def judge(
    reported: float | None,
    reported_std: float | None,
    values: Sequence[float],
    tolerance: float | None,
    stand_ins: Sequence[str] = (),
    cited: bool = False,
    diverged: int = 0,
    censored: int = 0,
    exact: bool = False,
) -> Verdict:
    """Judge one cell.

    One diverged run decides it, whatever the others say and whatever stood in: their mean is of those that
    happened to survive, and that a training does not come to its end is a result.

    Args:
        reported: the number that the paper prints, or None.
        reported_std: its printed +-, or None.
        values: one measured number per seed.
        tolerance: the metric's declared tolerance in the metric's unit (see ``tolerances``), or None where
            none is declared; twice ``reported_std`` replaces it where that is larger. With neither there is
            nothing to judge by.
        stand_ins: what stood in for the real thing; any makes the number not comparable.
        cited: the paper took the number from elsewhere, so that it says nothing about its method.
        diverged: number of further runs, which diverged.
        censored: of how many ``values`` it is known only that the number is no smaller (epochs until a level
            is passed, of runs that never passed it).
        exact: of the data themselves: no training's seeds, and where all are alike this is no finding.
    """
    n = len(values)
    if cited:
        return Verdict("cited")
    if n + diverged == 0:
        return Verdict("pending")
    mean, std, low, high = t_interval(values)
    measured = Verdict("unreported", n, _finite(mean), _finite(std), _finite(low), _finite(high))
    if diverged:
        return replace(measured, word="diverged", diverged=diverged)
    if stand_ins:
        return replace(measured, word="not comparable")
    if reported is None:
        return measured
    if tolerance is None and reported_std is None:
        return replace(measured, word="inconclusive")
    allowed = max(tolerance or 0.0, 2 * (reported_std or 0.0))
    word = _compare(reported, allowed, n, low, high)
    if (measured.seeds_alike and not exact) or (censored and mean <= reported + allowed):
        word = "inconclusive"
    if censored == n >= MIN_SEEDS and mean > reported + allowed:
        word = "not reproduced"
    return replace(measured, word=word, tolerance=allowed)


def judge_setting(reported: float | str | None, used: float | str, stand_ins: Sequence[str] = ()) -> Verdict:
    """Judge a setting (no seeds, no tolerance): the run used what the paper states, or it did not.

    ``stand_ins`` are those that changed this very setting, e.g. a reduced budget the number of steps.
    """
    number = None if isinstance(used, str) else float(used)
    if stand_ins:
        return Verdict("not comparable", n=1, mean=number)
    if reported is None:
        return Verdict("unreported", n=1, mean=number)
    word: VerdictWord = "reproduced" if _same(reported, used) else "not reproduced"
    return Verdict(word, n=1, mean=number, tolerance=0.0)


def _compare(reported: float, allowed: float, n: int, low: float, high: float) -> VerdictWord:
    """Judge by where the interval of the mean lies: inside the tolerance, outside, or across a bound."""
    if n < MIN_SEEDS:
        return "inconclusive"
    slack = _ROUNDING * max(abs(reported), allowed)
    bottom, top = reported - allowed, reported + allowed
    if low >= bottom - slack and high <= top + slack:
        return "reproduced"
    if low > top + slack or high < bottom - slack:
        return "not reproduced"
    return "inconclusive"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _same(left: float | str, right: float | str) -> bool:
    if isinstance(left, str) or isinstance(right, str):
        return str(left).strip().casefold() == str(right).strip().casefold()
    return math.isclose(left, right, rel_tol=_ROUNDING, abs_tol=0.0)
