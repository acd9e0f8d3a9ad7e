"""A finished run's record against its checkpoint and its log, from which the loop wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from repro.core import checkpoint
from repro.core.divergence import FIELD, Divergence, divergence_of
from repro.core.errors import ReproError
from repro.core.failures import WARNINGS, FailureRules, failures
from repro.core.jsonl import read_lines
from repro.core.manifest import TRAIN_ANEW
from repro.core.paths import Layout
from repro.core.records import read_record
from repro.core.spec import INTRINSIC
from repro.train.history import RunHistory

RULES_BACK = "put `warnings` in config/config.yaml back as it was when the run was trained; or else "


def check_record(layout: Layout, run_id: str, record: Mapping[str, Any], rules: FailureRules) -> None:
    """Check that a record says what checkpoint and log say; of a diverged run, what is certain of both.

    Args:
        layout: where the run lies.
        run_id: which run.
        record: what its ``run.json`` holds.
        rules: those by which the log tells that the training went wrong.

    Raises:
        ReproError: it says something else; names the first such field.
    """
    lines = read_lines(layout.log(run_id))
    expected: dict[str, Any] = {"metrics": lines[-1]["metrics"] if lines else {}}
    path, reached = layout.checkpoint(run_id), 0
    diverged = divergence_of(layout, run_id)
    if path.is_file():
        loaded = checkpoint.load(path)
        reached = loaded.header["step"]
        expected |= {"parent_sha256": loaded.header["parent"], "data.fingerprint": loaded.header["data"]}
        expected["spec.seed"] = loaded.header["spec"]["seed"]
        if "validation" in loaded.header:  # older ones do not say
            expected["validation.fingerprint"] = loaded.header["validation"]
        if diverged is None:
            history = RunHistory.of(loaded, path)
            expected |= history.recorded() | {
                "steps": reached,
                "spec.steps": reached,
                "certificate.log": history.log.model_dump(),
                "certificate.resumed": history.resumed,
                "provenance.code": history.sessions[-1]["code"],
            }
    if diverged is not None:
        expected["steps"] = diverged.step
        if not _can_have_diverged(layout, record, diverged, reached, lines):
            raise _other(layout, run_id, FIELD, TRAIN_ANEW)
    for name, value in expected.items():
        if _at(record, name) != value:
            raise _other(layout, run_id, name, TRAIN_ANEW)
    if (record.get(WARNINGS) or {}) != failures(lines, rules):
        raise _other(layout, run_id, WARNINGS, RULES_BACK + TRAIN_ANEW)
    missing = INTRINSIC & set(record["spec"]["stand_ins"]) - set(record["stand_ins"])
    if missing:
        raise ReproError(
            f"the record leaves out what stood in: {', '.join(sorted(missing))}",
            where=layout.record(run_id),
            remedy=TRAIN_ANEW,
        )


def _can_have_diverged(
    layout: Layout,
    record: Mapping[str, Any],
    diverged: Divergence,
    reached: int,
    lines: Sequence[Mapping[str, Any]],
) -> bool:
    """Tell whether a run can have diverged as its record says.

    Either its parent did, or it did itself after its last checkpoint, which is of step ``reached`` (0 for
    none), and before its log went on.
    """
    parent = record["spec"]["parent"]
    if diverged.quantity == "parent":
        behind = divergence_of(layout, parent) if parent else None
        gone = bool(parent) and not read_record(layout, parent)
        return gone or (behind is not None and behind.passed_on(parent, "parent") == diverged)
    logged = lines[-1]["step"] if lines else 0
    end = record["spec"]["steps"]
    return diverged.last_good_step == reached < diverged.step <= end and logged <= diverged.step


def _other(layout: Layout, run_id: str, field: str, remedy: str) -> ReproError:
    message = f"the record's {field} is not what the checkpoint and the log say"
    return ReproError(message, where=layout.record(run_id), remedy=remedy)


def _at(record: Mapping[str, Any], name: str) -> Any:
    """Return the value at a dotted name, None where there is none."""
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
