"""Runs, evaluations and logs of a profile, from its folder of results or from its published one."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from repro.core.errors import ReproError
from repro.core.files import read_json
from repro.core.jsonl import read_lines
from repro.core.paths import Layout

REMEDY = "delete the file and run Snakemake again"
Line = Mapping[str, Any]


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
    if (layout.root / "runs.jsonl").is_file():
        return _packed(layout.root)
    records = {path.parent.name: _record(path) for path in sorted(layout.root.glob("runs/*/run.json"))}
    results = {path.stem: _record(path) for path in sorted(layout.root.glob("evaluations/*.json"))}
    return Stored(records, results, {name: [*read_lines(layout.log(name))] for name in records})


def _packed(root: Path) -> Stored:
    logs: defaultdict[str, list[Line]] = defaultdict(list)
    for line in unpack(root / "logs.jsonl.gz"):
        logs[line["run_id"]].append({name: value for name, value in line.items() if name != "run_id"})
    return Stored(
        {line["run_id"]: line for line in unpack(root / "runs.jsonl")},
        {line["evaluation_id"]: line for line in unpack(root / "evaluations.jsonl")},
        logs,
    )


def unpack(path: Path) -> Iterator[Line]:
    """Yield the lines of a publication's file; a ReproError where it is damaged."""
    try:
        content = path.read_bytes()
        text = gzip.decompress(content) if path.suffix == ".gz" else content
        yield from [json.loads(line) for line in text.splitlines()]
    except (OSError, ValueError, EOFError) as error:
        raise ReproError(f"it cannot be read: {error}", remedy="restore it from git", where=path) from error


def _record(path: Path) -> Line:
    record = read_json(path, remedy=REMEDY)
    if not isinstance(record, dict) or not isinstance(record.get("spec"), dict):
        raise ReproError("it has no `spec`", remedy=REMEDY, where=path)
    return record
