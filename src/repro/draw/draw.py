"""One artefact to its files: the generic drawer of its kind, or the paper's own where a kind cannot do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import atomic_write_text
from repro.draw.numbers import FLAG
from repro.draw.plots import draw_plot
from repro.draw.samples import draw_samples
from repro.draw.table_picture import draw_table
from repro.draw.tables import table_csv, write_table
from repro.judge.artefacts import Artefact, stamp_of
from repro.judge.cells import Cell

Drawing = Callable[[str], list[Path]]
"""Draws a paper's own diagram or figure, given the stamp; it knows what it shows and where to write."""


@dataclass(frozen=True)
class Shown:
    """What a paper's own figure is drawn from.

    Attributes:
        artefact: its description: panels, axes, pictures.
        cells: its cells, and no others'.
        root: folder of the profile, to which the paths of pictures are relative.
    """

    artefact: Artefact
    cells: tuple[Cell, ...]
    root: Path


def draw(
    artefact: Artefact,
    cells: Sequence[Cell],
    stem: Path,
    *,
    root: Path,
    profile: str,
    drawing: Drawing | None = None,
) -> list[Path]:
    """Write the files of ``artefact`` and return their paths.

    Tables and settings become ``stem``.csv, .md, .tex, .png and .pdf; plots and samples .png, .pdf, .csv;
    drawings .png and .pdf.

    Args:
        cells: the artefact's cells.
        root: folder of the profile, to which the paths of pictures are relative.
        drawing: draws a diagram or what else the generic drawers cannot; it takes precedence over them.

    Raises:
        ReproError: a drawing without ``drawing``, or a picture that does not exist.
    """
    if artefact.kind in ("table", "settings"):
        return [*write_table(artefact, cells, stem, profile), *draw_table(artefact, cells, stem, profile)]
    if artefact.kind == "drawing":
        if drawing is None:
            raise ReproError(
                f"nothing draws {artefact.id}",
                remedy=f"add src/repro/draw/figures/{artefact.id}.py with a function `draw`",
            )
        return drawing(f"{profile} profile · a drawing, no runs")
    if drawing is not None:
        raised = dict.fromkeys(flag for cell in cells for flag in cell.flags)
        signs = f" · {FLAG} {', '.join(raised)}: see the .csv" if raised else ""
        paths = drawing(stamp_of(profile, cells) + signs)
    elif artefact.kind == "plot":
        paths = draw_plot(artefact, cells, stem, profile)
    else:
        paths = draw_samples(artefact, cells, root, stem, profile)
    values = stem.with_name(stem.name + ".csv")
    atomic_write_text(values, table_csv(artefact, cells, profile))
    return [*paths, values]
