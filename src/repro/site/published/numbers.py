"""The table of reported against measured: a line for each row and column that a paper prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from repro.draw.numbers import measured_text, metric_label, with_std
from repro.judge.artefacts import Artefact
from repro.judge.cells import Cell, select
from repro.site.material import Material

HEADINGS = ("Paper", "Measure", "Data", "Row", "Reported", "Measured", "Seeds", "By the paper's convention")


def lines(material: Material) -> list[tuple[str, ...]]:
    """Return a line for each row and column of a table that the paper prints and that was measured.

    Of several metrics the one is shown of which most of the claims speak.
    """
    return [
        _line(material.named[artefact.paper].name, artefact, at_place)
        for artefact, cells in _tables(material)
        for at_place in _places(cells)
    ]


def _tables(material: Material) -> list[tuple[Artefact, list[Cell]]]:
    """Return each table with the cells of its foremost metric that are printed and measured."""
    claimed = Counter(
        (page.claim.paper, predicate.left.artefact, predicate.left.metric)
        for page in material.claims
        if page.claim
        for predicate in page.claim.all
    )
    found = []
    for artefact in material.artefacts.artefacts:
        cells = [
            cell
            for cell in select(material.cells, artefact.paper, artefact.name)
            if cell.reported is not None and cell.measured is not None
        ]
        if artefact.kind == "table" and cells:
            metrics = dict.fromkeys(cell.metric for cell in cells)
            foremost = max(metrics, key=lambda name: claimed[artefact.paper, artefact.name, name])
            found.append((artefact, [cell for cell in cells if cell.metric == foremost]))
    return found


def _places(cells: Iterable[Cell]) -> Iterable[list[Cell]]:
    at: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        at.setdefault((cell.row, cell.column), []).append(cell)
    return at.values()


def _line(paper: str, artefact: Artefact, cells: Sequence[Cell]) -> tuple[str, ...]:
    """Return a line's fields; ``cells`` are of one place, under one or several conventions."""
    first = next((cell for cell in cells if cell.convention == "standard"), cells[0])
    other = next((cell for cell in cells if cell.convention == "paper" and cell is not first), None)
    label = metric_label(first.metric, embedded="embedded_features" in first.stand_ins)
    return (
        f"{paper}, {artefact.short_source}",
        label,
        first.column,
        first.row,
        with_std(first.metric, first.reported, first.reported_std),
        measured_text(first),
        str(first.n_seeds),
        "–" if other is None else measured_text(other),
    )
