"""What a run has used so far; kept beside its checkpoint, which then holds nothing but training state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from repro.core.errors import ReproError
from repro.core.files import atomic_write_json, read_json
from repro.train.snapshots import Snapshot

_REMEDY = "delete the run's folder and run the same command again: the run is trained anew"


class Book(BaseModel):
    """Seconds used, sessions (first step, code, device) and snapshots of an unfinished run.

    ``attack_seconds`` is the part of ``device_seconds`` that attacks took, split into network and kernel.
    """

    model_config = ConfigDict(extra="forbid")

    seconds: float = 0.0
    device_seconds: float = 0.0
    attack_seconds: dict[str, float] = {}
    sessions: list[dict[str, Any]] = []
    snapshots: list[Snapshot] = []

    @property
    def resumes(self) -> int:
        """How often the run was taken up again."""
        return max(0, len(self.sessions) - 1)

    @classmethod
    def read(cls, path: Path, *, step: int) -> Book:
        """Return the book of a run that goes on from ``step``, without the snapshots that will be made again.

        Raises:
            ReproError: the file is damaged.
        """
        if not path.exists():
            return cls()
        try:
            book = cls.model_validate(read_json(path, remedy=_REMEDY))
        except ValidationError as error:
            raise ReproError(f"{path.name} is damaged: {error}", remedy=_REMEDY, where=path) from error
        book.snapshots = [snapshot for snapshot in book.snapshots if snapshot.step <= step]
        return book

    def write(self, path: Path) -> None:
        """Write the book.

        Raises:
            ReproError: it cannot be written.
        """
        atomic_write_json(path, self.model_dump(mode="json"))
