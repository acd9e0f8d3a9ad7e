"""How far a profile is: what is trained, measured and drawn, what was begun, and the cells by verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from repro.compose.drawn import read_entry
from repro.core.jsonl import read_lines
from repro.core.paths import Layout
from repro.core.records import read_record
from repro.judge.artefacts import Artefact
from repro.judge.cells import read_cells
from repro.plan.plan import Plan


@dataclass(frozen=True)
class Progress:
    """Done and planned; what only searches ask for is left out."""

    done: int
    planned: int

    def __str__(self) -> str:
        return f"{self.done:,} of {self.planned:,}"


@dataclass(frozen=True)
class Status:
    """``begun`` maps an unfinished run to its step and its last; ``diverged`` are runs.

    ``cells`` counts verdicts by paper, ``settings`` those of artefacts that list settings.
    """

    profile: str
    runs: Progress
    evaluations: Progress
    artefacts: Progress
    begun: dict[str, tuple[int, int]]
    diverged: tuple[str, ...]
    cells: dict[str, Counter[str]]
    settings: dict[str, Counter[str]]

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        progress = {name: vars(getattr(self, name)) for name in ("runs", "evaluations", "artefacts")}
        begun = {run: {"step": step, "of": steps} for run, (step, steps) in self.begun.items()}
        return {**vars(self), **progress, "begun": begun, "diverged": list(self.diverged)}


def status_of(plan: Plan, layout: Layout) -> Status:
    """Look at what is on disk; nothing is hashed (`repro verify` does).

    Raises:
        ReproError: a file is damaged.
    """
    runs = [run for run in plan.runs if run not in plan.only_searched]
    evaluations = [name for name in plan.evaluations if name not in plan.only_searched]
    records = {run: read_record(layout, run) for run in runs}
    begun = {
        run: (_last_step(layout, run), plan.runs[run].steps)
        for run, record in records.items()
        if not record and (layout.log(run).is_file() or layout.checkpoint(run).is_file())
    }
    entries = [read_entry(layout, name) for name in plan.cells if layout.entry(name).is_file()]
    return Status(
        profile=layout.profile,
        runs=Progress(sum(map(bool, records.values())), len(runs)),
        evaluations=Progress(
            sum(layout.evaluation(name).is_file() for name in evaluations), len(evaluations)
        ),
        artefacts=Progress(len(entries), len(plan.cells)),
        begun=begun,
        diverged=tuple(run for run, record in records.items() if record.get("diverged")),
        cells=_verdicts(layout, [entry for entry in entries if entry.kind != "settings"]),
        settings=_verdicts(layout, [entry for entry in entries if entry.kind == "settings"]),
    )


def _last_step(layout: Layout, run_id: str) -> int:
    lines = read_lines(layout.log(run_id)) if layout.log(run_id).is_file() else []
    return int(lines[-1]["step"]) if lines else 0


def _verdicts(layout: Layout, entries: list[Artefact]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for entry in entries:
        cells = read_cells(layout.entry(entry.id).with_suffix(".csv"))
        found.setdefault(entry.paper, Counter()).update(cell.verdict for cell in cells)
    return found
