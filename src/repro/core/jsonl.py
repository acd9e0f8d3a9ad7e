"""The metrics log of a run: one JSON object a line, in the order of the steps, also over interruptions."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from repro.core.files import atomic_write_text, cannot_write


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the log's lines; a last line that a killed process left half-written is left out."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            break  # nothing after a damaged line can be trusted
        if not isinstance(line, dict) or not isinstance(line.get("step"), int):
            break
        lines.append(line)
    return lines


class StepLog:
    """An append-only log of lines that hold a ``step``.

    Args:
        path: the file.
        after: the step that training goes on from; later lines are removed, they will come again.

    Raises:
        ReproError: the file cannot be written.
    """

    def __init__(self, path: Path, *, after: int = 0) -> None:
        self.path = path
        kept = [line for line in read_lines(path) if line["step"] <= after]
        atomic_write_text(path, "".join(_text(line) for line in kept))
        self._file = path.open("a", encoding="utf-8", newline="\n")

    def write(self, line: dict[str, Any]) -> None:
        """Append one line and flush it.

        Raises:
            ReproError: the disk is full.
            ValueError: a value is not a number (JSON has none such).
        """
        text = _text(line)
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n"
