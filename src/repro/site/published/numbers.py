"""The table of reported against measured: a line for each row and column that a paper prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from repro.core.cell_key import CellKey
from repro.draw.numbers import cell_label, measured_text, with_std
from repro.judge.artefacts import Artefact
from repro.judge.cells import Cell, select
from repro.site.html import anchor
from repro.site.material import Material

HEADINGS = ("Paper", "Measure", "Column", "Row", "Reported", "Measured", "Seeds", "By the paper's convention")
JUDGED = ("reproduced", "not reproduced", "inconclusive")


@dataclass(frozen=True)
class Line:
    """One row and column of a table: where it is, how near it is to what was printed, and what is shown.

    Attributes:
        key: of the cell shown.
        distance: what stood in, counted, then the seeds, negative: the least is the best.
        judged: whether the number is compared with the printed one.
        fields: texts, one for each heading.
        place: of the cell shown, among the pages of its publication.
    """

    key: CellKey
    distance: tuple[int, int]
    judged: bool
    fields: tuple[str, ...]
    place: str = ""


def best(published: Mapping[str, Sequence[Line]]) -> dict[str, list[Line]]:
    """Return, by publication, the lines to show: of a cell that several measured, the best one alone.

    Publications with a number that is compared with a printed one come first.
    """
    least: dict[CellKey, tuple[tuple[int, int], str]] = {}
    for name, found in published.items():
        for line in found:
            least[line.key] = min(least.get(line.key, (line.distance, name)), (line.distance, name))
    kept = {name: [line for line in found if least[line.key][1] == name] for name, found in published.items()}
    return dict(sorted(kept.items(), key=lambda each: not any(line.judged for line in each[1])))


def lines(material: Material) -> list[Line]:
    """Return a line for each row and column of a table that the paper prints and that was measured.

    Of several metrics the one is shown of which most of the claims speak.
    """
    return [
        _line(material, artefact, at_place)
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
            if cell.reported is not None and (cell.measured is not None or cell.diverged)
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


def _column(cell: Cell, material: Material) -> str:
    """Return the column as the paper words it, with the data set where that is something else."""
    said = re.sub(r"\W", "", cell.column).lower()
    data = [name for name in material.datasets(cell) if re.sub(r"\W|_", "", name) not in said]
    return f"{cell.column} ({', '.join(data)})" if data else cell.column


def _line(material: Material, artefact: Artefact, cells: Sequence[Cell]) -> Line:
    """Return the line of ``cells``, which are of one place, under one or several conventions."""
    first = next((cell for cell in cells if cell.convention == "standard"), cells[0])
    other = next((cell for cell in cells if cell.convention == "paper" and cell is not first), None)
    label = cell_label(first)
    fields = (
        f"{material.named[artefact.paper].name}, {artefact.short_source}",
        label,
        _column(first, material),
        first.row,
        with_std(first.metric, first.reported, first.reported_std),
        measured_text(first),
        str(first.n_seeds),
        "–" if other is None else measured_text(other),
    )
    distance, place = (len(first.stand_ins), -first.n_seeds), f"{artefact.id}.html#{anchor(first)}"
    judged = first.verdict in JUDGED or (first.verdict == "diverged" and not first.stand_ins)
    return Line(first.key, distance, judged, fields, place)
