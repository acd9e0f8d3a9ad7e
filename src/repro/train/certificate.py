"""What a resumed run shows for itself: the state that it took up, and its first steps against the log's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from repro.core.jsonl import Mark


class Certificate:
    """Of one resume: JSON values that are filled in as the first steps are done.

    ``state_sha256`` has the hashes of what the run then held, each equal to that of the checkpoint. Where the
    earlier process had logged further, ``repeated`` compares its next line with the one in its place.

    Args:
        step: number of steps done.
        checkpoint_sha256: the checkpoint that the run goes on from.
        state_sha256: hashes of the run's state after it was taken up.
        mark: where the log ended then.
        later: what the earlier process logged after the checkpoint; removed, for it comes again.
    """

    def __init__(
        self,
        *,
        step: int,
        checkpoint_sha256: str,
        state_sha256: Mapping[str, str],
        mark: Mark,
        later: Sequence[Mapping[str, Any]],
    ) -> None:
        self._later = later[0] if later else None
        self.content: dict[str, Any] = {
            "step": step,
            "checkpoint_sha256": checkpoint_sha256,
            "state_sha256": dict(state_sha256),
            "log": mark.model_dump(mode="json"),
            "repeated": None,
        }

    def logged(self, line: Mapping[str, Any]) -> None:
        """Compare a line of the log with the one in whose place it comes."""
        if self._later is None:
            return
        if line["step"] == self._later["step"]:
            before, again = _point(self._later), _point(line)
            self.content["repeated"] = {"before": before, "again": again, "equal": before == again}
        self._later = None


def _point(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return step and metrics of a line; a value that JSON has no number for is None."""
    values = {name: value if isfinite(value) else None for name, value in line.get("metrics", {}).items()}
    return {"step": line["step"], "metrics": values}
