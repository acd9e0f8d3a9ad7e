"""Composes one artefact and draws it: the step behind each file in ``artefacts/``. Imports no torch."""

from __future__ import annotations

import importlib
import json
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from repro.compose.compose import compose
from repro.core.files import atomic_write_text
from repro.core.paths import Layout
from repro.draw.architectures import read_architectures
from repro.draw.diagrams import Canvas
from repro.draw.draw import Drawing, Shown, draw
from repro.jobs.measured import Measured
from repro.judge.artefacts import Artefact
from repro.judge.cells import Cell, render_cells
from repro.judge.reported import read_others, read_reported
from repro.plan.batches import Batches
from repro.plan.plan import Plan


def draw_artefact(plan: Plan, batches: Batches, layout: Layout, artefact_id: str) -> None:
    """Write one artefact's cells and description, and its table or picture.

    Raises:
        ReproError: there is no such artefact, or one of its evaluations is missing or not what the DAG made.
    """
    artefact_id = plan.find_artefact(artefact_id)
    entry, cells, texts = compose_artefact(plan, Measured(layout, batches), layout, artefact_id)
    stem = layout.artefact(entry.paper, entry.name)
    shown = Shown(entry, tuple(cells), layout.root)
    drawing = own_drawing(entry.paper, entry.name, layout.root / "architectures.json", stem, shown)
    draw(entry, cells, stem, root=layout.root, profile=layout.profile, drawing=drawing)
    for path, text in texts.items():
        atomic_write_text(path, text)


def compose_artefact(
    plan: Plan, measured: Measured, layout: Layout, artefact_id: str
) -> tuple[Artefact, list[Cell], dict[Path, str]]:
    """Return one artefact's description, its cells, and the texts of the two files that hold them."""
    config = plan.config
    paper, _, name = artefact_id.partition("/")
    reported = read_reported(config.paper_file(paper, "reported.csv"), paper)
    others = read_others(config.paper_file(paper, "other_reported.csv"), paper).get(name, ())
    entry, cells = compose(plan, measured, reported, config.settings.tolerances, artefact_id, others)
    path = layout.entry(artefact_id)
    described = json.dumps(entry.model_dump(mode="json"), indent=1) + "\n"
    return entry, cells, {path: described, path.with_suffix(".csv"): render_cells(cells)}


def own_drawing(
    paper: str, name: str, architectures: Path, stem: Path, shown: Shown | None = None
) -> Drawing | None:
    """Return ``repro.draw.figures.<paper>.<name>.draw`` bound to what it draws, None where there is none.

    A module with ``NETWORKS`` has a diagram of them: ``diagram(networks)``. Any other draws for itself:
    ``draw(shown, stem, stamp)``.
    """
    package = f"repro.draw.figures.{paper}"
    module_name = f"{package}.{name}"
    if find_spec(package) is None or find_spec(module_name) is None:
        return None
    module = importlib.import_module(module_name)
    if not hasattr(module, "NETWORKS"):
        return partial(module.draw, shown, stem)
    networks = read_architectures(architectures)
    return lambda stamp: cast(Canvas, module.diagram(networks)).save(stem, stamp)
