"""The one error that users see: what is wrong, where, and what to do about it."""

from __future__ import annotations

from pathlib import Path


class ReproError(Exception):
    """A problem that the user can mend.

    Args:
        message: what is wrong, in one sentence.
        remedy: what to do about it, in one sentence.
        where: the file (or other place) that is at fault.
        line: the line in that file, counted from 1.
    """

    def __init__(
        self, message: str, *, remedy: str, where: str | Path | None = None, line: int | None = None
    ):
        self.message = message
        self.remedy = remedy
        self.where = None if where is None else str(where)
        self.line = line
        super().__init__(str(self))

    def as_json(self) -> dict[str, str | int | None]:
        """Return its parts for programs."""
        return {"message": self.message, "where": self.where, "line": self.line, "remedy": self.remedy}

    def __str__(self) -> str:
        lines = [self.message]
        if self.where is not None:
            lines.append(f"  where:  {self.where}" + (f", line {self.line}" if self.line else ""))
        lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)
