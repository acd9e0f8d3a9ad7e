"""CSV that a spreadsheet shows as it is: no text in it is taken for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from repro.core.errors import ReproError

_NUMBER = r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?"
_AS_IT_IS = re.compile(rf"{_NUMBER}( to {_NUMBER})?( ?%| [a-z% ]+)?", re.IGNORECASE)  # "-0.35 points" too
_BEGINS = re.compile(r"'*[=+@\-\t\r\n]")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV text; a text that a spreadsheet would compute gets an apostrophe in front."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_guarded(str(field)) for field in row] for row in rows)
    return text.getvalue()


def csv_lines(path: Path, *, remedy: str) -> list[str]:
    """Return the lines of a file for ``csv.reader``, with their ends.

    Raises:
        ReproError: it is not UTF-8; says ``remedy``.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return file.readlines()
    except UnicodeDecodeError as error:
        raise ReproError("the file is not UTF-8 text", remedy=remedy, where=path) from error


def plain(field: str) -> str:
    """Return a field as it was before ``csv_text`` wrote it."""
    return field[1:] if field.startswith("'") and _BEGINS.match(field) else field


def _guarded(field: str) -> str:
    return f"'{field}" if _BEGINS.match(field) and not _AS_IT_IS.fullmatch(field) else field
