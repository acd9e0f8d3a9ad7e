"""Snapshots: the weights at evenly spaced steps, evaluated after training for curves over steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.manifest import TRAIN_ANEW
from repro.core.paths import Layout
from repro.core.spec import RunSpec, snapshot_steps
from repro.methods.base import Method


@dataclass(frozen=True)
class Snapshot:
    """One snapshot: the number of steps done, the file's name in the run's folder, its content's sha256."""

    step: int
    file: str
    sha256: str


def save_snapshot(method: Method, spec: RunSpec, layout: Layout, step: int) -> Snapshot:
    """Write the weights after ``step`` steps; training state is only read.

    Raises:
        ReproError: the file cannot be written.
    """
    path = layout.snapshot(spec.run_id, step)
    header = {"kind": "snapshot", "spec": spec.model_dump(mode="json"), "step": step}
    sha256 = checkpoint.save(path, method.snapshot_state(), header)
    return Snapshot(step, str(path.relative_to(layout.run(spec.run_id))), sha256)


def check_snapshots(listed: Sequence[Snapshot], spec: RunSpec, layout: Layout, step: int) -> None:
    """Check that a run has the snapshots that it must have made up to ``step``, and as it made them.

    Raises:
        ReproError: one is missing, damaged or not the one that was made; names it.
    """
    remedy = "put it back, or " + TRAIN_ANEW
    made = {snapshot.step: snapshot for snapshot in listed}
    for wanted in [s for s in snapshot_steps(spec.steps, spec.snapshots) if s <= step]:
        path = layout.snapshot(spec.run_id, wanted)
        if not path.is_file():
            raise ReproError(f"the snapshot of step {wanted} is gone", remedy=remedy, where=path)
        if wanted not in made or checkpoint.load(path).sha256 != made[wanted].sha256:
            raise ReproError("this snapshot is not the one that the run made", remedy=remedy, where=path)
