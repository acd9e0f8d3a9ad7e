"""The verdict on one number: pure functions, the same rule for every method (DESIGN, "Verdict")."""

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
    was applied (None where nothing was compared); ``reason`` is one sentence for a reader. ``diverged``
    counts runs beside the ``n`` that the numbers are of.
    """

    word: VerdictWord
    reason: str
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
    pending: bool = False,
    diverged: int = 0,
    censored: int = 0,
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
        pending: not run.
        diverged: number of further runs, which diverged.
        censored: of how many ``values`` it is known only that the number is no smaller (epochs until a level
            is passed, of runs that never passed it).
    """
    n = len(values)
    if cited:
        return Verdict("cited", "the paper cites this number from elsewhere")
    if pending or n + diverged == 0:
        return Verdict("pending", "not run")
    mean, std, low, high = t_interval(values)
    measured = Verdict(
        "unreported",
        "the paper prints no number here",
        n,
        _finite(mean),
        _finite(std),
        _finite(low),
        _finite(high),
    )
    if diverged:
        text = f"{diverged} of {n + diverged} runs diverged"
        return replace(measured, word="diverged", reason=text, diverged=diverged)
    if stand_ins:
        return replace(measured, word="not comparable", reason="stood in: " + ", ".join(stand_ins))
    if reported is None:
        return measured
    if tolerance is None and reported_std is None:
        return replace(measured, word="inconclusive", reason="no tolerance is declared for this metric")
    allowed = max(tolerance or 0.0, 2 * (reported_std or 0.0))
    word, reason = _compare(reported, allowed, n, mean, low, high)
    if measured.seeds_alike:
        word, reason = "inconclusive", f"all {n} seeds gave the same number: look whether they are used"
    if censored == n >= MIN_SEEDS and mean > reported + allowed:
        word, reason = "not reproduced", f"no run passed within {mean:g} epochs"
    return replace(measured, word=word, reason=reason, tolerance=allowed)


def judge_setting(
    reported: float | str | None, used: float | str | None, stand_ins: Sequence[str] = ()
) -> Verdict:
    """Judge a setting (no seeds, no tolerance): the run used what the paper states, or it did not.

    ``stand_ins`` are those that changed this very setting, e.g. a reduced budget the number of steps.
    """
    if used is None:
        return Verdict("pending", "not run")
    number = float(used) if isinstance(used, float | int) else None
    if stand_ins:
        return Verdict("not comparable", "stood in: " + ", ".join(stand_ins), n=1, mean=number)
    if reported is None:
        return Verdict("unreported", "the paper does not state this setting", n=1, mean=number)
    if _same(reported, used):
        return Verdict("reproduced", "the run used the stated setting", n=1, mean=number, tolerance=0.0)
    return Verdict("not reproduced", f"stated {reported}, used {used}", n=1, mean=number, tolerance=0.0)


def _compare(
    reported: float, allowed: float, n: int, mean: float, low: float, high: float
) -> tuple[VerdictWord, str]:
    if not math.isfinite(mean):
        return "inconclusive", "a seed gave a value that is not finite"
    if n < MIN_SEEDS:
        return "inconclusive", f"{n} of at least {MIN_SEEDS} seeds"
    slack = _ROUNDING * max(abs(reported), allowed)
    bottom, top = reported - allowed, reported + allowed
    if low >= bottom - slack and high <= top + slack:
        return "reproduced", "the interval of the mean lies inside the tolerance"
    if low > top + slack or high < bottom - slack:
        return "not reproduced", "the interval of the mean lies wholly outside the tolerance"
    return "inconclusive", "the interval of the mean straddles the tolerance"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _same(left: float | str, right: float | str) -> bool:
    if isinstance(left, str) or isinstance(right, str):
        return str(left).strip().casefold() == str(right).strip().casefold()
    return math.isclose(left, right, rel_tol=_ROUNDING, abs_tol=0.0)
