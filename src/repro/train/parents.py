"""Runs that start from another run: order of training, and the parent's state."""

from __future__ import annotations

from collections.abc import Sequence

from repro.core import checkpoint
from repro.core.divergence import divergence_of
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.records import require_weights
from repro.core.spec import RunSpec
from repro.train.metric_means import DivergedError
from repro.train.record import finished


def load_parent(spec: RunSpec, layout: Layout) -> checkpoint.Loaded | None:
    """Return the last checkpoint of the run that ``spec`` starts from, None where it starts from nothing.

    Raises:
        DivergedError: its training diverged, so there is nothing to start from.
        ReproError: the parent is not finished, damaged, or not what its record says.
    """
    if spec.parent is None:
        return None
    inherited = divergence_of(layout, spec.parent)
    if inherited is not None:
        raise DivergedError(inherited.passed_on(spec.parent, "parent"))
    if finished(layout, spec.parent) is None:
        raise ReproError(
            f"run {spec.run_id} starts from run {spec.parent}, which is not finished",
            remedy=f"train {spec.parent} first (put both into one batch, or let snakemake order them)",
            where=layout.run(spec.parent),
        )
    require_weights(layout, spec.parent)
    return checkpoint.load(layout.checkpoint(spec.parent))


def parents_first(specs: Sequence[RunSpec]) -> list[RunSpec]:
    """Return the runs, each once, in the given order except that a parent comes before its children.

    A parent that is not among them is taken to be on disk. There are no cycles: a run's id depends on its
    parent's.
    """
    by_id = {spec.run_id: spec for spec in specs}
    ordered: dict[str, RunSpec] = {}

    def place(spec: RunSpec) -> None:
        if spec.run_id in ordered:
            return
        if spec.parent in by_id:
            place(by_id[spec.parent])
        ordered[spec.run_id] = spec

    for spec in by_id.values():
        place(spec)
    return list(ordered.values())
