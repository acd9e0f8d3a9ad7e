"""Everything that the HTML report shows, read from the files of one profile."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from repro.core.cell_key import CellKey
from repro.core.csv_text import csv_lines, plain
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.jobs.publication import Line, flagged
from repro.judge.artefacts import Artefact, Artefacts, Behind, numbers_by_seed, read_artefacts, with_formats
from repro.judge.audit import AUDIT_COLUMNS, AuditEntry
from repro.judge.cells import Cell, read_cells, select
from repro.judge.claims import CLAIM_COLUMNS, DEFAULT_RULES, Claim, ClaimRules
from repro.judge.ledger import LedgerItem
from repro.judge.reported import Reported, as_printed
from repro.site.claims import ClaimPage, claim_page
from repro.site.convention.strip import Strip, maybe_behind_cells, strip
from repro.site.options import values_of
from repro.site.stored import REMEDY, Stored, read_stored


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

    @property
    def spec(self) -> dict[str, Any]:
        """The run's specification without the method's options."""
        return {name: value for name, value in self.record["spec"].items() if name != "options"}


class PaperName(NamedTuple):
    """What people call a paper, and its title."""

    name: str
    title: str


@dataclass(frozen=True)
class Papers:
    """What the papers' folders say beside their sheets; ``named`` by the name of the folder.

    ``planned`` returns the ids of all artefacts, runs and evaluations that a profile plans today.
    """

    named: Mapping[str, PaperName]
    ledger: tuple[LedgerItem, ...] = ()
    claims: tuple[Claim, ...] = ()
    audited: tuple[AuditEntry, ...] = ()
    rules: ClaimRules = DEFAULT_RULES
    planned: Callable[[str], Container[str]] = field(default=lambda profile: ())
    reported: Reported = field(default_factory=dict)


@dataclass(frozen=True)
class Material:
    """The report's contents; ``claims`` and ``audit`` are there if the profile has these files.

    ``planned`` holds what today's profile of that name plans, as ``Papers.planned`` returns it.
    """

    named: Mapping[str, PaperName]
    artefacts: Artefacts
    cells: tuple[Cell, ...]
    claims: tuple[ClaimPage, ...]
    audit: tuple[Audited, ...]
    ledger: tuple[LedgerItem, ...]
    runs: Mapping[str, RunPage]
    results: Mapping[str, Line]  # of evaluations, by their ids
    planned: Container[str] = ()

    @property
    def stamp(self) -> str:
        """Profile, stand-ins and number formats of all that is shown."""
        return with_formats(self.artefacts.stamp, self.cells)

    @property
    def papers(self) -> list[str]:
        """The papers, in the order of the artefacts."""
        return list(dict.fromkeys(artefact.paper for artefact in self.artefacts.artefacts))

    @cached_property
    def settings(self) -> set[tuple[str, str]]:
        """Paper and name of the artefacts that list settings, such as layer sizes, and measure nothing."""
        found = self.artefacts.artefacts
        return {(artefact.paper, artefact.name) for artefact in found if artefact.kind == "settings"}

    @cached_property
    def at(self) -> Mapping[tuple[str, ...], list[Cell]]:
        """The cells of a place ``(paper/artefact, row, column, metric)``, one for each convention."""
        found: defaultdict[tuple[str, ...], list[Cell]] = defaultdict(list)
        for cell in self.cells:
            found[f"{cell.paper}/{cell.artefact}", cell.row, cell.column, cell.metric].append(cell)
        return found

    @cached_property
    def maybe_behind(self) -> Mapping[CellKey, tuple[Behind, ...]]:
        """What is behind each measured cell, by its key; several things where nothing tells them apart."""
        return maybe_behind_cells(self.artefacts.artefacts, self.cells, self.results)

    @cached_property
    def behind(self) -> Mapping[CellKey, Behind]:
        """What is behind each measured cell, by its key, as far as it is known."""
        return {key: several[0] for key, several in self.maybe_behind.items() if len(several) == 1}

    def maybe_measured_how(self, cell: Cell) -> list[Strip]:
        """Return how a cell was measured, by the records behind it.

        Nothing where that is unknown; several ways where measurements gave the same number.
        """
        seeds = self._of_runs(cell, "seed")
        return [
            strip([self.results[name] for name in behind.evaluations], cell.metric, seeds, behind.value)
            for behind in self.maybe_behind.get(cell.key, ())
        ]

    def measured_how(self, cell: Cell) -> Strip:
        """Return how a cell was measured; empty where that is unknown."""
        ways = self.maybe_measured_how(cell)
        return ways[0] if len(ways) == 1 else {}

    def counts(
        self, paper: str | None = None, artefact: str | None = None, *, settings: bool = False
    ) -> Counter[str]:
        """Return how many cells have each verdict: of all papers, of one, or of one artefact.

        Measurements and ``settings`` are counted apart.
        """
        return Counter(
            cell.verdict
            for cell in self.cells
            if paper in (None, cell.paper)
            and artefact in (None, cell.artefact)
            and settings == ((cell.paper, cell.artefact) in self.settings)
        )

    def answers(self, paper: str | None = None) -> Counter[str]:
        """Return how many claims, of all papers or of one, have each answer."""
        return Counter(page.row["verdict"] for page in self.claims if paper in (None, page.row["paper"]))

    def is_planned(self, artefact: Artefact) -> bool:
        """Return whether today's profile plans an artefact with all that its numbers were made of."""
        own = select(self.cells, artefact.paper, artefact.name)
        measured = (self.behind[cell.key].evaluations for cell in own if cell.key in self.behind)
        ids = chain([artefact.id], *(cell.runs for cell in own), *measured)
        return all(name in self.planned for name in ids)

    def commit_of(self, artefact: Artefact) -> str | None:
        """Return the commit whose code, unchanged, trained the most runs of an artefact, or None."""
        own = select(self.cells, artefact.paper, artefact.name)
        ids = {run_id for cell in own for run_id in cell.runs if run_id in self.runs}
        codes = [self.runs[run_id].record["provenance"]["code"] for run_id in sorted(ids)]
        commits = Counter(code["commit"] for code in codes if code.get("commit") and not code.get("changed"))
        return max(commits, key=lambda name: (commits[name], name), default=None)

    def measured_by(self, artefact: Artefact) -> list[str]:
        """Return which code measured the numbers of an artefact, that of the most first, by its records."""
        own = select(self.cells, artefact.paper, artefact.name)
        behind = chain.from_iterable(self.maybe_behind.get(cell.key, ()) for cell in own)
        ids = dict.fromkeys(chain.from_iterable(each.evaluations for each in behind))
        codes = (self.results[name].get("provenance", {}).get("code", {}) for name in ids)
        counts = Counter((code.get("commit") or "", bool(code.get("changed"))) for code in codes)
        return [
            commit[:8] + " with changes not committed" * changed
            for commit, changed in sorted(counts, key=lambda code: (-counts[code], code))
            if commit
        ]

    @cached_property
    def borrowers(self) -> Mapping[str, Sequence[str]]:
        """The runs that were measured by the features or the gradients of another, by that one's id."""
        found: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for borrower, run in self.runs.items():
            for spec in (result["spec"] for result in run.evaluations.values()):
                for lender in {spec.get("extractor"), spec.get("surrogate")} & self.runs.keys():
                    found[lender][borrower] = None
        return {lender: [*those] for lender, those in found.items()}

    def methods(self, cell: Cell) -> list[str]:
        """Return the methods of the runs that a cell rests on."""
        return self._of_runs(cell, "method")

    def datasets(self, cell: Cell) -> list[str]:
        """Return the data sets of the runs that a cell rests on."""
        return self._of_runs(cell, "dataset")

    def architectures(self, cell: Cell) -> list[str]:
        """Return the networks of the runs that a cell rests on, where their recipes name them."""
        runs = (self.runs[run_id].record["spec"] for run_id in cell.runs if run_id in self.runs)
        named = (spec.get("options", {}).get("network") for spec in runs)
        return list(dict.fromkeys(str(name) for name in named if name))

    def _of_runs(self, cell: Cell, field: str) -> list[str]:
        runs = (self.runs[run_id].record["spec"] for run_id in cell.runs if run_id in self.runs)
        return list(dict.fromkeys(str(spec[field]) for spec in runs))

    def claims_about(self, artefacts: Container[str]) -> list[ClaimPage]:
        """Return the claims that speak of any of some artefacts (``paper/name``)."""
        return [page for page in self.claims if any(name in artefacts for name in page.artefacts)]

    def audit_about(self, artefacts: Container[str]) -> list[Audited]:
        """Return the findings that are recomputed from any of some artefacts."""
        return [found for found in self.audit if any(name in artefacts for name in found.artefacts)]

    def ledger_about(self, artefacts: Container[str]) -> list[LedgerItem]:
        """Return what is open about any of some artefacts."""
        return [item for item in self.ledger if any(name in artefacts for name in item.affects)]

    @cached_property
    def chosen(self) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """The values that each open point's option has here, by the point's id, with the runs of each.

        Of a measurement's option with its evaluations; nothing of points without an option, or of none here.
        """
        records = {**{name: page.record for name, page in self.runs.items()}, **self.results}
        options = {item.id: item.option for item in self.ledger if item.option}
        return {name: found for name, each in options.items() if (found := values_of(each, records))}

    def ledger_of_methods(self, methods: Container[str], artefact: str | None = None) -> list[LedgerItem]:
        """Return what is open about options of some methods, of one artefact or of any."""
        return [
            item
            for item in self.ledger
            if item.option and item.option.of in methods and (artefact is None or artefact in item.affects)
        ]


