"""Numbers that others publish for the same cells: reads ``other_reported.csv``.

They are shown beside the paper's, under their source's name, and no verdict rests on them.
"""

from __future__ import annotations

import csv
from pathlib import Path

from pydantic import ValidationError

from repro.core.errors import ReproError
from repro.judge.artefacts import Other

COLUMNS = ("source", "paper", "artefact", "row", "column", "metric", "value", "std")


def read_others(path: Path, paper: str) -> dict[str, tuple[Other, ...]]:
    """Return the numbers by artefact (e.g. ``table2``), in the file's order; none where there is no file.

    Raises:
        ReproError: the file has other columns, a line of the wrong length, another paper's number, something
            that is no finite number, a negative deviation, or one place twice under one source; the line is
            named.
    """
    if not path.is_file():
        return {}
    rows = csv.reader(path.read_text(encoding="utf-8-sig").splitlines())
    if tuple(next(rows, ())) != COLUMNS:
        raise _wrong("the first line does not name the columns", f"make it: {','.join(COLUMNS)}", path, 1)
    found: dict[str, dict[tuple[str, ...], Other]] = {}
    for row in rows:
        line = rows.line_num
        if len(row) != len(COLUMNS):
            count = f"this line has {len(row)} fields instead of {len(COLUMNS)}"
            raise _wrong(count, "quote a text that holds a comma", path, line)
        fields: dict[str, object] = dict(zip(COLUMNS, row, strict=True))
        if (named := fields.pop("paper")) != paper:
            remedy = f"write {paper}, or move the line to that paper's own folder"
            raise _wrong(f"the paper {named!r} is not this file's", remedy, path, line)
        artefact = found.setdefault(str(fields.pop("artefact")), {})
        try:
            other = Other.model_validate({**fields, "std": fields["std"] or None})
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise _wrong(
                f"{name}: {first['msg']}", "type the number as its source has it", path, line
            ) from None
        place = (other.source, other.row, other.column, other.metric)
        if place in artefact:
            raise _wrong(f"{', '.join(place)} is given twice", "remove one of the two lines", path, line)
        artefact[place] = other
    return {name: tuple(others.values()) for name, others in found.items()}


def _wrong(message: str, remedy: str, path: Path, line: int) -> ReproError:
    return ReproError(message, remedy=remedy, where=path, line=line)
