"""The metrics log of a run: one JSON object a line, in the order of the steps, also over interruptions."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from repro.core.errors import ReproError
from repro.core.files import cannot_write, replacing
from repro.core.manifest import TRAIN_ANEW
from repro.core.spec import Frozen

_REMEDY = "put the log back as the training wrote it, or " + TRAIN_ANEW


class Mark(Frozen):
    """A log up to one of its lines: the number of bytes, and their sha256."""

    size: int = Field(default=0, ge=0)
    sha256: str = hashlib.sha256().hexdigest()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the log's lines; a last line that a killed process left half-written is left out.

    Raises:
        ReproError: another line is damaged; names it.
    """
    lines, damaged = _parse(_content(path))
    if damaged is not None:
        raise ReproError(f"{path.name} is damaged", remedy=_REMEDY, where=path, line=damaged)
    return lines


def lines_after(path: Path, mark: Mark) -> list[dict[str, Any]]:
    """Return a log's lines after ``mark``, up to a damaged one.

    Raises:
        ReproError: the log up to there is gone or is not as it was written.
    """
    content = _content(path)
    if mark_of(content[: mark.size]) != mark:
        raise ReproError(
            f"{path.name} is not as it was when the checkpoint was written ({mark.size} bytes then, "
            f"{len(content)} now)",
            remedy=_REMEDY,
            where=path,
        )
    return _parse(content[mark.size :])[0]


def mark_of(content: bytes) -> Mark:
    """Return the mark at the end of a log with this content."""
    return Mark(size=len(content), sha256=hashlib.sha256(content).hexdigest())


class StepLog:
    """An append-only log of lines that hold a ``step``.

    Args:
        path: the file.
        keep: up to where it is kept; later lines are removed, they will come again.

    Raises:
        ReproError: what is to be kept is not there, or the file cannot be written.
    """

    def __init__(self, path: Path, *, keep: Mark | None = None) -> None:
        keep = keep or Mark()
        lines_after(path, keep)
        self.path = path
        content = _content(path)[: keep.size]
        with replacing(path) as temporary:
            temporary.write_bytes(content)
        self._size, self._hash = len(content), hashlib.sha256(content)
        self._file = path.open("ab", buffering=0)  # what a full disk refused is not tried again in closing

    @property
    def mark(self) -> Mark:
        """Return the mark at the log's present end."""
        return Mark(size=self._size, sha256=self._hash.hexdigest())

    def write(self, line: dict[str, Any]) -> None:
        """Append one line, at once.

        Raises:
            ReproError: the disk is full.
            ValueError: a value is not a number (JSON has none such).
        """
        content = (json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n").encode()
        left = memoryview(content)
        try:
            while left:  # a disk that fills up takes a part
                left = left[self._file.write(left) :]
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self._size += len(content)
        self._hash.update(content)

    def sync(self) -> None:
        """Bring all lines to the disk: a checkpoint that vouches for them must not outlive them."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ReproError(f"{path.name} cannot be read: {error}", remedy=_REMEDY, where=path) from error


def _parse(content: bytes) -> tuple[list[dict[str, Any]], int | None]:
    """Return the lines up to the first damaged one, and that one's number, counted from 1."""
    whole, _, _ = content.rpartition(b"\n")  # what follows the last line end was never finished
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(whole.split(b"\n") if whole else [], start=1):
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict) or type(line.get("step")) is not int:
            return lines, number
        lines.append(line)
    return lines, None
