"""A finished run's record against its checkpoint and its log, from which the loop wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from repro.core import checkpoint
from repro.core.divergence import FIELD
from repro.core.errors import ReproError
from repro.core.jsonl import read_lines
from repro.core.manifest import TRAIN_ANEW
from repro.core.paths import Layout
from repro.train.history import RunHistory


def check_record(layout: Layout, run_id: str, record: Mapping[str, Any]) -> None:
    """Check that a record says what checkpoint and log say; of a diverged run, what is certain of both.

    Raises:
        ReproError: it says something else; names the first such field.
    """
    lines = read_lines(layout.log(run_id))
    expected: dict[str, Any] = {"metrics": lines[-1]["metrics"] if lines else {}}
    path = layout.checkpoint(run_id)
    if path.is_file():
        loaded = checkpoint.load(path)
        expected |= {"parent_sha256": loaded.header["parent"], "data.fingerprint": loaded.header["data"]}
        expected["spec.seed"] = loaded.header["spec"]["seed"]
        if record[FIELD] is None:
            history = RunHistory.of(loaded, path)
            expected |= history.recorded() | {
                "steps": loaded.header["step"],
                "certificate.log": history.log.model_dump(),
                "certificate.resumed": history.resumed,
                "provenance.code": history.sessions[-1]["code"],
            }
    for name, value in expected.items():
        if _at(record, name) != value:
            raise ReproError(
                f"the record's {name} is not what the checkpoint and the log say",
                where=layout.record(run_id),
                remedy=TRAIN_ANEW,
            )
    missing = set(record["spec"]["stand_ins"]) - set(record["stand_ins"])
    if missing:
        raise ReproError(
            f"the record leaves out what stood in: {', '.join(sorted(missing))}",
            where=layout.record(run_id),
            remedy=TRAIN_ANEW,
        )


def _at(record: Mapping[str, Any], name: str) -> Any:
    """Return the value at a dotted name, None where there is none."""
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
