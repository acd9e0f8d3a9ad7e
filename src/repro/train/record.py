"""The record of a finished run (``run.json``), and the check that its checkpoint is the one it speaks of."""

from __future__ import annotations

from typing import Any

from repro.core import checkpoint
from repro.core.divergence import FIELD, Divergence
from repro.core.errors import ReproError
from repro.core.failures import WARNINGS, failures
from repro.core.files import atomic_write_json
from repro.core.jsonl import mark_of, read_lines
from repro.core.manifest import TRAIN_ANEW
from repro.core.paths import Layout
from repro.core.provenance import provenance
from repro.core.records import publication_of, read_record, stood_in
from repro.core.spec import INTRINSIC, RunSpec, stand_ins_in_order
from repro.train.loop import Run
from repro.train.state import part_hashes

CERTIFICATE = "certificate"


def write_record(run: Run, diverged: Divergence | None = None) -> dict[str, Any]:
    """Write ``run.json``, the last file of a run, and return its content.

    Args:
        run: one that has taken its last step.
        diverged: how its training went wrong, or its parent's; None where it did not.
    """
    spec, layout, data, history = run.spec, run.layout, run.state.method.data, run.history
    lines = read_lines(layout.log(spec.run_id))
    validation, parent = run.state.method.validation, read_record(layout, spec.parent) if spec.parent else {}
    stand_ins = {*(INTRINSIC & {*spec.stand_ins}), *data.stand_ins, *stood_in(parent)}
    stand_ins.update(validation.stand_ins if validation else ())
    record = {
        "run_id": spec.run_id,
        "spec": spec.model_dump(mode="json"),
        "steps": diverged.step if diverged else spec.steps,
        FIELD: None if diverged is None else diverged.model_dump(mode="json"),
        "metrics": lines[-1]["metrics"] if lines else {},
        WARNINGS: failures(lines, run.settings.failures),
        "stand_ins": list(stand_ins_in_order(stand_ins)),
        "checkpoint_sha256": run.sha256,
        "parent_sha256": run.header["parent"],
        "data": data.facts.model_dump(mode="json"),
        "validation": validation.facts.model_dump(mode="json") if validation else None,
        **history.recorded(),
        CERTIFICATE: {
            "state_sha256": None if diverged else part_hashes(run.state.state_dict()),
            "log": _log_mark(layout, spec.run_id),
            "resumed": history.resumed,
        },
        "provenance": {**provenance(run.device), "code": history.sessions[-1]["code"]},
    }
    atomic_write_json(layout.record(spec.run_id), record)
    return record


def finished(layout: Layout, run_id: str, spec: RunSpec | None = None) -> dict[str, Any] | None:
    """Return the record of a run if it is finished, else None. One that diverged is finished as well.

    So is one of a publication, of which record and log are all there is.

    Args:
        layout: where the run lies.
        run_id: which run.
        spec: if given, the run must have been made from it.

    Raises:
        ReproError: record or checkpoint is damaged; checkpoint, log or a snapshot is gone, or is not the one
            that the record was written for; so results that no rule made are not taken for a run's.
    """
    path, record = layout.record(run_id), read_record(layout, run_id)
    if not record:
        return None
    published = publication_of(layout, run_id) is not None
    _check_beside(layout, run_id, record, snapshots=not published)
    if not layout.checkpoint(run_id).is_file():
        if published or (record.get(FIELD) is not None and record.get("checkpoint_sha256") is None):
            if spec is not None:
                checkpoint.require_same_run({"spec": record.get("spec")}, spec, path)
            return record  # else it diverged before its first checkpoint
        raise ReproError(
            f"run {run_id} has a record but no checkpoint",
            remedy=TRAIN_ANEW,
            where=layout.checkpoint(run_id),
        )
    loaded = checkpoint.load(layout.checkpoint(run_id))
    if loaded.sha256 != record.get("checkpoint_sha256"):
        raise ReproError(
            f"the checkpoint of run {run_id} is not the one that its record speaks of",
            remedy=TRAIN_ANEW,
            where=layout.checkpoint(run_id),
        )
    if spec is not None:
        checkpoint.require_same_run({"spec": record.get("spec")}, spec, path)
        checkpoint.require_same_run(loaded.header, spec, layout.checkpoint(run_id))
    return record


def _check_beside(layout: Layout, run_id: str, record: dict[str, Any], *, snapshots: bool) -> None:
    """Check that a finished run's log is as it was, and with ``snapshots`` that these are there."""
    log = layout.log(run_id)
    if record.get(CERTIFICATE, {}).get("log") != _log_mark(layout, run_id):
        raise ReproError(f"{log.name} is not as the training wrote it", remedy=TRAIN_ANEW, where=log)
    for entry in record.get("snapshots", []) if snapshots else ():
        if not (layout.run(run_id) / entry["file"]).is_file():
            raise ReproError(
                f"the snapshot of step {entry['step']} is gone",
                remedy=TRAIN_ANEW,
                where=layout.run(run_id) / entry["file"],
            )


def _log_mark(layout: Layout, run_id: str) -> dict[str, Any]:
    """Return the mark at the end of a run's log (see ``core.jsonl``)."""
    path = layout.log(run_id)
    return mark_of(path.read_bytes() if path.is_file() else b"").model_dump()


def record_line(record: dict[str, Any]) -> str:
    """Return a record's main facts in one line of text, for the end of a run."""
    if record[FIELD] is not None:
        found = Divergence.model_validate(record[FIELD])
        steps = record["spec"]["steps"]
        return f"{record['run_id']}: diverged at step {found.step} of {steps}, {found.reason}"
    warnings = "".join(f"; WARNING, {flag}: {text}" for flag, text in record[WARNINGS].items())
    metrics = "".join(f", {name} {value:.4g}" for name, value in record["metrics"].items())
    steps = record["steps"] if record["steps_taken"] is None else record["steps_taken"]
    early = f" of at most {record['steps']}" if steps < record["steps"] else ""
    return f"{record['run_id']}: {steps}{early} steps in {record['seconds']:.1f} s{metrics}{warnings}"
