"""Cells of one artefact arranged as the rows and columns that a reader sees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from repro.core.cell_key import row_key
from repro.draw.numbers import metric_label
from repro.judge.artefacts import Artefact, Panel
from repro.judge.cells import Cell

MOST_COLUMNS = 7  # of a table that is not split by its columns (data sets)


@dataclass(frozen=True)
class ViewColumn:
    """One visible column: a column of the sheet under one metric and one convention.

    With ``other`` the convention is the source of numbers that someone else publishes for the same cells.
    """

    column: str
    metric: str
    convention: str
    title: str
    other: bool = False


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


def views(artefact: Artefact, cells: Sequence[Cell]) -> list[View]:
    """Return one table per panel, rows and columns in the artefact's order.

    A column that was measured in several metrics or under several conventions becomes several visible
    columns; where the artefact has several metrics, or a panel several conventions, the titles say which.
    Cells that the artefact does not list are appended after those it does: nothing measured is hidden.
    """
    panels = artefact.panels or (Panel(),)
    prefixes = [row_key(panel.name) for panel in panels]
    several = len({cell.metric for cell in cells}) > 1
    shown = []
    for panel, prefix in zip(panels, prefixes, strict=True):
        others = tuple(other for other in prefixes if len(other) > len(prefix) and other.startswith(prefix))
        members = [
            cell
            for cell in cells
            if cell.row.startswith(prefix) and not (others and cell.row.startswith(others))
        ]
        shown.append(_view(panel, prefix, [*members, *_others(artefact, members)], several))
    return [view for view in shown if view.rows or len(panels) == 1]


def split(view: View) -> list[View]:
    """Return a wide view as one for each of its columns (a data set, say); a narrow one as it is."""
    names = list(dict.fromkeys(at.column for at in view.columns))
    if len(view.columns) <= MOST_COLUMNS or len(names) in (1, len(view.columns)):
        return [view]
    parts = []
    for name in names:
        kept = [k for k, at in enumerate(view.columns) if at.column == name]
        columns = tuple(replace(view.columns[k], title=_within(view.columns[k].title, name)) for k in kept)
        rows = tuple(
            replace(row, cells=tuple(row.cells[k] for k in kept))
            for row in view.rows
            if any(row.cells[k] is not None for k in kept)
        )
        parts.append(View(" · ".join(filter(None, [view.panel, name])), columns, rows))
    return parts


def _within(title: str, name: str) -> str:
    """Return the title of a column without the name of the part that it is in."""
    rest = title.removeprefix(f"{name}*").removeprefix(name).removeprefix(", ")
    return rest or title


class OtherCell(Cell):
    """A number that someone else publishes; its convention is its source. It is in no cells.csv."""


def _others(artefact: Artefact, members: list[Cell]) -> list[OtherCell]:
    """Return what others publish for the cells of a panel of a table."""
    shown = {(cell.row, cell.column, cell.metric) for cell in members}
    published = artefact.others if artefact.kind == "table" else ()
    return [
        OtherCell(
            artefact.paper,
            artefact.name,
            *(other.row, other.column, other.metric),
            convention=other.source,
            reported=other.value,
            reported_std=other.std,
            verdict="cited",
        )
        for other in published
        if (other.row, other.column, other.metric) in shown
    ]


def _view(panel: Panel, prefix: str, members: list[Cell], several: bool) -> View:
    rows = list(dict.fromkeys([*panel.rows, *(cell.row.removeprefix(prefix) for cell in members)]))
    by_key = {(cell.row, cell.column, cell.metric, cell.convention): cell for cell in members}
    others = {cell.convention for cell in members if isinstance(cell, OtherCell)}
    conventions = sorted(dict.fromkeys(cell.convention for cell in members), key=lambda name: name in others)
    columns: list[ViewColumn] = []
    for name in dict.fromkeys([*panel.columns, *(cell.column for cell in members)]):
        of_column = [cell for cell in members if cell.column == name]
        metrics = list(dict.fromkeys(cell.metric for cell in of_column))
        for metric in metrics:
            for convention in conventions:
                found = [cell for cell in of_column if (cell.metric, cell.convention) == (metric, convention)]
                if found:
                    other = convention in others
                    title = _title(name, metric, convention, several, len(conventions), found)
                    columns.append(ViewColumn(name, metric, convention, title, other))
        if not metrics:
            columns.append(ViewColumn(name, "", "", name))
    table = tuple(
        ViewRow(
            row,
            tuple(by_key.get((prefix + row, at.column, at.metric, at.convention)) for at in columns),
        )
        for row in rows
    )
    return View(panel.name, tuple(columns), table)


def _title(
    column: str, metric: str, convention: str, several: bool, n_conventions: int, cells: list[Cell]
) -> str:
    embedded = any("embedded_features" in cell.stand_ins for cell in cells)
    label = metric_label(metric, embedded=embedded)
    parts = [column]
    named = re.search(rf"(?<!\w){re.escape(label.rstrip('*'))}(?!\w)", column, re.IGNORECASE)
    if several and not named:
        parts.append(label)
    elif embedded and label.endswith("*"):
        parts[0] = f"{column}*"
    if isinstance(cells[0], OtherCell):
        parts.append(convention)
    elif n_conventions > 1:
        parts.append(f"{convention} convention")
    return ", ".join(parts)
