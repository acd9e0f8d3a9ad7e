"""Runs, evaluations and logs of a profile, from its folder of results or from its published one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from repro.core.errors import ReproError
from repro.core.files import read_json
from repro.core.jsonl import read_lines
from repro.core.paths import Layout
from repro.core.records import read_record
from repro.jobs.publication import RUNS, Line, unpack

REMEDY = "delete the file and run Snakemake again"


class Stored(NamedTuple):
    """Records of runs and results of evaluations by their ids, and the lines of each run's log."""

    records: dict[str, Line]
    results: dict[str, Line]
    logs: Mapping[str, list[Line]]


def read_stored(layout: Layout) -> Stored:
    """Return what a profile's runs and evaluations left, sorted by their ids.

    Args:
        layout: the profile's files; where ``runs.jsonl`` lies among them they are those of a publication.

    Raises:
        ReproError: a file is damaged; names it.
    """
    if (layout.root / RUNS).is_file():
        return _packed(layout.root)
    names = [path.parent.name for path in sorted(layout.root.glob("runs/*/run.json"))]
    records = {name: _with_spec(read_record(layout, name), layout.record(name)) for name in names}
    found = sorted(layout.root.glob("evaluations/*.json"))
    results = {path.stem: _with_spec(read_json(path, remedy=REMEDY), path) for path in found}
    return Stored(records, results, {name: [*read_lines(layout.log(name))] for name in records})


def _packed(root: Path) -> Stored:
    logs: defaultdict[str, list[Line]] = defaultdict(list)
    for line in unpack(root / "logs.jsonl.gz"):
        logs[line["run_id"]].append({name: value for name, value in line.items() if name != "run_id"})
    return Stored(
        {line["run_id"]: line for line in unpack(root / RUNS)},
        {line["evaluation_id"]: line for line in unpack(root / "evaluations.jsonl")},
        logs,
    )


def _with_spec(record: object, path: Path) -> Line:
    if not isinstance(record, dict) or not isinstance(record.get("spec"), dict):
        raise ReproError("it has no `spec`", remedy=REMEDY, where=path)
    return record
