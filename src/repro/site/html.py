"""The HTML report: plain files with relative links; a page per artefact, claim, run, open point.

The report's folder holds all that it shows, so it can be copied anywhere and opened without a network.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from typing import Any, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from repro import __version__
from repro.core.paths import Layout
from repro.draw.numbers import (
    FLAG,
    FLAG_MEANINGS,
    MARKS,
    MEANINGS,
    STAND_IN_MEANINGS,
    cell_label,
    diverged_share,
    metric_label,
    number,
    with_std,
)
from repro.judge.cells import Cell
from repro.judge.claims import ClaimWord
from repro.judge.verdict import VERDICTS
from repro.site.artefacts import artefact_page
from repro.site.attachments import Shelf, drawn, put_searches
from repro.site.convention.ways import side_by_side
from repro.site.curves import charts
from repro.site.material import Material, Papers, read_material
from repro.site.options import words

_SHOWN_APART = ("spec", "data", "provenance")


def write_report(
    layout: Layout, papers: Papers, shelf: Shelf | None = None, material: Material | None = None
) -> Path:
    """Write the report of one profile anew and return its index.html.

    Args:
        layout: the profile's files, or those of its publication.
        papers: what the papers' folders say.
        shelf: the report's folder; default: ``layout.root``/report, with a copy of all that it shows.
        material: what the report shows, where it has been read already.

    Raises:
        ReproError: cells, artefacts or a drawn file are missing, or a file is damaged. An old report is then
            left as it was; only what fails while pages are written leaves a part of the new one.
    """
    material = material or read_material(layout, papers)
    shelf = shelf or Shelf(layout.root / "report")
    stems = {artefact.id: drawn(layout, artefact.id) for artefact in material.artefacts.artefacts}
    shutil.rmtree(shelf.folder, ignore_errors=True)  # pages of runs that no longer exist must not stay
    environment = make_environment(material)

    def page(template: str, name: str, **values: Any) -> None:
        write_page(environment, template, shelf.folder / name, top="../" * name.count("/"), **values)

    for name in ("style.css", "index.html", "cells.html", "ledger.html", "audit.html", "runs.html"):
        page(name, name)
    searches = put_searches(layout, shelf)
    page("cost.html", "cost.html", cost=shelf.put_all(layout.root / "cost", "cost"), searches=searches)
    for paper in material.papers:
        page("paper.html", f"{paper}.html", paper=paper, sides=side_by_side(material, paper))
    for artefact in material.artefacts.artefacts:
        shown = artefact_page(artefact, material, shelf, layout.root, stems[artefact.id])
        page("artefact.html", f"{artefact.id}.html", item=shown, artefact=artefact)
    for claim in material.claims:
        page("claim.html", f"claims/{claim.id}.html", claim=claim)
    for item in material.ledger:
        page("open_point.html", f"ledger/{item.id}.html", item=item, searches=searches)
    for found in material.audit:
        page("finding.html", f"audit/{found.id}.html", found=found)
    for run in material.runs.values():
        rest = {name: value for name, value in run.record.items() if name not in _SHOWN_APART}
        page("run.html", f"runs/{run.run_id}.html", run=run, rest=rest, charts=charts(run.log))
    return shelf.folder / "index.html"


def make_environment(material: Material) -> Environment:
    """Return the templates with what they know of the report."""
    environment = Environment(
        loader=PackageLoader("repro.site"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {
        "slug": slug,
        "paper_name": lambda paper: material.named[paper].name,
        "words": words,
        "flag_meaning": lambda name: FLAG_MEANINGS[name],
        "stand_in": lambda name: STAND_IN_MEANINGS.get(name, name),
    }
    environment.globals |= {
        "version": __version__,
        "material": material,
        "anchor": anchor,
        "known": {artefact.id: artefact for artefact in material.artefacts.artefacts},
        "shown_cells": {cell.key for cell in material.cells},
        "answers": get_args(ClaimWord),
        "options": {item.option.name: item for item in material.ledger if item.option},
        "verdicts": VERDICTS,
        "marks": MARKS,
        "meanings": {word: text.split(": ", 1)[-1] for word, text in MEANINGS.items()},
        "flag": FLAG,
        "cell_label": cell_label,
        "metric_label": metric_label,
        "number": number,
        "with_std": with_std,
        "diverged_share": diverged_share,
    }
    return environment


def slug(text: object) -> str:
    """Return ``text`` as a part of an address."""
    return re.sub(r"[^a-z0-9]+", "-", str(text).lower()).strip("-")


def anchor(cell: Cell) -> str:
    """Return a cell's address on its artefact's page, for as long as the cell keeps its name."""
    of_key = hashlib.sha256("\n".join(cell.key).encode()).hexdigest()[:6]
    return f"{slug(' '.join(cell.key[2:]))}-{of_key}"


def write_page(environment: Environment, template: str, target: Path, **values: Any) -> None:
    """Render a template to a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(environment.get_template(template).render(values), encoding="utf-8")
