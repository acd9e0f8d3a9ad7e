"""The numbers that papers and others print: reads ``reported.csv`` and ``other_reported.csv``."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from repro.core.errors import ReproError
from repro.judge.artefacts import Other
from repro.judge.cells import Cell, PrintedNumber

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
Unknown = Callable[[Place], str | None]


def read_reported(path: Path, paper: str, unknown: Unknown | None = None) -> Reported:
    """Return every printed number of a paper by its place, in the file's order; arguments as of `_read`."""
    return {Place(*place): printed for place, printed in _read(path, paper, COLUMNS, unknown).items()}


def as_printed(cells: Iterable[Cell], reported: Reported) -> list[Cell]:
    """Return cells whose reported numbers are shown with the paper's decimals, which no file of cells keeps.

    A number that ``reported`` gives otherwise, as it was corrected since the cell was made, stays as it is.
    """
    return [_as_printed(cell, reported.get(Place(*cell.key[:5]))) for cell in cells]


def _as_printed(cell: Cell, printed: Printed | None) -> Cell:
    if printed is None or cell.reported != float(printed.value):
        return cell
    std = cell.reported_std
    if printed.std is not None and std == float(printed.std):
        std = PrintedNumber(printed.std)
    return replace(cell, reported=PrintedNumber(printed.value), reported_std=std)


def read_others(path: Path, paper: str, unknown: Unknown | None = None) -> dict[str, tuple[Other, ...]]:
    """Return by artefact (e.g. ``table2``) what others publish for the same cells; none without a file.

    Its first column names the source; no verdict rests on these. Arguments as of `_read`.
    """
    found: dict[str, list[Other]] = {}
    for place, printed in _read(path, paper, ("source", *COLUMNS), unknown).items() if path.is_file() else ():
        source, _, artefact, row, column, metric = place
        std = None if printed.std is None else float(printed.std)
        number = {"metric": metric, "value": float(printed.value), "std": std}
        other = Other.model_validate({"source": source, "row": row, "column": column, **number})
        found.setdefault(artefact, []).append(other)
    return {name: tuple(others) for name, others in found.items()}


def _read(
    path: Path, paper: str, columns: tuple[str, ...], unknown: Unknown | None
) -> dict[tuple[str, ...], Printed]:
    """Return the numbers of a file by all that stands before them.

    Args:
        path: the file.
        paper: whose it is.
        columns: of its first line.
        unknown: given a number's place, returns a remedy where the sheet has no such cell; None checks none.

    Raises:
        ReproError: the file is missing, is not UTF-8, or has other columns, a row of the wrong length or of
            another paper, an empty field, something that is no finite number, a negative deviation, one
            place twice or a place that is unknown; the line is named.
    """
    try:
        rows = csv.reader(path.read_text(encoding="utf-8-sig").splitlines())
    except FileNotFoundError:
        raise ReproError(
            "The file of reported numbers is missing.", remedy="Restore it from git.", where=path
        ) from None
    except UnicodeDecodeError as error:
        raise ReproError("The file is not UTF-8 text.", remedy="Save it as UTF-8.", where=path) from error
    found: dict[tuple[str, ...], Printed] = {}
    wrong = partial(_wrong, path, rows)
    if tuple(next(rows, ())) != columns:
        raise wrong("The first line does not name the columns.", f"Make it: {','.join(columns)}")
    for fields in rows:
        if len(fields) != len(columns):
            raise wrong(
                f"This line has {len(fields)} fields instead of {len(columns)}.",
                "Quote a text that holds a comma; end a line without std with a comma.",
            )
        named = dict(zip(columns, fields, strict=True))
        empty = [name for name, field in named.items() if not field and name not in ("value", "std")]
        if empty:
            raise wrong(f"`{empty[0]}` is empty.", "Fill it in.")
        if named["paper"] != paper:
            remedy = f"write {paper}, or move the line to that paper's own folder"
            raise wrong(f"the paper {named['paper']!r} is not this file's", remedy)
        place = tuple(fields[:-2])
        if place in found:
            raise wrong(f"{', '.join(place)} is given twice.", "Remove one of the two lines.")
        missing = unknown(Place(*place[-5:])) if unknown else None
        if missing:
            raise wrong(f"the sheet has no cell {' / '.join(place[-4:])}", missing)
        value, std = (_number(text) for text in fields[-2:])
        if value is None or (fields[-1] and std is None):
            text = fields[-2 if value is None else -1]
            raise wrong(f"{text!r} is no number.", "Type the number as printed, without percent sign.")
        if std is not None and std < 0:
            raise wrong("std is negative.", "Correct it.")
        found[place] = Printed(value, std)
    return found


def _number(text: str) -> Decimal | None:
    """Return a finite number, None for any other text."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _wrong(path: Path, rows: Any, message: str, remedy: str) -> ReproError:
    return ReproError(message, remedy=remedy, where=path, line=max(1, rows.line_num))
