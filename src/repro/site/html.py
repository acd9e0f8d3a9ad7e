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
from repro.core.files import atomic_write_text
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
from repro.site.attachments import attach_cost, attach_searches, files_of, picture_size
from repro.site.curves import charts
from repro.site.material import Material, PaperName, RunPage, read_material

_SHOWN_APART = ("spec", "data", "provenance")


def write_report(layout: Layout, named: Mapping[str, PaperName], ledger: Iterable[LedgerItem]) -> Path:
    """Write the report of one profile anew and return its index.html.

    Args:
        layout: the profile's files; the report goes to ``layout.root``/report.
        named: every paper's name and title, by the name of its folder.
        ledger: what the papers leave open.

    Raises:
        ReproError: cells, artefacts or a drawn file are missing, or a file is damaged. An old report is then
            left as it was.
    """
    material = read_material(layout, named, ledger)
    files = {artefact.id: _files(layout, artefact) for artefact in material.artefacts.artefacts}
    folder = layout.root / "report"
    shutil.rmtree(folder, ignore_errors=True)  # pages of runs that no longer exist must not stay
    for paths in files.values():
        for path in paths:
            target = folder / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    environment = _environment(material)
    atomic_write_text(folder / "style.css", _source(environment, "style.css"))
    for paper in material.papers:
        items = [
            _item(artefact, material, files[artefact.id])
            | {"pictures": _pictures(artefact, layout.root, folder)}
            for artefact in material.artefacts.artefacts
            if artefact.paper == paper
        ]
        _write(environment, "paper.html", folder / f"{paper}.html", top="", paper=paper, items=items)
    for run in material.runs.values():
        _write_run(environment, folder, run)
    beside = {"cost": attach_cost(layout, folder), "searches": attach_searches(layout, folder)}
    _write(environment, "index.html", folder / "index.html", top="", **beside)
    return folder / "index.html"


def _environment(material: Material) -> Environment:
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


def _item(artefact: Artefact, material: Material, paths: list[Path]) -> dict[str, Any]:
    """Return what the paper's page shows of one artefact."""
    own = select(material.cells, artefact.paper, artefact.name)
    counts = material.counts(artefact.paper, artefact.name)
    words = ", ".join(f"{counts[word]} {word}" for word in VERDICTS if counts[word])
    picture = next((path for path in paths if path.suffix == ".png"), None)
    return {
        "artefact": artefact,
        "cells": own,
        "views": views(artefact, own),
        "files": [path.suffix for path in paths],
        "stand_ins": list(dict.fromkeys(name for cell in own for name in cell.stand_ins)),
        "flags": flag_lines(own),
        "size": (0, 0) if picture is None else picture_size(picture),
        "alt": f"{artefact.title}. " + (f"Verdicts: {words}." if words else "A diagram."),
    }


def _pictures(artefact: Artefact, root: Path, folder: Path) -> list[dict[str, Any]]:
    """Copy the pictures that a plot's evaluations left, once each, and return what the page shows of them."""
    if artefact.kind != "plot":
        return []
    titles: dict[str, str] = {}
    for picture in artefact.pictures:
        if picture.path is not None:
            names = [each.name for each in artefact.panels if picture.row.startswith(row_key(each.name))]
            titles.setdefault(picture.path, " ".join([*names[:1], picture.column]).strip())
    shown = []
    for index, (path, title) in enumerate(titles.items()):
        target = folder / artefact.paper / f"{artefact.name}-{index}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target)
        with Image.open(target) as image:
            shown.append({"file": target.name, "title": title, "size": image.size})
    return shown


def _write_run(environment: Environment, folder: Path, run: RunPage) -> None:
    rest = {name: value for name, value in run.record.items() if name not in _SHOWN_APART}
    target = folder / "runs" / f"{run.run_id}.html"
    _write(environment, "run.html", target, top="../", run=run, rest=rest, charts=charts(run.log))


def _write(environment: Environment, template: str, target: Path, **values: Any) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(environment.get_template(template).render(values), encoding="utf-8")


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _files(layout: Layout, artefact: Artefact) -> list[Path]:
    stem = layout.artefact(artefact.paper, artefact.name)
    found = files_of(stem)
    if not found:
        raise ReproError(
            f"{artefact.id} has not been drawn",
            remedy=f"draw it: repro draw {artefact.id}, or run Snakemake",
            where=stem,
        )
    return found


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
