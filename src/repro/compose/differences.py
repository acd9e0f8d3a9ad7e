"""Two sets of results cell by cell, e.g. one's own and the published: by how much each number differs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from repro.judge.cells import Cell
from repro.judge.welch import welch_interval, welch_p

FEATURES = "not compared: in embedded features on one side alone, which makes two metrics of it"


@dataclass(frozen=True)
class Difference:
    """A cell that both sides measured; ``difference`` is the second minus the first.

    The 95 % Welch interval and the two-sided p are None where a side has fewer than two seeds or one that
    diverged, or both have seeds that all gave one number. ``other`` names what the two were made with, or
    became, that is not the same. Numbers of two metrics (FID in Inception's features, FID* in embedded ones)
    have no difference at all, and ``why`` says so.
    """

    first: Cell
    second: Cell
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    other: tuple[str, ...]
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        names = ("paper", "artefact", "row", "column", "metric", "convention")
        sides = {
            name: {"mean": cell.measured, "std": cell.measured_std, "seeds": cell.n_seeds}
            for name, cell in (("first", self.first), ("second", self.second))
        }
        rest = {name: getattr(self, name) for name in ("difference", "low", "high", "p", "why")}
        return {**dict(zip(names, self.first.key, strict=True)), **sides, **rest, "other": list(self.other)}


@dataclass(frozen=True)
class Differences:
    """The cells that both sides measured, and how many only one of them did."""

    both: tuple[Difference, ...]
    only_first: int
    only_second: int


def differences_of(first: Iterable[Cell], second: Iterable[Cell]) -> Differences:
    """Return how two sets of cells differ, in the order of the first."""
    sides = [
        {cell.key: cell for cell in cells if isinstance(cell.measured, float)} for cells in (first, second)
    ]
    both = tuple(_difference(cell, sides[1][key]) for key, cell in sides[0].items() if key in sides[1])
    return Differences(both, len(sides[0]) - len(both), len(sides[1]) - len(both))


def _difference(first: Cell, second: Cell) -> Difference:
    assert isinstance(first.measured, float)
    assert isinstance(second.measured, float)
    other = tuple(
        name.replace("_", " ")
        for name in ("stand_ins", "precision", "batch_size", "reported", "flags", "diverged")
        if getattr(first, name) != getattr(second, name)
    )
    if ("embedded_features" in first.stand_ins) != ("embedded_features" in second.stand_ins):
        return Difference(first, second, None, None, None, None, other, FEATURES)
    low = high = p = None
    stds = first.measured_std, second.measured_std
    told = min(first.n_seeds, second.n_seeds) > 1 and not (first.diverged or second.diverged)
    if told and None not in stds and any(stds):
        samples = [(cell.measured, cell.measured_std, cell.n_seeds) for cell in (second, first)]
        _, low, high = welch_interval(*samples)  # type: ignore[arg-type]
        above = welch_p(*samples)  # type: ignore[arg-type]
        p = 2 * min(above, 1 - above)
    return Difference(first, second, second.measured - first.measured, low, high, p, other)
