"""The numbers that the papers print: reads ``reported.csv``, keeping each number's decimals."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

from repro.core.errors import ReproError

COLUMNS = ("paper", "artefact", "row", "column", "metric", "value", "std")


class Place(NamedTuple):
    """Where a number is printed; ``row`` and ``column`` are worded as in the paper."""

    paper: str
    artefact: str
    row: str
    column: str
    metric: str


@dataclass(frozen=True)
class Printed:
    """One printed number with its deviation, or None where the paper prints none; decimals are kept."""

    value: Decimal
    std: Decimal | None


Reported = dict[Place, Printed]


def read_reported(path: Path, paper: str) -> Reported:
    """Return every printed number of a paper by its place, in the file's order.

    Raises:
        ReproError: the file is missing, is not UTF-8, or has other columns, a row of the wrong length or of
            another paper, something that is no finite number, a negative deviation, or one place twice; the
            line is named.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise ReproError(
            "The file of reported numbers is missing.", remedy="Restore it from git.", where=path
        ) from None
    except UnicodeDecodeError as error:
        raise ReproError("The file is not UTF-8 text.", remedy="Save it as UTF-8.", where=path) from error
    rows = csv.reader(lines)
    if tuple(next(rows, ())) != COLUMNS:
        raise ReproError(
            "The first line does not name the columns.",
            remedy=f"Make it: {','.join(COLUMNS)}",
            where=path,
            line=1,
        )
    reported: Reported = {}
    for row in rows:
        line = rows.line_num
        if len(row) != len(COLUMNS):
            raise ReproError(
                f"This line has {len(row)} fields instead of {len(COLUMNS)}.",
                remedy="Quote a text that holds a comma; end a line without std with a comma.",
                where=path,
                line=line,
            )
        place = Place(*row[:5])
        if place.paper != paper:
            raise ReproError(
                f"the paper {place.paper!r} is not this file's",
                remedy=f"write {paper}, or move the line to that paper's own folder",
                where=path,
                line=line,
            )
        if place in reported:
            raise ReproError(
                f"{', '.join(place)} is given twice.",
                remedy="Remove one of the two lines.",
                where=path,
                line=line,
            )
        std = _number(row[6], path, line) if row[6] else None
        if std is not None and std < 0:
            raise ReproError("std is negative.", remedy="Correct it.", where=path, line=line)
        reported[place] = Printed(_number(row[5], path, line), std)
    return reported


def _number(text: str, path: Path, line: int) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ReproError(
            f"{text!r} is no number.",
            remedy="Type the number as printed, without percent sign.",
            where=path,
            line=line,
        )
    return number