@dataclass(frozen=True)
class Audited:
    """A line of audit.csv, and the cells ``(paper/artefact, row, column, metric)`` behind it."""

    row: Mapping[str, str]
    entry: AuditEntry | None

    @property
    def id(self) -> str:
        """E.g. ``dat.sngan_cifar10``."""
        return self.row["id"]

    @cached_property
    def places(self) -> list[tuple[str, ...]]:
        """The single cells that it names."""
        return [place for place in self._lists if len(place) == 4]

    @cached_property
    def artefacts(self) -> set[str]:
        """The artefacts (``paper/name``) whose numbers it names."""
        return {place[0] for place in self._lists}

    @cached_property
    def _lists(self) -> list[tuple[str, ...]]:
        """All lists in its expressions that begin with an artefact; names of rows have no such place."""
        found: list[tuple[str, ...]] = []

        def walk(value: Any) -> None:
            if isinstance(value, Mapping):
                for name, inner in value.items():
                    if name in ("cell", "std") and inner:
                        found.append(tuple(inner))
                    elif name == "artefacts":
                        found.extend((artefact,) for artefact in inner)
                    else:
                        walk(inner)
            elif isinstance(value, list | tuple):
                for inner in value:
                    walk(inner)

        if self.entry:
            walk(self.entry.model_dump())
        return found


