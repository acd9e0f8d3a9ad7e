"""Evaluations of trainings that diverged: a result without values that says what happened."""

from __future__ import annotations

from repro.core.divergence import Divergence, divergence_of
from repro.core.paths import Layout
from repro.core.provenance import provenance
from repro.core.records import read_record, stood_in
from repro.core.spec import EvaluationSpec, stand_ins_in_order
from repro.evaluate.context import Shared
from repro.evaluate.result import (
    Result,
    is_current,
    picture_hashes,
    pictures_folder,
    read_result,
    write_result,
)


def divergence_behind(spec: EvaluationSpec, layout: Layout) -> Divergence | None:
    """Return how the training of the measured run or of its surrogate diverged; None if neither did.

    Raises:
        ReproError: a record is damaged.
    """
    own = divergence_of(layout, spec.run)
    if own is not None or spec.surrogate is None:
        return own
    other = divergence_of(layout, spec.surrogate)
    return None if other is None else other.passed_on(spec.surrogate, "surrogate")


def note_divergence(spec: EvaluationSpec, diverged: Divergence, shared: Shared) -> Result:
    """Return the result that says so, written now unless it is on disk already.

    It names the run's last good checkpoint where there is one, and has neither values nor pictures.

    Raises:
        ReproError: a result on disk that no measurement wrote.
    """
    layout = shared.layout
    path = layout.evaluation(spec.evaluation_id)
    record = read_record(layout, spec.run)
    sha256 = record.get("checkpoint_sha256")
    found = read_result(path)
    if (
        found is not None
        and found.diverged == diverged
        and is_current(found, spec, layout, checkpoint_sha256=sha256, extractor_sha256=None)
    ):
        return found
    folder = pictures_folder(layout, spec)
    for old in picture_hashes(folder):
        (folder / old).unlink()
    result = Result(
        spec=spec,
        values={},
        diverged=diverged,
        stand_ins=stand_ins_in_order([*spec.stand_ins, *stood_in(record)]),
        seconds=0.0,
        device=str(shared.device),
        provenance=provenance(shared.device),
        checkpoint_sha256=sha256,
        extractor_sha256=None,
        threat_model=None,
        pictures=(),
        pictures_sha256=(),
    )
    write_result(path, result)
    return result
