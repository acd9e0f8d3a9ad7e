"""From cells to what a plot shows: one group per panel and metric, one series per row and convention."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from repro.draw.numbers import metric_label
from repro.draw.view import View, views
from repro.judge.artefacts import Artefact, Panel
from repro.judge.cells import Cell, Value


@dataclass(frozen=True)
class Point:
    """One cell of a series; ``place`` is its position on the axis, or its category's index.

    ``diverged`` of its ``runs`` diverged; ``measured`` is the mean of the others, if there are any. What is
    ``flagged`` may mislead.
    """

    place: float
    measured: float | None
    spread: float
    reported: float | None
    diverged: int = 0
    runs: int = 0
    flagged: bool = False


@dataclass(frozen=True)
class Series:
    """One line or one set of bars.

    ``hue`` is its row's place among all rows of the artefact, so that a row looks the same in every panel;
    ``variant`` is its convention's place among those of the panel. A row "A, B" beside a row "A" (a network
    under another attack) has the ``hue`` of A, and its ``dash`` says which B; rows with none beside have no
    such dash.
    """

    name: str
    variant: int
    points: tuple[Point, ...]
    hue: int
    dash: int | None = None

    @property
    def pending(self) -> bool:
        """Nothing of it has been measured."""
        return all(point.measured is None for point in self.points)

    @property
    def lost(self) -> tuple[Point, ...]:
        """The points of which a run diverged."""
        return tuple(point for point in self.points if point.diverged)


@dataclass(frozen=True)
class Group:
    """One pair of axes. ``categories`` is None where the x axis is numeric.

    ``unplaced`` are the columns whose place on the x axis was to be measured and is not there.
    """

    title: str
    x_label: str
    y_label: str
    categories: tuple[str, ...] | None
    series: tuple[Series, ...]
    unplaced: tuple[str, ...] = ()

    @property
    def pending(self) -> bool:
        """Nothing in these axes has been measured."""
        return all(series.pending for series in self.series)

    @property
    def missing_word(self) -> str:
        """Why nothing has been measured: "diverged" where runs did, else "pending"."""
        return "diverged" if any(series.lost for series in self.series) else "pending"


def groups(artefact: Artefact, cells: Sequence[Cell]) -> list[Group]:
    """Return the axes of a plot in the order of its panels."""
    found: list[Group] = []
    panels = artefact.panels or (Panel(),)
    shown = views(artefact, cells)
    looks = _looks(row.name for view in shown for row in view.rows if row.name != artefact.x_row)
    for view in shown:
        panel = next((panel for panel in panels if panel.name == view.panel), Panel())
        measured_x = _measured_x(artefact, view)
        rows = [row for row in view.rows if row.name != artefact.x_row]
        metrics = [
            metric
            for metric in dict.fromkeys(at.metric for at in view.columns if at.metric)
            if any(at.metric == metric and row.cells[i] for row in rows for i, at in enumerate(view.columns))
        ] or [""]
        for metric in metrics:
            columns = [index for index, at in enumerate(view.columns) if at.metric == metric]
            names = tuple(dict.fromkeys(view.columns[index].column for index in columns)) or panel.columns
            positions = panel.model_copy(update={"columns": names}).positions()
            places = dict(zip(names, positions or range(len(names)), strict=True))
            if artefact.x_row is not None:
                positions, places = (), measured_x
            conventions = list(dict.fromkeys(view.columns[index].convention for index in columns)) or [""]
            series: list[Series] = []
            for row in rows:
                hue, dash = looks[row.name]
                lines: dict[str, list[Point]] = {}
                for index in columns:
                    at, cell = view.columns[index], row.cells[index]
                    if cell is not None and at.column in places:
                        lines.setdefault(at.convention, []).append(_point(places[at.column], cell))
                for convention, points in (lines or {conventions[0]: []}).items():
                    name = row.name if len(conventions) == 1 else f"{row.name} ({convention})"
                    ordered = tuple(sorted(points, key=lambda point: point.place))
                    series.append(Series(name, conventions.index(convention), ordered, hue, dash))
            embedded = any(
                cell is not None and "embedded_features" in cell.stand_ins
                for row in view.rows
                for cell in row.cells
            )
            label = metric_label(metric, embedded=embedded)
            title = view.panel if len(metrics) == 1 else f"{view.panel} · {label}".removeprefix(" · ")
            axis = (panel.y_axis or artefact.y_axis) if len(metrics) == 1 else None
            y_label = axis + "*" * label.endswith("*") if axis else label
            x_label = panel.x_axis or artefact.x_axis or ""
            unplaced = tuple(name for name in names if name not in places) if places else ()
            categories = names if positions is None else None
            found.append(Group(title, x_label, y_label, categories, tuple(series), unplaced))
    return found


def _looks(rows: Iterable[str]) -> dict[str, tuple[int, int | None]]:
    """Return hue and dash of each row."""
    slots = {name: slot for slot, name in enumerate(dict.fromkeys(rows))}
    parts = {name: name.rpartition(", ") for name in slots}
    beside = {name: (base, suffix) for name, (base, _, suffix) in parts.items() if base in slots}
    bases = {base for base, _ in beside.values()}
    dashes = {suffix: at for at, suffix in enumerate(dict.fromkeys(last for _, last in beside.values()), 1)}
    looks = {name: (slot, 0 if name in bases else None) for name, slot in slots.items()}
    for name, (base, suffix) in beside.items():
        looks[name] = slots[base], dashes[suffix]
    return looks


def _measured_x(artefact: Artefact, view: View) -> dict[str, float]:
    """Return the measured place of each column on the x axis, where the artefact has such a row."""
    found = {}
    for row in view.rows:
        for at, cell in zip(view.columns, row.cells, strict=True):
            if row.name == artefact.x_row and cell is not None and isinstance(cell.measured, float):
                found[at.column] = cell.measured
    return found


def _point(place: float, cell: Cell) -> Point:
    runs = cell.n_seeds + cell.diverged
    spread, reported = cell.measured_std or 0.0, _number(cell.reported)
    return Point(place, _number(cell.measured), spread, reported, cell.diverged, runs, bool(cell.flags))


def _number(value: Value) -> float | None:
    return value if isinstance(value, float) else None