def read_material(layout: Layout, papers: Papers) -> Material:
    """Read what the report of one profile shows.

    Args:
        layout: the profile's files, or those of its publication.
        papers: what the papers' folders say.

    Raises:
        ReproError: cells or artefacts are missing, or a file is damaged; names it.
    """
    root = layout.root
    stored, artefacts = read_stored(layout), read_artefacts(root / "artefacts.json")
    cells = tuple(as_printed(flagged(read_cells(layout.cells), stored.records), papers.reported))
    shown = {artefact.paper for artefact in artefacts.artefacts}
    if foreign := shown - papers.named.keys():
        raise ReproError(
            f"it holds artefacts of {', '.join(sorted(foreign))}, of which config/papers/ has no folder",
            remedy=REMEDY,
            where=root / "artefacts.json",
        )
    by_artefact: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_artefact[f"{cell.paper}/{cell.artefact}"].append(cell)
    runs = _runs(stored, cells)
    claims = {claim.id: claim for claim in papers.claims}
    seeds = numbers_by_seed(artefacts.artefacts, cells)
    audited = {entry.id: entry for entry in papers.audited}
    return Material(
        named=papers.named,
        artefacts=artefacts,
        cells=cells,
        claims=tuple(
            claim_page(row, claims.get(row["id"]), by_artefact, papers.rules, seeds)
            for row in _rows(root / "claims.csv", CLAIM_COLUMNS)
            if row["paper"] in shown
        ),
        audit=tuple(
            Audited(row, audited.get(row["id"]))
            for row in _rows(root / "audit.csv", AUDIT_COLUMNS)
            if row["paper"] in shown
        ),
        ledger=tuple(item for item in papers.ledger if item.paper in shown or item.paper not in papers.named),
        runs=runs,
        results=stored.results,
        planned=papers.planned(artefacts.profile),
    )


def _runs(stored: Stored, cells: tuple[Cell, ...]) -> dict[str, RunPage]:
    records, results, logs = stored
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
    reader = csv.DictReader(csv_lines(path, remedy=REMEDY))
    missing = [name for name in needed if name not in (reader.fieldnames or ())]
    if missing:
        raise ReproError(f"it lacks the column {missing[0]}", remedy=REMEDY, where=path, line=1)
    return tuple({name: plain(row[name] or "") for name in reader.fieldnames or ()} for row in reader)
