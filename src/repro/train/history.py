"""What a run has used and made so far; it travels in the checkpoint's notes, so neither is alone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from repro.core.checkpoint import Loaded
from repro.core.errors import ReproError
from repro.core.jsonl import Mark
from repro.core.manifest import TRAIN_ANEW
from repro.train.clock import TimeUsed
from repro.train.snapshots import Snapshot


class RunHistory(BaseModel):
    """What an unfinished run has used, and what it must find again when it goes on.

    ``sessions`` name first step, code, packages and device of each process that trained; ``resumed`` holds a
    certificate for each but the first (see ``train.certificate``); ``log`` is where the metrics log ended,
    ``checkpoint_sha256`` the content of the checkpoint that the history was written for. ``steps_taken``
    counts the steps that trained anything, fewer than all where it stopped early; None where that is unknown.
    """

    model_config = ConfigDict(extra="forbid")

    checkpoint_sha256: str = ""
    steps_taken: int | None = None
    seconds: float = 0.0
    device_seconds: float = 0.0
    attack_seconds: dict[str, float] = {}
    sessions: list[dict[str, Any]]
    resumed: list[dict[str, Any]] = []
    snapshots: list[Snapshot] = []
    log: Mark = Mark()

    @property
    def used(self) -> TimeUsed:
        """The time so far."""
        return TimeUsed(**self.model_dump(include=set(TimeUsed.model_fields)))

    @used.setter
    def used(self, time: TimeUsed) -> None:
        self.seconds, self.device_seconds = time.seconds, time.device_seconds
        self.attack_seconds = time.attack_seconds

    @classmethod
    def of(cls, loaded: Loaded, path: Path) -> RunHistory:
        """Return the history of a run that goes on from a checkpoint, read from ``path``.

        Raises:
            ReproError: the checkpoint has none, or holds something else than the run wrote into it.
        """
        try:
            history = cls.model_validate(loaded.notes)
        except ValidationError as error:
            message = "the checkpoint does not say what its run had made by then, so the run cannot go on"
            raise ReproError(message, remedy=TRAIN_ANEW, where=path) from error
        if history.checkpoint_sha256 != loaded.sha256 or not history.sessions:
            raise ReproError("the checkpoint is not as the run wrote it", remedy=TRAIN_ANEW, where=path)
        return history

    def notes(self, sha256: str) -> dict[str, Any]:
        """Return the history as the notes of the checkpoint with this content."""
        self.checkpoint_sha256 = sha256
        return self.model_dump(mode="json")

    def recorded(self) -> dict[str, Any]:
        """Return what the record of the finished run says of this."""
        return {
            "steps_taken": self.steps_taken,
            "seconds": round(self.seconds, 3),
            "device_seconds": round(self.device_seconds, 3),
            "attack_seconds": {name: round(seconds, 3) for name, seconds in self.attack_seconds.items()},
            "resumes": len(self.sessions) - 1,
            "sessions": self.sessions,
            "snapshots": [asdict(snapshot) for snapshot in self.snapshots],
        }
