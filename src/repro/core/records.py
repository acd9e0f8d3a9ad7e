"""What a finished run's record (``run.json``) says, read without torch; ``train.record`` writes it."""

from __future__ import annotations

from typing import Any

from repro.core.errors import ReproError
from repro.core.files import read_json
from repro.core.paths import Layout

TRAIN_AGAIN = "delete the run's folder and run the same command again: the run is trained anew"


def read_record(layout: Layout, run_id: str) -> dict[str, Any]:
    """Return a run's record; nothing at all where the run is not finished.

    Raises:
        ReproError: it is damaged, or of another run than its folder.
    """
    path = layout.record(run_id)
    if not path.exists():
        return {}
    record = read_json(path, remedy=TRAIN_AGAIN)
    if not isinstance(record, dict) or record.get("run_id") != run_id:
        raise ReproError("the record is not of this run", remedy=TRAIN_AGAIN, where=path)
    return record
