"""Figure 9: how many iterations of PGD flip D: histograms, means, and generated images under attack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from repro.core.cell_key import row_key
from repro.draw.draw import Shown
from repro.draw.numbers import marks_behind, missing_word
from repro.draw.plots import flag
from repro.draw.style import (
    COLOURS,
    FAINT,
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
from repro.judge.cells import Cell

EXAMPLES = "generated images"  # the column whose pictures are shown: none of a data set's images
_TITLE, _PLOTS, _HEAD, _PICTURES = 0.3, 2.2, 0.3, 1.25  # inches


def draw(shown: Shown, stem: Path, stamp: str) -> list[Path]:
    """Write ``stem``.png and ``stem``.pdf and return the two paths."""
    artefact = shown.artefact
    means, *histograms = artefact.panels
    height = _TITLE + _PLOTS + _HEAD + _PICTURES + 0.1 + STAMP_HEIGHT
    with styled():
        figure = new_figure(PAGE_WIDTH, height)
        centred(figure, f"{artefact.id}   {artefact.title}", height - 0.15, size=8.5, colour=INK)
        cells = {(cell.row, cell.column): cell for cell in shown.cells}
        for index, panel in enumerate(histograms):
            left = 0.55 + index * (PAGE_WIDTH - 0.55) / len(histograms)
            width = (PAGE_WIDTH - 0.55) / len(histograms) - 0.35
            bottom = height - _TITLE - _PLOTS + 0.42
            at = figure.add_axes(
                (left / PAGE_WIDTH, bottom / height, width / PAGE_WIDTH, (_PLOTS - 0.65) / height)
            )
            for number, row in enumerate(panel.rows):
                bars = [cells.get((row_key(panel.name, row), column)) for column in panel.columns]
                _bars(at, row, bars, cells.get((row, panel.name)), (number, len(panel.rows)))
            words = {missing_word(cells.get((row, panel.name))) for row in panel.rows}
            _dress(at, panel.columns, "diverged" if "diverged" in words else "pending")
            at.set_title(panel.name)
            at.set_xlabel("iterations until D's decision flips")
            if index == 0:
                at.set_ylabel("images (%)")
        for index, row in enumerate(means.rows):
            paths = [item.path for item in artefact.pictures if (item.row, item.column) == (row, EXAMPLES)]
            word = missing_word(cells.get((row, EXAMPLES)))
            _examples(figure, shown.root, row, paths[0] if paths else None, word, (index, len(means.rows)))
        return save(figure, stem, stamp)


def _bars(at: Any, row: str, cells: list[Cell | None], mean: Cell | None, place: tuple[int, int]) -> None:
    """Draw a row's histogram, bar ``place[0]`` of ``place[1]`` at each iteration; the legend has its mean."""
    index, n = place
    heights = {k: cell.measured for k, cell in enumerate(cells) if cell and isinstance(cell.measured, float)}
    x = [k + (index - (n - 1) / 2) * 0.8 / n for k in heights]
    label = f"{row}, {_mean(mean)}"
    at.bar(x, list(heights.values()), 0.74 / n, color=COLOURS[index], label=label)
    for middle, (k, height) in zip(x, heights.items(), strict=True):
        bar = cells[k]
        if bar and bar.flags:
            flag(at, middle, height, COLOURS[index])


def _dress(at: Any, columns: tuple[str, ...], word: str) -> None:
    at.grid(True, axis="y")
    at.set_xticks(range(len(columns)), columns)
    at.set_xlim(-0.6, len(columns) - 0.4)
    if not any(bar.get_height() for bar in at.patches):
        at.set_yticks([])
        mark_pending(at, word=word)
        return
    at.set_ylim(0, 1.35 * max(bar.get_height() for bar in at.patches))  # room for the legend
    at.legend(loc="upper center", borderaxespad=0.1, frameon=True, edgecolor="none", framealpha=1)


def _mean(cell: Cell | None) -> str:
    if cell is None or not isinstance(cell.measured, float):
        return missing_word(cell)
    spread = f" ± {cell.measured_std:.2f}" if cell.measured_std else ""
    return f"mean {cell.measured:.2f}{spread}{marks_behind(cell)}"


def _examples(
    figure: Figure, root: Path, row: str, path: str | None, word: str, place: tuple[int, int]
) -> None:
    """Draw one row's generated images: clean, attacked until they flip, and ten times the difference.

    ``place`` is its number and that of all rows; ``word`` says why there is no picture.
    """
    index, n = place
    width, height = figure.get_size_inches()
    label = 0.62
    room = (width - label - 0.1) / n
    bottom = STAMP_HEIGHT + 0.1
    box = ((label + index * room + 0.04) / width, bottom / height, (room - 0.08) / width, _PICTURES / height)
    at: Any = figure.add_axes(box, xticks=[], yticks=[], anchor="N")
    at.set_title(f"{row}: generated images", fontsize=7.5, loc="center")
    if path is None:
        mark_pending(at, word=word)
        return
    at.imshow(read_picture(root / path), interpolation="nearest")
    at.set_frame_on(False)
    if index == 0:
        for line, name in enumerate(("clean", "attacked", "difference\nx 10")):
            at.text(-0.015, 1 - (line + 0.5) / 3, name, transform=at.transAxes, ha="right", va="center",
                    fontsize=6.5, color=FAINT)  # fmt: skip
