"""Small runs, for tests of whatever a run goes through."""

from __future__ import annotations

from typing import Any

from repro.core.spec import RunSpec


def small_run(method: str = "gan", **fields: Any) -> RunSpec:
    """Return a run on synthetic CIFAR-10; ``fields`` are its own, as of ``RunSpec``."""
    usual = {"recipe": "tiny", "dataset": "cifar10", "source": "synthetic", "seed": 0, "steps": 6}
    return RunSpec(method=method, **{**usual, "batch_size": 8, **fields})
