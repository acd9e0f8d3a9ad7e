"""What a check of the results folder finds: problems, and facts worth a line that are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from repro.core.errors import ReproError

Value = TypeVar("Value")


@dataclass
class Findings:
    """Problems in the order of finding, notes, and how many files of each sort were looked at."""

    problems: list[ReproError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def problem(self, message: str, where: Path, remedy: str) -> None:
        """Note a problem with a file."""
        self.problems.append(ReproError(message, where=where, remedy=remedy))

    def attempt(self, check: Callable[[], Value]) -> Value | None:
        """Return what ``check`` returns; a ReproError becomes a problem, and the answer None."""
        try:
            return check()
        except ReproError as error:
            self.problems.append(error)
            return None

    def count(self, what: str) -> None:
        """Count one file or folder of a sort."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def as_json(self) -> dict[str, Any]:
        """Return all of it for programs; ``sound`` says that there is no problem."""
        problems = [error.as_json() for error in self.problems]
        return {"sound": not problems, "counts": self.counts, "notes": self.notes, "problems": problems}

    def settle(self) -> None:
        """Raise the first problem, which says how many more there are; return where there is none."""
        if not self.problems:
            return
        first, others = self.problems[0], len(self.problems) - 1
        more = f" ({others} more problem{'s' if others > 1 else ''} after this one)" if others else ""
        raise ReproError(first.message + more, where=first.where, line=first.line, remedy=first.remedy)
