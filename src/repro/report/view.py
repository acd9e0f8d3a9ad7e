"""Cells of one artefact arranged as the rows and columns that a reader sees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from repro.report.artefacts import Artefact, Panel
from repro.report.cells import Cell, select
from repro.report.numbers import metric_label


@dataclass(frozen=True)
class ViewColumn:
    """One visible column: a column of the sheet under one metric and one convention."""

    column: str
    metric: str
    convention: str
    title: str


@dataclass(frozen=True)
class ViewRow:
    """One visible row; ``cells`` lines up with the view's columns, None where the table has no such cell."""

    name: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class View:
    """One panel as a table."""

    panel: str
    columns: tuple[ViewColumn, ...]
    rows: tuple[ViewRow, ...]


def views(artefact: Artefact, cells: Iterable[Cell]) -> list[View]:
    """Return one table per panel, rows and columns in the artefact's order.

    A column that was measured in several metrics or under several conventions becomes several visible
    columns, whose titles say so. Cells that the artefact does not list are appended after those it does:
    nothing measured is hidden.
    """
    own = select(cells, artefact.paper, artefact.name)
    panels = artefact.panels or (Panel(),)
    named = {panel.key(row) for panel in panels for row in panel.rows}
    shown = [_view(panel, own, _rows(panel, panels, own, named)) for panel in panels]
    return [view for view in shown if view.rows or len(panels) == 1]


def _rows(panel: Panel, panels: tuple[Panel, ...], own: list[Cell], named: set[str]) -> list[str]:
    extra: list[str] = []
    prefix = f"{panel.name}: " if panel.name else ""
    for cell in own:
        row = cell.row.removeprefix(prefix)
        belongs = cell.row.startswith(prefix) if prefix else panel is panels[0]
        if belongs and cell.row not in named and row not in extra and not _elsewhere(cell, panel, panels):
            extra.append(row)
    return [*panel.rows, *extra]


def _elsewhere(cell: Cell, panel: Panel, panels: tuple[Panel, ...]) -> bool:
    return any(
        other.name and other is not panel and cell.row.startswith(f"{other.name}: ") for other in panels
    )


def _view(panel: Panel, own: list[Cell], rows: list[str]) -> View:
    keys = {panel.key(row) for row in rows}
    members = [cell for cell in own if cell.row in keys]
    by_key = {(cell.row, cell.column, cell.metric, cell.convention): cell for cell in members}
    conventions = list(dict.fromkeys(cell.convention for cell in members))
    columns: list[ViewColumn] = []
    for name in dict.fromkeys([*panel.columns, *(cell.column for cell in members)]):
        of_column = [cell for cell in members if cell.column == name]
        metrics = list(dict.fromkeys(cell.metric for cell in of_column))
        for metric in metrics:
            for convention in conventions:
                found = [cell for cell in of_column if (cell.metric, cell.convention) == (metric, convention)]
                if found:
                    title = _title(name, metric, convention, len(metrics), len(conventions), found)
                    columns.append(ViewColumn(name, metric, convention, title))
        if not metrics:
            columns.append(ViewColumn(name, "", "", name))
    return View(
        panel.name,
        tuple(columns),
        tuple(
            ViewRow(
                row,
                tuple(by_key.get((panel.key(row), at.column, at.metric, at.convention)) for at in columns),
            )
            for row in rows
        ),
    )


def _title(
    column: str, metric: str, convention: str, n_metrics: int, n_conventions: int, cells: list[Cell]
) -> str:
    embedded = any("embedded_features" in cell.stand_ins for cell in cells)
    label = metric_label(metric, embedded=embedded)
    parts = [column]
    if n_metrics > 1 and label.rstrip("*").lower() not in column.lower():
        parts.append(label)
    elif embedded and label.endswith("*"):
        parts[0] = f"{column}*"
    if n_conventions > 1:
        parts.append(f"{convention} convention")
    return ", ".join(parts)
