"""A table on paper: which columns stand side by side, under which headings, and how wide everything is.

All lengths are in inches. A table wider than the page is cut between columns of the sheet into blocks, which
stand one above the other and repeat the row labels.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

from repro.draw.numbers import MARKS, measured_text, metric_label, with_std
from repro.draw.view import OtherCell, View, ViewColumn, ViewRow
from repro.judge.cells import Cell

Key = tuple[str, str, str]
NOT_MEASURED = ("pending", "cited")

CELL_SIZE = 7.0  # points
HEAD_SIZE = 7.0
LABEL_SIZE = 7.5
MAX_WIDTH = 9.2  # of a block; more would be illegible when the page is shown at the width of a screen
_LABEL_WIDTH = 2.1  # of row labels; longer ones are wrapped
_MIN_COLUMN = 0.62
_PADDING = 0.18
_HEAD_LETTERS = 15  # per column below a heading
_DPI = 200  # of the ruler; letters are hinted, so their widths depend on it


@dataclass(frozen=True)
class Heading:
    """A heading over ``span`` columns from ``first`` on, counted within its block."""

    text: str
    first: int
    span: int


@dataclass(frozen=True)
class Block:
    """Columns that stand side by side: indices in the view, widths, and the rows of headings above."""

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


def lay_out(view: View) -> TableLayout:
    """Arrange one panel within ``MAX_WIDTH`` inches; only a single column wider than that exceeds it."""
    names = [f"{row.name} †" if cited(row.cells) else row.name for row in view.rows]
    labels = tuple(wrapped(name, _LABEL_WIDTH, LABEL_SIZE) for name in names)
    keys = [_key(view, index) for index in range(len(view.columns))]
    metrics = list(dict.fromkeys(metric for _, metric, _ in keys))
    corner = metrics[0] if len(metrics) == 1 else ""
    texts = [line for lines in labels for line in lines] + [corner]
    label_width = max(text_width(text, LABEL_SIZE) for text in texts) + _PADDING
    depths = [
        1,
        *([2] if len(metrics) > 1 else []),
        *([3] if len({key[2] for key in keys} - {""}) > 1 else []),
    ]
    widths = _widths(view, _levels(keys, depths))
    blocks = tuple(
        Block(piece, tuple(widths[at] for at in piece), _levels([keys[at] for at in piece], depths))
        for piece in _balanced(keys, widths, MAX_WIDTH - label_width)
    )
    return TableLayout(view, blocks, label_width, labels, corner)


def placed(layout: TableLayout, block: Block, row: ViewRow) -> Iterator[tuple[Cell, int, int]]:
    """Yield each cell of a row with its first position in the block and its number of columns.

    What was not measured has no convention: such a cell lies across all conventions of its metric.
    """
    at = 0
    for _, neighbours in groupby(block.columns, lambda index: _place(layout.view.columns[index])):
        cells = [row.cells[index] for index in neighbours]
        present = [cell for cell in cells if cell is not None]
        if len(present) == 1 and present[0].verdict in NOT_MEASURED:
            yield present[0], at, len(cells)
        else:
            yield from ((cell, at + step, 1) for step, cell in enumerate(cells) if cell is not None)
        at += len(cells)


def cited(cells: Sequence[Cell | None]) -> bool:
    """Return whether all cells of a row were taken from elsewhere by the paper."""
    words = {cell.verdict for cell in cells if cell is not None and not isinstance(cell, OtherCell)}
    return words == {"cited"}


def cell_lines(cell: Cell) -> tuple[str, str]:
    """Return a cell's two lines: what the paper prints, and what was measured with the verdict's mark."""
    printed = with_std(cell.metric, cell.reported, cell.reported_std)
    if isinstance(cell, OtherCell):
        return printed, ""
    if cell.verdict in NOT_MEASURED:
        return printed, f"{cell.verdict} {MARKS[cell.verdict]}".strip()
    return printed, measured_text(cell)


def heading_lines(heading: Heading) -> tuple[str, ...]:
    """Return a heading wrapped to what its columns can carry."""
    return tuple(textwrap.wrap(heading.text, _HEAD_LETTERS * heading.span)) or ("",)


@cache
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return how many inches ``text`` takes at ``size`` points."""
    font = FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")
    size_of = _ruler().get_text_width_height_descent
    return float(size_of(text, font, ismath=False)[0]) / _DPI  # type: ignore[no-untyped-call]


