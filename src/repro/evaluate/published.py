"""Results that came with a publication: they hold for its runs, whose weights are not here to be hashed."""

from __future__ import annotations

from repro.core.paths import Layout
from repro.core.records import publication_of, read_record
from repro.core.spec import EvaluationSpec
from repro.evaluate.context import Context
from repro.evaluate.extractor import DINOV2, INCEPTION
from repro.evaluate.result import Result, is_current, read_result


def published_result(spec: EvaluationSpec, context: Context) -> Result | None:
    """Return the result of an evaluation with a network that is of a publication, where there is one.

    It holds if it is of the checkpoints that the runs' records name, and of the images of the data root; its
    pictures are not published. None where it does not hold, which leads to the error for missing weights, and
    where all weights are here.

    Raises:
        ReproError: the result, or a run's record, is damaged.
    """
    layout, networks = context.shared.layout, (spec.run, spec.extractor, spec.surrogate)
    if not any(name is not None and publication_of(layout, name) is not None for name in networks):
        return None
    found = read_result(layout.evaluation(spec.evaluation_id))
    if found is None:
        return None
    public = spec.extractor in (INCEPTION, DINOV2)
    holds = is_current(
        found,
        spec,
        layout,
        checkpoint_sha256=_recorded(layout, spec.run),
        extractor_sha256=found.extractor_sha256 if public else _recorded(layout, spec.extractor),
        surrogate_sha256=_recorded(layout, spec.surrogate),
        pictures=False,
    )
    return found if holds and not context.has_changed(found.data) else None


def _recorded(layout: Layout, run_id: str | None) -> str | None:
    """Return the hash of a run's checkpoint as its record has it; None of no run."""
    return read_record(layout, run_id).get("checkpoint_sha256") if run_id is not None else None
