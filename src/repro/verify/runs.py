"""Run folders against their records, checkpoints and the manifests of training."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.files import is_leftover
from repro.core.locks import LOCK_FILES
from repro.core.manifest import TRAIN_ANEW, check_members
from repro.core.paths import Layout
from repro.core.records import publication_of, read_record
from repro.core.spec import RunSpec
from repro.plan.batches import Batches
from repro.plan.plan import Plan
from repro.train.record import finished
from repro.verify.findings import Findings
from repro.verify.records import check_record

DELETE = "delete it, or move it elsewhere; nothing needs it"
_OWN = {"checkpoint.safetensors", "run.json", "metrics.jsonl", "published.json", "snapshots", *LOCK_FILES}


def check_runs(plan: Plan, batches: Batches, layout: Layout, found: Findings) -> None:
    """Check every run folder and every manifest of training."""
    for batch in batches.train.values():
        found.problems += check_members(layout, "train", batch.name, batch.members)
    folder = layout.root / "runs"
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_dir():
            found.attempt(partial(_check_run, plan, layout, path, found))
        else:
            found.problem("no rule made this file", path, DELETE)


def _check_run(plan: Plan, layout: Layout, folder: Path, found: Findings) -> None:
    """Check one run's folder."""
    run_id = folder.name
    for path in sorted(folder.iterdir()):
        if is_leftover(path):
            found.notes.append(f"left by a killed process, or being written: {path}")
        elif path.name not in _OWN:
            raise ReproError("no rule made this file", where=path, remedy=DELETE)
    record = finished(layout, run_id, plan.runs.get(run_id))
    if record is None:
        _check_unfinished(plan, layout, folder)
        found.notes.append(f"unfinished: {folder}")
        return
    if _run_id(record.get("spec")) != run_id:
        raise ReproError("the record is of another run than its folder", where=folder, remedy=TRAIN_ANEW)
    if (publication := publication_of(layout, run_id)) is not None:
        found.notes.append(f"of the publication {publication}, its weights could not be checked: {folder}")
    else:
        _check_snapshots(folder, record)
    check_record(layout, run_id, record, plan.config.settings.warnings)
    _check_parent(layout, record)
    if run_id in plan.runs:
        found.count("runs")
    else:
        found.notes.append(f"stale (of an older plan, may be deleted): {folder}")


def _check_parent(layout: Layout, record: dict[str, Any]) -> None:
    """Check that a run started from the parent that is on disk."""
    parent = record["spec"]["parent"]
    now = read_record(layout, parent).get("checkpoint_sha256") if parent else None
    if None not in (now, record["parent_sha256"]) and now != record["parent_sha256"]:
        raise ReproError(
            f"this run started from another training of {parent} than is on disk",
            where=layout.record(record["run_id"]),
            remedy=TRAIN_ANEW,
        )


def _check_unfinished(plan: Plan, layout: Layout, folder: Path) -> None:
    """Check that a folder without a record is of a run that was begun."""
    path = layout.checkpoint(folder.name)
    if path.is_file():
        spec = checkpoint.load(path).header.get("spec")
        if _run_id(spec) != folder.name:
            raise ReproError(
                "the checkpoint is of another run than its folder", where=path, remedy=TRAIN_ANEW
            )
    elif folder.name not in plan.runs:
        raise ReproError("no rule made this folder", where=folder, remedy=DELETE)


def _check_snapshots(folder: Path, record: dict[str, Any]) -> None:
    """Check that a run's snapshots are those that its record lists."""
    listed = {folder / entry["file"]: entry["sha256"] for entry in record.get("snapshots", [])}
    for path, sha256 in listed.items():
        if checkpoint.load(path).sha256 != sha256:
            raise ReproError(
                "this snapshot is not the one that the record lists", where=path, remedy=TRAIN_ANEW
            )
    for path in sorted((folder / "snapshots").glob("*")):
        if path not in listed and not is_leftover(path):
            raise ReproError("the record lists no such snapshot", where=path, remedy=DELETE)


def _run_id(spec: object) -> str | None:
    """Return the id of a recorded specification, None where it is none."""
    try:
        return RunSpec.model_validate(spec).run_id
    except ValidationError:
        return None
