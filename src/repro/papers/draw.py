"""Draws one artefact from the files of a profile, with the paper's own drawer where it has one."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from repro.core.paths import Layout
from repro.report.architectures import read_architectures
from repro.report.artefacts import read_artefacts
from repro.report.cells import read_cells
from repro.report.draw import Drawing, draw


def draw_artefact(layout: Layout, paper: str, name: str) -> list[Path]:
    """Write the files of one artefact below ``layout.root``/artefacts and return their paths.

    Raises:
        ReproError: the cells, the list of artefacts or the networks' description is missing or damaged, there
            is no such artefact, or nothing draws it.
    """
    artefacts = read_artefacts(layout.root / "artefacts.json")
    artefact = artefacts.find(paper, name)
    stem = layout.artefact(paper, name)
    drawing = own_drawing(paper, name, layout.root / "architectures.json", stem)
    cells = read_cells(layout.cells)
    return draw(artefact, cells, stem, root=layout.root, profile=artefacts.profile, drawing=drawing)


def own_drawing(paper: str, name: str, architectures: Path, stem: Path) -> Drawing | None:
    """Return ``repro.papers.<paper>.<name>.draw`` bound to its networks, or None where there is none."""
    module_name = f"repro.papers.{paper}.{name}"
    if find_spec(f"repro.papers.{paper}") is None or find_spec(module_name) is None:
        return None
    module = import_module(module_name)
    networks = read_architectures(architectures) if module.NETWORKS else {}
    drawing: Drawing = partial(module.draw, networks, stem)
    return drawing
