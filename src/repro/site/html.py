"""The HTML report: an overview, a page per paper, a page per run; plain files with relative links.

The report's folder holds all that it shows, so it can be copied anywhere and opened without a network.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from PIL import Image

from repro import __version__
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.row_key import row_key
from repro.draw.numbers import (
    FLAG,
    FLAG_MEANINGS,
    MARKS,
    MEANINGS,
    diverged_share,
    flag_lines,
    metric_label,
    number,
    with_std,
)
from repro.draw.view import views
from repro.judge.artefacts import Artefact
from repro.judge.cells import select
from repro.judge.ledger import LedgerItem
from repro.judge.verdict import VERDICTS
from repro.site.attachments import Shelf, files_of, put_searches
from repro.site.curves import charts
from repro.site.material import Material, PaperName, read_material

_SHOWN_APART = ("spec", "data", "provenance")


def write_report(
    layout: Layout,
    named: Mapping[str, PaperName],
    ledger: Iterable[LedgerItem],
    shelf: Shelf | None = None,
    material: Material | None = None,
) -> Path:
    """Write the report of one profile anew and return its index.html.

    Args:
        layout: the profile's files, or those of its publication.
        named: every paper's name and title, by the name of its folder.
        ledger: what the papers leave open.
        shelf: the report's folder; default: ``layout.root``/report, with a copy of all that it shows.
        material: what the report shows, where it has been read already.

    Raises:
        ReproError: cells, artefacts or a drawn file are missing, or a file is damaged. An old report is then
            left as it was.
    """
    material = material or read_material(layout, named, ledger)
    shelf = shelf or Shelf(layout.root / "report")
    stems = {artefact.id: _drawn(layout, artefact) for artefact in material.artefacts.artefacts}
    folder = shelf.folder
    shutil.rmtree(folder, ignore_errors=True)  # pages of runs that no longer exist must not stay
    environment = make_environment(material)
    write_page(environment, "style.css", folder / "style.css")
    for paper in material.papers:
        items = [
            _item(artefact, material, shelf.put_all(stems[artefact.id], artefact.id))
            | {"pictures": _pictures(artefact, layout.root, shelf)}
            for artefact in material.artefacts.artefacts
            if artefact.paper == paper
        ]
        write_page(environment, "paper.html", folder / f"{paper}.html", top="", paper=paper, items=items)
    for run in material.runs.values():
        rest = {name: value for name, value in run.record.items() if name not in _SHOWN_APART}
        target = folder / "runs" / f"{run.run_id}.html"
        write_page(environment, "run.html", target, top="../", run=run, rest=rest, charts=charts(run.log))
    beside = {
        "cost": shelf.put_all(layout.root / "cost", "cost"),
        "searches": put_searches(layout, shelf),
    }
    write_page(environment, "index.html", folder / "index.html", top="", **beside)
    return folder / "index.html"


def make_environment(material: Material) -> Environment:
    """Return the templates with what they know of the report."""
    environment = Environment(
        loader=PackageLoader("repro.site"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {
        "slug": lambda text: re.sub(r"[^a-z0-9]+", "-", str(text).lower()).strip("-"),
        "paper_name": lambda paper: material.named[paper].name,
        "plain": _plain,
        "flag_meaning": lambda name: FLAG_MEANINGS[name],
    }
    environment.globals |= {
        "version": __version__,
        "material": material,
        "index": {cell.key: place for place, cell in enumerate(material.cells)},
        "known": {artefact.id for artefact in material.artefacts.artefacts},
        "verdicts": VERDICTS,
        "marks": MARKS,
        "meanings": {word: text.split(": ", 1)[-1] for word, text in MEANINGS.items()},
        "flag": FLAG,
        "metric_label": metric_label,
        "number": number,
        "with_std": with_std,
        "diverged_share": diverged_share,
    }
    return environment


def _item(artefact: Artefact, material: Material, files: dict[str, Any]) -> dict[str, Any]:
    """Return what the paper's page shows of one artefact."""
    own = select(material.cells, artefact.paper, artefact.name)
    counts = material.counts(artefact.paper, artefact.name)
    words = ", ".join(f"{counts[word]} {word}" for word in VERDICTS if counts[word])
    return {
        "artefact": artefact,
        "cells": own,
        "views": views(artefact, own),
        **files,
        "stand_ins": list(dict.fromkeys(name for cell in own for name in cell.stand_ins)),
        "flags": flag_lines(own),
        "alt": f"{artefact.title}. " + (f"Verdicts: {words}." if words else "A diagram."),
    }


def _pictures(artefact: Artefact, root: Path, shelf: Shelf) -> list[dict[str, Any]]:
    """Put the pictures that a plot's evaluations left, once each, and return what the page shows of them.

    A publication has none: they show images of the data set.
    """
    if artefact.kind != "plot":
        return []
    titles: dict[str, str] = {}
    for picture in artefact.pictures:
        if picture.path is not None and (root / picture.path).is_file():
            names = [each.name for each in artefact.panels if picture.row.startswith(row_key(each.name))]
            titles.setdefault(picture.path, " ".join([*names[:1], picture.column]).strip())
    shown = []
    for index, (path, title) in enumerate(titles.items()):
        link = shelf.put(root / path, f"{artefact.id}-{index}.png")
        with Image.open(root / path) as image:
            shown.append({"link": link, "title": title, "size": image.size})
    return shown


def write_page(environment: Environment, template: str, target: Path, **values: Any) -> None:
    """Render a template to a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(environment.get_template(template).render(values), encoding="utf-8")


def _drawn(layout: Layout, artefact: Artefact) -> Path:
    """Return the stem of an artefact's files."""
    stem = layout.artefact(artefact.paper, artefact.name)
    if not files_of(stem):
        raise ReproError(
            f"{artefact.id} has not been drawn",
            remedy=f"draw it: repro draw {artefact.id}, or run Snakemake",
            where=stem,
        )
    return stem


def _plain(value: Any) -> str:
    """Return a JSON value as people read it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_plain(inner)}" for key, inner in value.items()) or "–"
    if isinstance(value, list | tuple):
        return ", ".join(_plain(inner) for inner in value) or "–"
    return value if isinstance(value, str) else json.dumps(value)
