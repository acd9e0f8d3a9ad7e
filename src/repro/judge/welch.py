"""Claims judged by one-sided Welch tests over seeds.

A claim is a conjunction of comparisons. Each is tested at p = 0.05 and the claim is supported only if all
are; such an intersection-union test keeps the level without a correction for their number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from repro.judge.cells import Cell
from repro.judge.claims import Claim, ClaimWord, Judgement, Predicate, Reference
from repro.judge.verdict import MIN_SEEDS, unit_of

LEVEL = 0.05
# One failed comparison on comparable data sinks a conjunction whatever the others say; hence this order.
_GRAVEST = ("not supported", "pending", "not comparable", "inconclusive", "supported")


def judge_claims(claims: Iterable[Claim], cells: Sequence[Cell]) -> list[Judgement]:
    """Judge every claim over ``cells``.

    Raises:
        ReproError: a claim names a cell that does not exist; names file and line of the claim.
    """
    return [_judge_claim(claim, cells) for claim in claims]


def welch_p(left: tuple[float, float, int], right: tuple[float, float, int], margin: float = 0.0) -> float:
    """Return the p value of the one-sided Welch test that left's mean exceeds right's by ``margin``.

    Each side is (mean, std with ddof 1, number of seeds); a fixed number has std 0 and any count. With no
    variance on either side the difference decides: 0, 1, or 0.5 at equality.
    """
    unit = unit_of([*left[:2], *right[:2], margin])
    (mean_l, std_l, n_l), (mean_r, std_r, n_r) = [
        (mean / unit, std / unit, n) for mean, std, n in (left, right)
    ]
    margin /= unit
    var_l, var_r = std_l**2 / n_l, std_r**2 / n_r
    difference = mean_l - mean_r - margin
    if var_l + var_r == 0:
        return 0.5 if difference == 0 else float(difference < 0)
    squares = sum(var**2 / (n - 1) for var, n in ((var_l, n_l), (var_r, n_r)) if var > 0)
    from scipy.special import stdtr  # here: most processes that read claims judge none

    return float(stdtr((var_l + var_r) ** 2 / squares, -difference / math.sqrt(var_l + var_r)))


def _judge_claim(claim: Claim, cells: Sequence[Cell]) -> Judgement:
    words: list[ClaimWord] = []
    reasons: list[str] = []
    stand_ins: dict[str, None] = {}
    runs: dict[str, None] = {}
    for predicate in claim.all:
        left_at = predicate.left.over(Reference(paper=claim.paper))
        left = _find(left_at, cells, claim)
        right: Cell | float
        if isinstance(predicate.right, Reference):
            right = _find(predicate.right.over(left_at), cells, claim)
        else:
            right = predicate.right
        word, reason = _judge_predicate(predicate, left, right)
        words.append(word)
        reasons.append(reason)
        for cell in (left, right):
            if isinstance(cell, Cell):
                stand_ins |= dict.fromkeys(cell.stand_ins)
                runs |= dict.fromkeys(cell.runs)
    gravest = min(words, key=_GRAVEST.index)
    return Judgement(claim, gravest, "; ".join(reasons), tuple(stand_ins), tuple(runs))


def _judge_predicate(predicate: Predicate, left: Cell, right: Cell | float) -> tuple[ClaimWord, str]:
    sides = [left, right] if isinstance(right, Cell) else [left]
    by = f" by more than {predicate.by:g}" if predicate.by else ""
    name = f"{_name(left)} {predicate.relation} than {_name(right)}{by}"
    if any(not isinstance(cell.measured, float) and not cell.diverged for cell in sides):
        return "pending", f"{name}: not run"
    if any(cell.stand_ins for cell in sides):
        return "not comparable", f"{name}: a stand-in was involved"
    if any(cell.diverged for cell in sides):
        return "inconclusive", f"{name}: a run diverged"
    if any(cell.n_seeds < MIN_SEEDS or cell.measured_std is None for cell in sides):
        return "inconclusive", f"{name}: fewer than {MIN_SEEDS} seeds"
    first, second = _sample(left), _sample(right)
    if predicate.relation == "less":
        first, second = second, first
    p, p_reverse = welch_p(first, second, predicate.by), 1 - welch_p(first, second, predicate.by)
    word: ClaimWord = "inconclusive"
    if p < LEVEL:
        word = "supported"
    elif p_reverse < LEVEL:
        word = "not supported"
    return word, f"{name}: p = {p:.3g}"


def _sample(side: Cell | float) -> tuple[float, float, int]:
    if not isinstance(side, Cell):
        return side, 0.0, MIN_SEEDS
    assert isinstance(side.measured, float)
    return side.measured, side.measured_std or 0.0, side.n_seeds


def _name(side: Cell | float) -> str:
    return f"{side.row} [{side.column}]" if isinstance(side, Cell) else f"{side:g}"


def _find(at: Reference, cells: Sequence[Cell], claim: Claim) -> Cell:
    fields = ("paper", "artefact", "row", "column", "metric")
    found = [cell for cell in cells if all(getattr(at, name) == getattr(cell, name) for name in fields)]
    wanted = at.convention or "standard"
    matching = [cell for cell in found if cell.convention == wanted]
    if not matching and at.convention is None:
        matching = found
    if len(matching) != 1:
        place = " / ".join(str(getattr(at, name)) for name in (*fields, "convention"))
        problem = "no cell" if not matching else f"{len(matching)} cells"
        raise claim.error(
            f"claim `{claim.id}` names {problem}: {place}",
            "name one cell: paper, artefact, row, column, metric and, if need be, convention",
        )
    return matching[0]
