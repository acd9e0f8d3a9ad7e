"""Sample grids side by side, as the papers show them; a picture that was not made is a hatched box.

What is measured of a picture beside it stands below it; what explains it, flags and the sheet's notes, at the
foot.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from repro.core.cell_key import row_key
from repro.draw.numbers import FLAG, cell_label, flag_lines, marks_behind, with_std
from repro.draw.style import (
    INK,
    PAGE_WIDTH,
    SMALL_LINE,
    STAMP_HEIGHT,
    mark_pending,
    new_figure,
    read_picture,
    save,
    small_print,
    styled,
    write_small_print,
)
from repro.judge.artefacts import Artefact, Panel, stamp_of
from repro.judge.cells import Cell

_MAX_PER_ROW = 4
_MAX_COLUMNS = 7  # of an artefact whose pictures form a table


def draw_samples(
    artefact: Artefact, cells: Sequence[Cell], root: Path, stem: Path, profile: str
) -> list[Path]:
    """Draw the pictures of one artefact as ``stem``.png and ``stem``.pdf and return the two paths.

    Args:
        root: folder of the profile, to which the pictures' paths are relative.

    Raises:
        ReproError: a picture that the artefact lists does not exist.
    """
    lost = {(cell.row, cell.column) for cell in cells if cell.diverged}
    flagged = {(cell.row, cell.column) for cell in cells if cell.flags and cell.metric == "images"}
    boxes = _boxes(artefact, lost)
    columns = _columns(artefact, len(boxes))
    rows = -(-len(boxes) // columns)
    width = min(PAGE_WIDTH, 0.3 + 2.3 * columns)
    side = (width - 0.1) / columns
    below = {place: _numbers(cells, place, int(side * 19)) for place, *_ in boxes}
    lines = max(map(len, below.values()), default=0)
    remarks = small_print([*flag_lines(cells), *filter(None, [artefact.notes])], width)
    foot = STAMP_HEIGHT + SMALL_LINE * len(remarks) + 0.04 * bool(remarks)
    height = 0.4 + rows * (side + 0.3 + 0.13 * lines) + foot
    with styled():
        figure = new_figure(width, height)
        write_small_print(figure, remarks)
        band = foot / height
        figure.set_layout_engine("constrained", rect=(0.005, band, 0.99, 1 - band), h_pad=0.04, w_pad=0.04)
        figure.suptitle(
            textwrap.fill(f"{artefact.id}   {artefact.title}", int(width * 15)), fontsize=8.5, color=INK
        )
        axes = figure.subplots(rows, columns, squeeze=False).flatten()
        for at, (place, title, path, word) in zip(axes, boxes, strict=False):
            title += f" {FLAG}" * (place in flagged)
            _box(at, textwrap.fill(title, int(side * 12)), None if path is None else root / path, word)
            at.set_xlabel("\n".join(below[place]), fontsize=6.5)
        for at in axes[len(boxes) :]:
            at.axis("off")
        return save(figure, stem, stamp_of(profile, cells))


def _numbers(cells: Sequence[Cell], place: tuple[str, str], width: int) -> list[str]:
    """Return lines of ``width`` characters, of each number of the picture in that row and column."""
    own = [cell for cell in cells if (cell.row, cell.column) == place and cell.metric != "images"]
    lines: list[str] = []
    for cell in own:
        number = with_std(cell.metric, cell.measured, cell.measured_std) + marks_behind(cell)
        lines += textwrap.wrap(f"{cell_label(cell)}: " + number.replace(" ", "\u00a0"), width)
    return lines


def _boxes(
    artefact: Artefact, lost: Collection[tuple[str, str]]
) -> list[tuple[tuple[str, str], str, str | None, str]]:
    """Return place, title, path and the word for a missing picture, panel by panel, row by row."""
    paths = {(picture.row, picture.column): picture.path for picture in artefact.pictures}
    boxes: list[tuple[tuple[str, str], str, str | None, str]] = []

    def word(row: str, column: str) -> str:
        return "diverged" if (row, column) in lost else "pending"

    for panel in artefact.panels or (Panel(),):
        for row in panel.rows:
            for column in panel.columns or ("",):
                parts = [
                    panel.name if len(artefact.panels) > 1 else "",
                    row if len(panel.rows) > 1 or len(panel.columns) < 2 else "",
                    column if len(panel.columns) > 1 else "",
                ]
                key = row_key(panel.name, row)
                path = paths.get((key, column))
                title = " · ".join(part for part in parts if part)
                boxes.append(((key, column), title, path, word(key, column)))
    return boxes or [(("", ""), "", None, "pending")]


def _columns(artefact: Artefact, n: int) -> int:
    widths = {len(panel.columns) for panel in artefact.panels}
    if len(widths) == 1 and 1 < (width := widths.pop()) <= _MAX_COLUMNS:
        return width
    per_panel = {len(panel.rows) * max(1, len(panel.columns)) for panel in artefact.panels}
    if len(per_panel) == 1 and 1 < (size := per_panel.pop()) <= _MAX_PER_ROW:
        return size
    return min(n, 2 if n == 4 else _MAX_PER_ROW - 1 if n % 3 == 0 else _MAX_PER_ROW)


def _box(at: Any, title: str, path: Path | None, word: str) -> None:
    at.set_title(title, fontsize=7.5)
    at.set_xticks([])
    at.set_yticks([])
    if path is None:
        for spine in at.spines.values():
            spine.set(visible=True, color="#cccccc")
        at.set_box_aspect(1)
        mark_pending(at, word=word)
        return
    at.imshow(read_picture(path), interpolation="nearest", cmap="gray", vmin=0, vmax=1)
    at.set_frame_on(False)
