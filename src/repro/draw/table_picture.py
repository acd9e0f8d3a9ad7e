"""Tables as pictures: the content of the CSV, Markdown and LaTeX files, drawn for pages and slides.

Each cell has two lines: above what the paper prints, below what was measured; its verdict is told by a mark
and, a second time, by a colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.patches import Rectangle

from repro.draw.style import INK, STAMP_HEIGHT, new_figure, save, styled
from repro.draw.table_layout import (
    CELL_SIZE,
    HEAD_SIZE,
    LABEL_SIZE,
    TableLayout,
    cell_lines,
    heading_lines,
    lay_out,
    placed,
    wrapped,
)
from repro.draw.tables import meanings
from repro.draw.view import views
from repro.judge.artefacts import Artefact, stamp_of
from repro.judge.cells import Cell

# Verdict: tint of the cell and colour of its measured line, a contrast of more than 4.5 for the small print.
COLOURS: Mapping[str, tuple[str, str]] = {
    "reproduced": ("#dcf1e4", "#00573d"),
    "not reproduced": ("#fbe0d2", "#943b00"),
    "inconclusive": ("#fbf0cc", "#6b5000"),
    "not comparable": ("#e2ecf5", "#1f5078"),
    "cited": ("#f0ebf5", "#5c4a7c"),
    "unreported": ("#ffffff", INK),
    "pending": ("#f1f1f1", "#6b6b6b"),
    "diverged": ("#f6dde6", "#8a1846"),
}
KEY = "Above: printed in the paper; below: measured here, mean ± standard deviation over seeds."
SETTINGS_KEY = "Above: stated in the paper; below: used here."
_MIN_WIDTH = 5.2
_MARGIN = 0.2
_LINE = 0.135  # inches per line of text
_SMALL = 6.5


def draw_table(artefact: Artefact, cells: Sequence[Cell], stem: Path, profile: str) -> list[Path]:
    """Draw one table as ``stem``.png and ``stem``.pdf and return the two paths."""
    layouts = [lay_out(view) for view in views(artefact, cells)]
    width = max([_MIN_WIDTH, *(layout.width + 2 * _MARGIN for layout in layouts)])
    room = width - 2 * _MARGIN
    title = wrapped(f"{artefact.id}   {artefact.title}", room, 9, bold=True)
    about = [line for text in _about(artefact) for line in wrapped(text, room, _SMALL)]
    legend = [
        (word * (not number), line)
        for word, text in meanings(artefact, cells)
        for number, line in enumerate(wrapped(text, room - 0.24, _SMALL))
    ]
    key = wrapped(SETTINGS_KEY if artefact.kind == "settings" else KEY, room, _SMALL)
    height = 0.16 + 0.17 * len(title) + _LINE * len(about) + 0.08
    height += sum(_panel_height(layout) for layout in layouts)
    height += 0.04 + _LINE * (len(key) + len(legend)) + 0.1 + STAMP_HEIGHT
    with styled():
        figure = new_figure(width, height)
        pen = _Pen(figure, width, height)
        y = pen.lines(title, 0.16, 9, 0.17, weight="bold")
        y = pen.lines(about, y, _SMALL, _LINE, color="#555555") + 0.08
        for layout in layouts:
            y = _panel(pen, layout, y)
        y = pen.lines(key, y + 0.04, _SMALL, _LINE, color="#555555")
        for word, text in legend:
            tint, colour = COLOURS.get(word, ("#ffffff", "#555555"))
            if word in COLOURS:
                pen.box(_MARGIN, y + 0.02, 0.16, _LINE - 0.04, tint, edge="#bbbbbb")
            pen.text(_MARGIN + 0.24, y + _LINE / 2, text, _SMALL, color=colour)
            y += _LINE
        return save(figure, stem, stamp_of(profile, cells, artefact.kind))


def _about(artefact: Artefact) -> list[str]:
    """Return what stands below the title: source, threat models, sample sizes, notes."""
    source = [artefact.source] if artefact.source else []
    models = [f"Threat model: {text}" for text in artefact.threat_models]
    return [*source, *models, *filter(None, [artefact.sample, artefact.notes])]


def _panel_height(layout: TableLayout) -> float:
    heads = sum(_head_height(level) for block in layout.blocks for level in block.levels)
    rows = sum(_row_height(lines) for lines in layout.labels) + 0.16
    return (0.2 if layout.view.panel else 0.0) + heads + rows * len(layout.blocks)


def _head_height(level: Sequence[Any]) -> float:
    return 0.05 + _LINE * max(len(heading_lines(heading)) for heading in level)


def _row_height(lines: Sequence[str]) -> float:
    return 0.07 + _LINE * max(2, len(lines))


def _panel(pen: _Pen, layout: TableLayout, y: float) -> float:
    """Draw one panel from ``y`` downwards and return where it ends."""
    if layout.view.panel:
        pen.text(_MARGIN, y + 0.1, layout.view.panel, 8, weight="bold")
        y += 0.2
    for block in layout.blocks:
        left = _MARGIN + layout.label_width
        edges = [left]
        for each in block.widths:
            edges.append(edges[-1] + each)
        pen.rule(_MARGIN, edges[-1], y, 1.0)
        pen.text(
            _MARGIN, y + sum(map(_head_height, block.levels)) / 2, layout.corner, HEAD_SIZE, color="#555555"
        )
        for depth, level in enumerate(block.levels):
            tall = _head_height(level)
            for heading in level:
                low, high = edges[heading.first], edges[heading.first + heading.span]
                weight = "bold" if depth == 0 else "normal"
                pen.stack(
                    (low + high) / 2,
                    y + tall / 2,
                    heading_lines(heading),
                    HEAD_SIZE,
                    ha="center",
                    weight=weight,
                )
                if depth + 1 < len(block.levels) and heading.span > 1:
                    pen.rule(low + 0.05, high - 0.05, y + tall, 0.4)
            y += tall
        pen.rule(_MARGIN, edges[-1], y, 0.6)
        for row, lines in zip(layout.view.rows, layout.labels, strict=True):
            tall = _row_height(lines)
            pen.stack(_MARGIN, y + tall / 2, lines, LABEL_SIZE)
            for cell, first, span in placed(layout, block, row):
                _cell(pen, cell, edges[first], y, edges[first + span] - edges[first], tall)
            y += tall
        pen.rule(_MARGIN, edges[-1], y, 1.0)
        y += 0.16
    return y


def _cell(pen: _Pen, cell: Cell, left: float, top: float, width: float, height: float) -> None:
    """Draw one cell: tint, printed number, measured number with its mark."""
    tint, colour = COLOURS[cell.verdict]
    pen.box(left + 0.02, top + 0.015, width - 0.04, height - 0.03, tint)
    printed, measured = cell_lines(cell)
    middle, centre = left + width / 2, top + height / 2
    pen.text(middle, centre - _LINE / 2, printed, CELL_SIZE, ha="center", color=INK)
    weight = "bold" if cell.measured is not None else "normal"
    pen.text(middle, centre + _LINE / 2, measured, CELL_SIZE, ha="center", color=colour, weight=weight)


class _Pen:
    """Draws on a figure in inches, y downwards from the top."""

    def __init__(self, figure: Any, width: float, height: float) -> None:
        self.axes = figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        self.axes.axis("off")

    def text(self, x: float, y: float, text: str, size: float, **look: Any) -> None:
        """Write one line whose digits are centred on ``y``, whichever letters it has."""
        look = {"color": INK, "ha": "left", **look}
        self.axes.text(x, y + 0.36 * size / 72, text, fontsize=size, va="baseline", parse_math=False, **look)

    def stack(self, x: float, y: float, lines: Sequence[str], size: float, **look: Any) -> None:
        """Write several lines, centred on ``y`` as a whole."""
        self.lines(lines, y - _LINE * len(lines) / 2, size, _LINE, x=x, **look)

    def lines(
        self, lines: Sequence[str], y: float, size: float, step: float, x: float = _MARGIN, **look: Any
    ) -> float:
        """Write lines from ``y`` downwards and return where they end."""
        for line in lines:
            self.text(x, y + step / 2, line, size, **look)
            y += step
        return y

    def rule(self, left: float, right: float, y: float, width: float) -> None:
        self.axes.plot([left, right], [y, y], color=INK, linewidth=width, solid_capstyle="butt")

    def box(self, x: float, y: float, width: float, height: float, colour: str, edge: str = "none") -> None:
        self.axes.add_patch(Rectangle((x, y), width, height, facecolor=colour, edgecolor=edge, linewidth=0.5))