@cache
def _ruler() -> RendererAgg:
    return RendererAgg(1, 1, _DPI)  # type: ignore[no-untyped-call]


def wrapped(text: str, width: float, size: float, bold: bool = False) -> tuple[str, ...]:
    """Wrap ``text`` to ``width`` inches at ``size`` points; a longer word stands alone."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and text_width(f"{lines[-1]} {word}", size, bold) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return tuple(lines)


def _place(column: ViewColumn) -> tuple[str, str]:
    return column.column, column.metric


def _key(view: View, index: int) -> Key:
    """Return what stands over one column: column of the sheet, metric, convention if it was measured."""
    at = view.columns[index]
    cells = [cell for row in view.rows if (cell := row.cells[index]) is not None]
    embedded = any("embedded_features" in cell.stand_ins for cell in cells)
    metric = metric_label(at.metric, embedded=embedded) if at.metric else ""
    measured = at.other or any(cell.verdict not in NOT_MEASURED for cell in cells)
    return at.column, metric, at.convention.replace("_", " ") if measured else ""


def _levels(keys: Sequence[Key], depths: Sequence[int]) -> tuple[tuple[Heading, ...], ...]:
    """Return the rows of headings, one per depth of the keys, without those that say nothing."""
    levels = [_joined([key[:depth] for key in keys]) for depth in depths]
    return tuple(level for level in levels if any(heading.text for heading in level))


def _joined(keys: Sequence[tuple[str, ...]]) -> tuple[Heading, ...]:
    """Join neighbours with equal keys under one heading."""
    found: list[Heading] = []
    for key, members in groupby(enumerate(keys), lambda item: item[1]):
        positions = [position for position, _ in members]
        found.append(Heading(key[-1], positions[0], len(positions)))
    return tuple(found)


def _widths(view: View, levels: Sequence[Sequence[Heading]]) -> list[float]:
    """Return each column's width: its widest text, or its share of the heading above it."""
    widths = []
    for index in range(len(view.columns)):
        cells = [cell for row in view.rows if (cell := row.cells[index]) is not None]
        texts = [line for cell in cells for line in cell_lines(cell)]
        widths.append(max((text_width(text, CELL_SIZE, bold=True) for text in texts), default=0.0))
    for heading in (heading for level in levels for heading in level):
        needed = max(text_width(line, HEAD_SIZE, bold=True) for line in heading_lines(heading)) / heading.span
        for index in range(heading.first, heading.first + heading.span):
            widths[index] = max(widths[index], needed)
    return [max(_MIN_COLUMN, width + _PADDING) for width in widths]


def _balanced(keys: Sequence[Key], widths: Sequence[float], room: float) -> list[tuple[int, ...]]:
    """Cut into as few blocks as ``room`` needs, and those as narrow as their number allows."""
    best = _cut(keys, widths, room)
    while len(narrower := _cut(keys, widths, room := room - 0.1)) == len(best) and room > 0:
        best = narrower
    return best


def _cut(keys: Sequence[Key], widths: Sequence[float], room: float) -> list[tuple[int, ...]]:
    """Cut into blocks no wider than ``room``: between columns of the sheet, else between metrics."""

    def length(indices: Sequence[int]) -> float:
        return sum(widths[index] for index in indices)

    blocks: list[list[int]] = [[]]
    for _, group in groupby(range(len(keys)), lambda index: keys[index][0]):
        whole = list(group)
        fits = length(whole) <= room
        if not fits and blocks[-1]:
            blocks.append([])
        by_metric = [list(part) for _, part in groupby(whole, lambda index: keys[index][1])]
        for part in [whole] if fits else by_metric:
            if blocks[-1] and length(blocks[-1]) + length(part) > room:
                blocks.append([])
            blocks[-1] += part
    return [tuple(block) for block in blocks if block]
