"""What the page of an artefact shows: its picture and tables first, then how they were made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from repro.core.cell_key import row_key
from repro.draw.numbers import flag_lines
from repro.draw.view import View, split, views
from repro.judge.artefacts import Artefact
from repro.judge.cells import Cell, select
from repro.judge.verdict import VERDICTS
from repro.site.attachments import Shelf, picture_size
from repro.site.convention.ways import ways_of
from repro.site.material import Material


def artefact_page(
    artefact: Artefact, material: Material, shelf: Shelf, root: Path, stem: Path
) -> dict[str, Any]:
    """Put an artefact's files into the report and return what its page shows."""
    own = select(material.cells, artefact.paper, artefact.name)
    settings = artefact.kind == "settings"
    counts = material.counts(artefact.paper, artefact.name, settings=settings)
    words = ", ".join(f"{counts[word]} {word}" for word in VERDICTS if counts[word])
    ways, way_of, of_several = ways_of(material, own)
    return {
        **shelf.put_all(stem, artefact.id, artefact.paper),
        "cells": own,
        "counts": counts,
        "tables": _tables(artefact, own),
        "stand_ins": list(dict.fromkeys(name for cell in own for name in cell.stand_ins)),
        "flags": flag_lines(own),
        "alt": f"{artefact.title}. " + (f"Verdicts: {words}." if words else "A diagram."),
        "pictures": _pictures(artefact, root, shelf),
        "rows": _rows(artefact, own, material),
        "ways": ways,
        "way_of": way_of,
        "of_several": of_several,
    }


def _tables(artefact: Artefact, own: Sequence[Cell]) -> list[View]:
    """Return the tables of an artefact that is one; of the parts of a wide one, those with numbers first."""
    if artefact.kind not in ("table", "settings"):
        return []
    return [
        part
        for view in views(artefact, own)
        for part in sorted(
            split(folded(view)),
            key=lambda part: all(
                cell is None or cell.measured is None for row in part.rows for cell in row.cells
            ),
        )
    ]


def folded(view: View) -> View:
    """Return a view in which conventions that gave the same numbers share a column."""
    columns = list(view.columns)
    kept: list[int] = []
    for index, at in enumerate(columns):
        twin = next((k for k in kept if _same(view, k, index)), None)
        if twin is None:
            kept.append(index)
        else:
            one = columns[twin]
            both = f"{one.convention} and {at.convention} convention"
            title = one.title.replace(f"{one.convention} convention", both)
            columns[twin] = replace(one, convention=f"{one.convention} and {at.convention}", title=title)
    rows = tuple(replace(row, cells=tuple(row.cells[k] for k in kept)) for row in view.rows)
    return View(view.panel, tuple(columns[k] for k in kept), rows)


def _same(view: View, left: int, right: int) -> bool:
    """Tell whether two columns differ in their convention alone, and hold the same."""
    one, other = view.columns[left], view.columns[right]
    if (one.column, one.metric) != (other.column, other.metric) or one.other or other.other:
        return False
    pairs = ((row.cells[left], row.cells[right]) for row in view.rows)
    return all((a and replace(a, convention="")) == (b and replace(b, convention="")) for a, b in pairs)


def _rows(artefact: Artefact, own: Sequence[Cell], material: Material) -> list[dict[str, Any]]:
    """Return for each row what touches it: methods, open points, claims and findings of the audit."""
    about = {artefact.id}
    claims, findings = material.claims_about(about), material.audit_about(about)
    found = []
    for name in dict.fromkeys(cell.row for cell in own):
        cells = [cell for cell in own if cell.row == name]
        methods = sorted({method for cell in cells for method in material.methods(cell)})
        keys = {cell.key for cell in cells}
        found.append(
            {
                "name": name,
                "methods": methods,
                "ledger": material.ledger_of_methods(methods, artefact.id),
                "claims": [page for page in claims if any(cell.key in keys for cell in page.cells)],
                "audit": [each for each in findings if _touches(each.places, artefact.id, name)],
            }
        )
    return [row for row in found if any(row[kind] for kind in ("methods", "claims", "audit"))]


def _touches(places: Iterable[tuple[str, ...]], artefact: str, row: str) -> bool:
    return any(place[:2] == (artefact, row) for place in places)


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
        link = shelf.put(root / path, f"{artefact.id}-{index}.png", artefact.paper)
        shown.append({"link": link, "title": title, "size": picture_size(root / path, density=1)})
    return shown
