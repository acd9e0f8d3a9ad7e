"""A table on paper: which columns stand side by side, under which headings, and how wide everything is.

All lengths are in inches. A table wider than the page is cut between columns of the sheet into blocks, which stand one
above the other and repeat the row labels.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

from repro.report.cells import Cell
from repro.report.numbers import MARKS, metric_label, with_std
from repro.report.view import View, ViewColumn

CELL_SIZE = 7.0  # points
HEAD_SIZE = 7.0
LABEL_SIZE = 7.5
MAX_WIDTH = 9.2  # of a block; more would be illegible when the page is shown at the width of a screen
_LABEL_WIDTH = 2.1  # of row labels; longer ones are wrapped
_MIN_COLUMN = 0.62
_PADDING = 0.18
_HEAD_LETTERS = 15  # per column below a heading
_POINTS = 72


@dataclass(frozen=True)
class Heading:
    """A heading over ``span`` columns from ``first`` on, counted within its block."""

    text: str
    first: int
    span: int


@dataclass(frozen=True)
class Block:
    """Columns that stand side by side. ``columns`` are their indices in the view, ``levels`` rows of headings."""

    columns: tuple[int, ...]
    widths: tuple[float, ...]
    levels: tuple[tuple[Heading, ...], ...]


@dataclass(frozen=True)
class TableLayout:
    """One panel: its blocks, the width and lines of its row labels, and what its corner says."""

    view: View
    blocks: tuple[Block, ...]
    label_width: float
    labels: tuple[tuple[str, ...], ...]
    corner: str

    @property
    def width(self) -> float:
        """Width of the widest block, labels included."""
        return self.label_width + max((sum(block.widths) for block in self.blocks), default=0.0)


def lay_out(view: View, max_width: float = MAX_WIDTH) -> TableLayout:
    """Arrange one panel within ``max_width`` inches; only a single column wider than that exceeds it."""
    names = [f"{row.name} †" if cited(row.cells) else row.name for row in view.rows]
    labels = tuple(_wrapped(name, _LABEL_WIDTH, LABEL_SIZE) for name in names)
    metrics = list(dict.fromkeys(_metric(view, index) for index in range(len(view.columns))))
    corner = metrics[0] if len(metrics) == 1 else ""
    texts = [line for lines in labels for line in lines] + [corner]
    label_width = max(text_width(text, LABEL_SIZE) for text in texts) + _PADDING
    room = max_width - label_width
    widths = _widths(view, len(metrics) > 1)
    pieces = _cut(view, widths, room)
    blocks = tuple(
        Block(piece, tuple(widths[index] for index in piece), _levels(view, piece, len(metrics) > 1))
        for piece in pieces
    )
    return TableLayout(view, blocks, label_width, labels, corner)


def cited(cells: Sequence[Cell | None]) -> bool:
    """Return whether all cells of a row were taken from elsewhere by the paper."""
    words = {cell.verdict for cell in cells if cell is not None}
    return words == {"cited"}


def cell_lines(cell: Cell) -> tuple[str, str]:
    """Return a cell's two lines: what the paper prints, and what was measured with the verdict's mark."""
    printed = with_std(cell.metric, cell.reported, cell.reported_std)
    if cell.verdict in ("pending", "cited"):
        return printed, f"{cell.verdict} {MARKS[cell.verdict]}".strip()
    return printed, f"{with_std(cell.metric, cell.measured, cell.measured_std)} {MARKS[cell.verdict]}".strip()


def heading_lines(heading: Heading) -> tuple[str, ...]:
    """Return a heading wrapped to what its columns can carry."""
    return tuple(textwrap.wrap(heading.text, _HEAD_LETTERS * heading.span)) or ("",)


@cache
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return how many inches ``text`` takes at ``size`` points."""
    font = FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")
    return float(_ruler().get_text_width_height_descent(text, font, ismath=False)[0]) / _POINTS


@cache
def _ruler() -> RendererAgg:
    return RendererAgg(1, 1, _POINTS)


def _wrapped(text: str, width: float, size: float) -> tuple[str, ...]:
    """Wrap ``text`` to ``width`` inches."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return tuple(lines) or ("",)


def _metric(view: View, index: int) -> str:
    """Return the metric's label of one column; the asterisk of embedded features where any cell has them."""
    cells = [row.cells[index] for row in view.rows]
    embedded = any(cell is not None and "embedded_features" in cell.stand_ins for cell in cells)
    metric = view.columns[index].metric
    return metric_label(metric, embedded=embedded) if metric else ""


def _levels(view: View, piece: Sequence[int], metrics: bool) -> tuple[tuple[Heading, ...], ...]:
    """Return the rows of headings: columns of the sheet, then metrics and conventions where there are several."""
    keys = [
        (view.columns[index].column, _metric(view, index), _convention(view.columns[index]))
        for index in piece
    ]
    several = len({at.convention for at in view.columns if at.convention}) > 1
    depths = [1, *([2] if metrics else []), *([3] if several else [])]
    return tuple(_joined([key[:depth] for key in keys]) for depth in depths)


def _joined(keys: Sequence[tuple[str, ...]]) -> tuple[Heading, ...]:
    """Join neighbours with equal keys under one heading."""
    found: list[Heading] = []
    previous: tuple[str, ...] | None = None
    for position, key in enumerate(keys):
        if key == previous:
            found[-1] = Heading(key[-1], found[-1].first, found[-1].span + 1)
        else:
            found.append(Heading(key[-1], position, 1))
        previous = key
    return tuple(found)


def _convention(column: ViewColumn) -> str:
    return column.convention.replace("_", " ")


def _widths(view: View, metrics: bool) -> list[float]:
    """Return each column's width: its widest text, or its share of the heading above it."""
    widths = []
    for index in range(len(view.columns)):
        cells = [cell for row in view.rows if (cell := row.cells[index]) is not None]
        texts = [line for cell in cells for line in cell_lines(cell)]
        widths.append(max((text_width(text, CELL_SIZE, bold=True) for text in texts), default=0.0))
    for level in _levels(view, range(len(widths)), metrics):
        for heading in level:
            needed = (
                max(text_width(line, HEAD_SIZE, bold=True) for line in heading_lines(heading)) / heading.span
            )
            for index in range(heading.first, heading.first + heading.span):
                widths[index] = max(widths[index], needed)
    return [max(_MIN_COLUMN, width + _PADDING) for width in widths]


def _cut(view: View, widths: Sequence[float], room: float) -> list[tuple[int, ...]]:
    """Cut the columns into blocks no wider than ``room``, between columns of the sheet where that is possible."""
    groups: dict[str, list[int]] = {}
    for index, column in enumerate(view.columns):
        groups.setdefault(column.column, []).append(index)
    blocks: list[list[int]] = [[]]
    for members in groups.values():
        whole = sum(widths[index] for index in members) <= room
        for part in [members] if whole else [[index] for index in members]:
            used = sum(widths[index] for index in blocks[-1])
            if blocks[-1] and used + sum(widths[index] for index in part) > room:
                blocks.append([])
            blocks[-1] += part
    return [tuple(block) for block in blocks if block]
