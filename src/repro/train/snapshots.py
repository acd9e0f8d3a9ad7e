"""Snapshots: the weights at evenly spaced steps, evaluated after training for curves over steps."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from repro.core import checkpoint
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.methods.base import Method


@dataclass(frozen=True)
class Snapshot:
    """One snapshot: the number of steps done, the file's name in the run's folder, its content's sha256."""

    step: int
    file: str
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


def snapshot_steps(steps: int, count: int) -> tuple[int, ...]:
    """Return after how many steps snapshots are made: ``count`` of them, evenly spaced, the last at the end.

    With fewer steps than snapshots every step has one.
    """
    return tuple(sorted({max(1, round(steps * i / count)) for i in range(1, count + 1)}))


def save_snapshot(method: Method, spec: RunSpec, layout: Layout, step: int) -> Snapshot:
    """Write the weights after ``step`` steps; training state is only read.

    Raises:
        ReproError: the file cannot be written.
    """
    path = layout.snapshot(spec.run_id, step)
    header = {"kind": "snapshot", "spec": spec.model_dump(mode="json"), "step": step}
    sha256 = checkpoint.save(path, method.snapshot_state(), header)
    return Snapshot(step, str(path.relative_to(layout.run(spec.run_id))), sha256)
