"""Figure 3: densities of real and generated points, with the scores of each picture in a table below it."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from repro.draw.draw import Shown
from repro.draw.numbers import marks_behind, metric_label, missing_word
from repro.draw.style import (
    INK,
    PAGE_WIDTH,
    STAMP_HEIGHT,
    centred,
    mark_pending,
    new_figure,
    read_picture,
    save,
    styled,
)
from repro.judge.artefacts import Panel
from repro.judge.cells import Cell

MODES = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]  # Sec. IV: means are {-1, 0, 1}
HALF = 2.0  # of a picture, in the plane's units (evaluate.mixture_scores draws as much)
_LEFT, _TITLE, _HEAD, _LINE, _GAP = 0.94, 0.34, 0.2, 0.125, 0.2  # inches
_DECIMALS = {"modes": 1, "high_quality": 1}  # of the numbers below the pictures
_EMPTY = 0.05  # darkness of a picture in which nothing can be seen
_SHADES = ("#ffffff", "#9fd0ee", "#0072B2", "#06263d")


def draw(shown: Shown, stem: Path, stamp: str) -> list[Path]:
    """Write ``stem``.png and ``stem``.pdf and return the two paths."""
    artefact = shown.artefact
    (panel,) = artefact.panels
    metrics = list(dict.fromkeys(cell.metric for cell in shown.cells))
    side = (PAGE_WIDTH - _LEFT - 0.05) / len(panel.columns)
    block = side + _LINE * len(metrics) + _GAP
    height = _TITLE + _HEAD + block * len(panel.rows) + 0.1 + STAMP_HEIGHT
    with styled():
        figure = new_figure(PAGE_WIDTH, height)
        centred(figure, f"{artefact.id}   {artefact.title}", height - 0.15, size=8.5, colour=INK)
        for number, row in enumerate(panel.rows):
            top = height - _TITLE - _HEAD - number * block
            _row(figure, shown, panel, row, metrics, top=top, side=side, heads=number == 0)
        note = (
            "Darkness: square root of the first seed's density, black is the true maximum; "
            "crosses: the nine means."
        )
        centred(figure, note, STAMP_HEIGHT + 0.08)
        return save(figure, stem, stamp)


def _row(
    figure: Figure,
    shown: Shown,
    panel: Panel,
    row: str,
    metrics: list[str],
    *,
    top: float,
    side: float,
    heads: bool,
) -> None:
    """Draw one mixture's pictures, ``top`` inches above the foot, and the numbers below them."""
    width, height = figure.get_size_inches()
    cells = {(cell.column, cell.metric): cell for cell in shown.cells if cell.row == row}
    paths = {picture.column: picture.path for picture in shown.artefact.pictures if picture.row == row}
    label = row.replace(", ", "\n")
    figure.text((_LEFT - 0.12) / width, (top - side / 2) / height, label, ha="right", va="center", fontsize=8,
                fontweight="bold", color=INK)  # fmt: skip
    for place, metric in enumerate(metrics):
        y = (top - side - _LINE * (place + 0.75)) / height
        figure.text((_LEFT - 0.12) / width, y, metric_label(metric), ha="right", va="center", fontsize=6.5)
        for index, column in enumerate(panel.columns):
            x = (_LEFT + side * (index + 0.5)) / width
            figure.text(x, y, _number(cells.get((column, metric))), ha="center", va="center", fontsize=6.5)
    for index, column in enumerate(panel.columns):
        left = _LEFT + side * index + 0.03
        box = (left / width, (top - side + 0.06) / height, (side - 0.06) / width, (side - 0.06) / height)
        at = figure.add_axes(box, xticks=[], yticks=[])
        for spine in at.spines.values():
            spine.set(visible=True, color="#bbbbbb", linewidth=0.5)
        if heads:
            at.set_title(column, fontsize=7.5, loc="center", pad=3)
        path = paths.get(column)
        if path is None:
            mark_pending(at, word=missing_word(cells.get((column, metrics[0]))))
            continue
        darkness = (1 - read_picture(shown.root / path)) ** 0.5
        shades = mpl.colors.LinearSegmentedColormap.from_list("density", _SHADES)
        at.imshow(darkness, cmap=shades, vmin=0, vmax=1, extent=(-HALF, HALF, -HALF, HALF))
        if darkness.max() < _EMPTY:
            at.text(0, 0.5, "no point within", ha="center", va="center", fontsize=6, color=INK)
        at.plot(*zip(*MODES, strict=True), linestyle="none", marker="+", markersize=2.5, markeredgewidth=0.4,
                color="#D55E00")  # fmt: skip


def _number(cell: Cell | None) -> str:
    if cell is None or not isinstance(cell.measured, float):
        return missing_word(cell)
    if cell.metric == "modes" and not cell.measured_std:
        return f"{cell.measured:g}{marks_behind(cell)}"
    decimals = _DECIMALS.get(cell.metric, 3)
    largest = max(abs(cell.measured), cell.measured_std or 0.0)
    if largest >= 10:  # a density far from the true one; all digits would run into the next column
        decimals = min(decimals, 1 if largest < 100 else 0)
    spread = f" ± {cell.measured_std:.{decimals}f}" if cell.measured_std else ""
    return f"{cell.measured:.{decimals}f}{spread}{marks_behind(cell)}"
