"""Everything that the HTML report shows, read from the files of one profile."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from repro.core.csv_text import plain
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.judge.artefacts import Artefacts, read_artefacts
from repro.judge.cells import Cell, read_cells
from repro.judge.claims import CLAIM_COLUMNS
from repro.judge.ledger import LedgerItem
from repro.plan.config import Config
from repro.site.stored import REMEDY, Line, read_stored


@dataclass(frozen=True)
class RunPage:
    """One finished run: its record (``run.json``), its log and the evaluations of its checkpoints.

    ``evaluations`` maps an evaluation's id to its result; ``cells`` are the cells that use the run.
    """

    run_id: str
    record: Mapping[str, Any]
    log: tuple[Mapping[str, Any], ...]
    evaluations: Mapping[str, Mapping[str, Any]]
    cells: tuple[Cell, ...]


class PaperName(NamedTuple):
    """What people call a paper, and its title."""

    name: str
    title: str


def names_of(config: Config) -> dict[str, PaperName]:
    """Return every paper's name and title, by its folder."""
    return {paper: PaperName(sheet.name, sheet.title) for paper, sheet in config.sheets.items()}


@dataclass(frozen=True)
class Material:
    """The report's contents; ``claims`` and ``audit`` are rows of their CSV files, if there are any."""

    named: Mapping[str, PaperName]
    artefacts: Artefacts
    cells: tuple[Cell, ...]
    claims: tuple[dict[str, str], ...]
    audit: tuple[dict[str, str], ...]
    ledger: tuple[LedgerItem, ...]
    runs: Mapping[str, RunPage]

    @property
    def papers(self) -> list[str]:
        """The papers, in the order of the artefacts."""
        return list(dict.fromkeys(artefact.paper for artefact in self.artefacts.artefacts))

    def counts(self, paper: str | None = None, artefact: str | None = None) -> Counter[str]:
        """Return how many cells have each verdict: of all papers, of one, or of one artefact."""
        return Counter(
            cell.verdict
            for cell in self.cells
            if paper in (None, cell.paper) and artefact in (None, cell.artefact)
        )


def read_material(layout: Layout, named: Mapping[str, PaperName], ledger: Iterable[LedgerItem]) -> Material:
    """Read what the report of one profile shows.

    Args:
        layout: the profile's files, or those of its publication.
        named: every paper's name and title, by the name of its folder.
        ledger: what the papers leave open.

    Raises:
        ReproError: cells or artefacts are missing, or a file is damaged; names it.
    """
    root = layout.root
    cells, artefacts = tuple(read_cells(layout.cells)), read_artefacts(root / "artefacts.json")
    if foreign := {artefact.paper for artefact in artefacts.artefacts} - named.keys():
        raise ReproError(
            f"it holds artefacts of {', '.join(sorted(foreign))}, of which config/papers/ has no folder",
            remedy=REMEDY,
            where=root / "artefacts.json",
        )
    return Material(
        named=named,
        artefacts=artefacts,
        cells=cells,
        claims=_rows(root / "claims.csv", CLAIM_COLUMNS),
        audit=_rows(root / "audit.csv", ("paper", "id", "statement", "stated", "recomputed", "verdict")),
        ledger=tuple(ledger),
        runs=_runs(layout, cells),
    )


def _runs(layout: Layout, cells: tuple[Cell, ...]) -> dict[str, RunPage]:
    records, results, logs = read_stored(layout)
    evaluations: defaultdict[str, dict[str, Line]] = defaultdict(dict)
    for name, result in results.items():
        evaluations[str(result["spec"].get("run"))][name] = result
    users: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        for run_id in cell.runs:
            users[run_id].append(cell)
    return {
        run_id: RunPage(run_id, record, tuple(logs[run_id]), evaluations[run_id], tuple(users[run_id]))
        for run_id, record in records.items()
    }


def _rows(path: Path, needed: tuple[str, ...]) -> tuple[dict[str, str], ...]:
    if not path.is_file():
        return ()
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in needed if name not in (reader.fieldnames or ())]
        if missing:
            raise ReproError(f"it lacks the column {missing[0]}", remedy=REMEDY, where=path, line=1)
        return tuple({name: plain(row[name] or "") for name in reader.fieldnames or ()} for row in reader)
