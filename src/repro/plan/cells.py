"""The cells of a plan: what is measured, which setting is read, what is pending or cited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from repro.core.cell_key import CellKey
from repro.core.spec import StandIn
from repro.plan.sheet import Passing


class CellPlace(TypedDict):
    """Where a cell stands; ``row`` carries the panel's name in front where the panel has one."""

    paper: str
    artefact: str
    row: str
    column: str
    metric: str


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """One cell of one artefact under one convention, of one of the kinds below; ``runs`` are behind it."""

    paper: str
    artefact: str
    row: str
    column: str
    metric: str
    convention: str = "standard"
    runs: tuple[str, ...] = ()

    @property
    def key(self) -> CellKey:
        """What tells this cell from every other, as in cells.csv."""
        return (self.paper, self.artefact, self.row, self.column, self.metric, self.convention)

    @property
    def evaluations(self) -> tuple[str, ...]:
        """Ids of all evaluations behind the cell."""
        return ()


@dataclass(frozen=True, kw_only=True)
class MeasuredCell(PlannedCell):
    """A number: the value called ``value`` of each seed's evaluation.

    ``seeds`` holds an evaluation's id for each seed, where the cell is a difference with that of the
    evaluation whose value is subtracted, and with ``passing`` with that of the curve whose end is passed.
    Without runs a data set itself is measured.
    """

    value: str
    seeds: tuple[tuple[str, ...], ...]
    stand_ins: tuple[StandIn, ...]
    passing: Passing | None = None

    @property
    def evaluations(self) -> tuple[str, ...]:
        """Ids of all evaluations behind the cell, those that are subtracted last."""
        return tuple(each for side in zip(*self.seeds, strict=True) for each in side)


@dataclass(frozen=True, kw_only=True)
class SettingCell(PlannedCell):
    """A setting of the runs as they ran; ``stated`` is what the paper says of one that is no number."""

    setting: str
    stated: str | None


@dataclass(frozen=True, kw_only=True)
class LayerCell(PlannedCell):
    """A setting of a network's layer, counted from 1 as papers do."""

    setting: str
    network: str
    layer: int


@dataclass(frozen=True, kw_only=True)
class PendingCell(PlannedCell):
    """A cell that this profile does not fill, and why."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class CitedCell(PlannedCell):
    """A number that the paper took from elsewhere."""
