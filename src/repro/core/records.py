"""What a finished run's record (``run.json``) says, read without torch; ``train.record`` writes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from repro.core.errors import ReproError
from repro.core.files import read_json, read_model
from repro.core.manifest import TRAIN_ANEW
from repro.core.paths import Layout
from repro.core.spec import INTRINSIC, RunSpec, StandIn


def read_record(layout: Layout, run_id: str) -> dict[str, Any]:
    """Return a run's record; nothing at all where the run is not finished.

    Raises:
        ReproError: it is damaged, or of another run than its folder.
    """
    path = layout.record(run_id)
    if not path.exists():
        return {}
    record = read_json(path, remedy=TRAIN_ANEW)
    if not isinstance(record, dict) or record.get("run_id") != run_id:
        raise ReproError("the record is not of this run", remedy=TRAIN_ANEW, where=path)
    return record


def publication_of(layout: Layout, run_id: str) -> str | None:
    """Return which publication a run is of whose weights are not here; None where they are or should be.

    Raises:
        ReproError: the file that names it is damaged.
    """
    path = layout.published(run_id)
    if layout.checkpoint(run_id).exists() or not path.exists():
        return None
    return read_model(path, str, remedy=TRAIN_ANEW)


def require_weights(layout: Layout, run_id: str) -> None:
    """Check that a run is not one of a publication, which holds no weights.

    Raises:
        ReproError: it is; nothing can be measured of it here, nor start from it.
    """
    if (publication := publication_of(layout, run_id)) is not None:
        raise ReproError(
            f"run {run_id} is of the publication {publication}, which holds no weights",
            remedy="measure where its weights are and merge those results, or " + TRAIN_ANEW,
            where=layout.run(run_id),
        )


def stood_in(record: Mapping[str, Any]) -> frozenset[StandIn]:
    """Return what stood in for the real thing in a run's data and networks; older records hold more."""
    return INTRINSIC & {*record.get("stand_ins", ())}


def mixed_code(run_ids: Iterable[str], record_of: Callable[[str], Mapping[str, Any]]) -> bool:
    """Return whether runs that differ in their seeds alone were trained by different code.

    Runs that they start from count as well, and so do the sessions of one run. A session tells its code by
    the hash over it, in older records by the commit.

    Args:
        run_ids: the runs.
        record_of: returns a run's record; one without sessions tells nothing.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    waiting = list(run_ids)
    while waiting:
        record = record_of(waiting.pop())
        if record.get("sessions"):
            spec = RunSpec.model_validate(record["spec"])
            found[spec.training] |= {_code(session) for session in record["sessions"]}
            waiting += [spec.parent] if spec.parent else []
    return any(len(codes) > 1 for codes in found.values())


def _code(session: Mapping[str, Any]) -> str:
    return str(session.get("training_code", {}).get("source") or session["code"]["commit"])
