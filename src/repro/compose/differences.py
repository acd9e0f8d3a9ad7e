"""Two sets of results cell by cell, e.g. one's own and the published: by how much each number differs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from repro.judge.cells import Cell
from repro.judge.welch import welch_interval, welch_p

FEATURES = "not compared: in embedded features on one side alone, which makes two metrics of it"
CLASSIFIERS = "not compared: in features of two classifiers, which makes two metrics of it"
Features = Mapping[str, frozenset[str]]


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


def features_of(results: Iterable[Mapping[str, Any]]) -> Features:
    """Return the hashes of the classifiers in whose features each run was measured."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for result in results:
        if sha256 := result.get("extractor_sha256"):
            found[str(result["spec"].get("run"))].add(sha256)
    return {run: frozenset(hashes) for run, hashes in found.items()}


def differences_of(
    first: Iterable[Cell], second: Iterable[Cell], features: tuple[Features, Features] = ({}, {})
) -> Differences:
    """Return how two sets of cells differ, in the order of the first.

    Args:
        first: one side's cells.
        second: the other's.
        features: what each side's runs were measured with (see ``features_of``), as far as it is known.
    """
    sides = [
        {cell.key: cell for cell in cells if isinstance(cell.measured, float)} for cells in (first, second)
    ]
    both = tuple(
        _difference(cell, sides[1][key], features) for key, cell in sides[0].items() if key in sides[1]
    )
    return Differences(both, len(sides[0]) - len(both), len(sides[1]) - len(both))


def _difference(first: Cell, second: Cell, features: tuple[Features, Features]) -> Difference:
    assert isinstance(first.measured, float)
    assert isinstance(second.measured, float)
    other = tuple(
        name.replace("_", " ")
        for name in ("stand_ins", "precision", "batch_size", "reported", "flags", "diverged")
        if getattr(first, name) != getattr(second, name)
    )
    if ("embedded_features" in first.stand_ins) != ("embedded_features" in second.stand_ins):
        return Difference(first, second, None, None, None, None, other, FEATURES)
    if "embedded_features" in first.stand_ins:
        ours, theirs = (
            frozenset().union(*(known.get(run, ()) for run in cell.runs))
            for known, cell in zip(features, (first, second), strict=True)
        )
        if ours and theirs and ours != theirs:
            return Difference(first, second, None, None, None, None, other, CLASSIFIERS)
    low = high = p = None
    stds = first.measured_std, second.measured_std
    told = min(first.n_seeds, second.n_seeds) > 1 and not (first.diverged or second.diverged)
    if told and None not in stds and any(stds):
        samples = [(cell.measured, cell.measured_std, cell.n_seeds) for cell in (second, first)]
        _, low, high = welch_interval(*samples)  # type: ignore[arg-type]
        above = welch_p(*samples)  # type: ignore[arg-type]
        p = 2 * min(above, 1 - above)
    return Difference(first, second, second.measured - first.measured, low, high, p, other)
