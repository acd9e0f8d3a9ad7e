"""cells.csv, the one source of every table, plot, report page and check: columns, reading, writing."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn, Self, get_args

from repro.core.cell_key import CellKey
from repro.core.csv_text import csv_lines, csv_text, plain
from repro.core.errors import ReproError
from repro.core.spec import FLAGS, STAND_INS, Flag, Precision, flags_in_order
from repro.judge.verdict import VERDICTS

_NUMBERS = ("reported_std", "measured_std", "ci_low", "ci_high", "tolerance")
_REMEDY = "rebuild it (delete the file and run Snakemake again), or mend the line"
Value = float | str | None


class PrintedNumber(float):
    """A number with the text by which a paper prints it: 309 and 18.00 keep their decimals.

    It counts as any other float; whoever shows it shows ``text``. Files of cells do not hold it.
    """

    text: str

    def __new__(cls, text: object) -> Self:
        """Return the number that ``text`` (a string, or a Decimal that was read from one) says."""
        made = super().__new__(cls, str(text))
        made.text = str(text)
        return made


@dataclass(frozen=True)
class Cell:
    """One row of cells.csv.

    ``reported`` and ``measured`` are text only for settings (``is_setting``).
    Missing numbers are None. ``stand_ins``, ``runs`` and ``flags`` are empty tuples where there are none;
    flags are signs that the number misleads (``core.spec.FLAGS``).
    ``diverged`` is the number of runs that diverged, beside the ``n_seeds`` that were measured; ``precision``
    and ``batch_size`` are those of the runs' training, several where the runs differ.
    """

    paper: str
    artefact: str
    row: str
    column: str
    metric: str
    convention: str = "standard"
    reported: Value = None
    reported_std: float | None = None
    measured: Value = None
    measured_std: float | None = None
    n_seeds: int = 0
    ci_low: float | None = None
    ci_high: float | None = None
    tolerance: float | None = None
    verdict: str = "pending"
    stand_ins: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    diverged: int = 0
    precision: tuple[str, ...] = ()
    batch_size: tuple[str, ...] = ()

    @property
    def key(self) -> CellKey:
        """What tells this cell from every other."""
        return (self.paper, self.artefact, self.row, self.column, self.metric, self.convention)


COLUMNS = tuple(field.name for field in fields(Cell))


def read_cells(path: Path) -> list[Cell]:
    """Return the cells of ``path`` in file order.

    Raises:
        ReproError: the file is missing, has other columns, or a line has a wrong value or repeats another's
            key; names file and line.
    """
    if not path.is_file():
        profile = path.absolute().parents[0 if path.name == "cells.csv" else 2].name
        raise ReproError(
            "there is no cells file",
            remedy=f"run the DAG first: snakemake --cores all figures/ --config profile={profile}",
            where=path,
        )
    reader = csv.reader(csv_lines(path, remedy=_REMEDY))
    header = next(reader, [])
    if tuple(header) != COLUMNS:
        differing = sorted(set(header) ^ set(COLUMNS)) or ["the order"]
        raise ReproError(
            f"its columns are not those of cells.csv (differing: {', '.join(differing)})",
            remedy=_REMEDY,
            where=path,
            line=1,
        )
    cells: list[Cell] = []
    seen: dict[tuple[str, ...], int] = {}
    for values in ([plain(field) for field in line] for line in reader):
        line = reader.line_num
        cell = _parse(values, tuple(header), path, line)
        if cell.key in seen:
            _fail(
                f"the cell {' / '.join(cell.key)} is given twice (first in line {seen[cell.key]})",
                path,
                line,
            )
        seen[cell.key] = line
        cells.append(cell)
    return cells


def render_cells(cells: Iterable[Cell]) -> str:
    """Return ``cells`` as CSV text, in the given order, numbers with ten significant digits."""
    csv_rows: list[Sequence[object]] = [COLUMNS]
    for cell in cells:
        csv_rows.append([render(getattr(cell, name)) for name in COLUMNS])
    return csv_text(csv_rows)


def select(cells: Iterable[Cell], paper: str, artefact: str) -> list[Cell]:
    """Return the cells of one artefact."""
    return [cell for cell in cells if cell.paper == paper and cell.artefact == artefact]


def is_setting(metric: str) -> bool:
    """Return whether a cell of this metric holds a setting, "setting" or "setting:<name>": no measurement."""
    return f"{metric}:".startswith("setting:")


def flags_of(cells: Iterable[Cell]) -> tuple[Flag, ...]:
    """Return the flags that any of the cells carries, in their order."""
    return flags_in_order({flag for cell in cells for flag in cell.flags})


def render(value: Value | int | tuple[str, ...]) -> str:
    """Return one field as cells.csv writes it: missing is empty, tuples are joined by "+"."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return "+".join(value)
    if isinstance(value, float):
        return format(value, ".10g")
    return str(value)


def _parse(fields: list[str], header: tuple[str, ...], path: Path, line: int) -> Cell:
    if len(fields) != len(header):
        _fail(f"it has {len(fields)} fields instead of {len(header)}", path, line)
    row = dict(zip(header, fields, strict=True))
    for name in ("paper", "artefact", "row", "column", "metric"):
        if not row[name]:
            _fail(f"`{name}` is empty", path, line)
    if row["verdict"] not in VERDICTS:
        _fail(f"`{row['verdict']}` is no verdict (known: {', '.join(VERDICTS)})", path, line)
    _check_names(row, "stand_ins", "stand-in", STAND_INS, path, line)
    _check_names(row, "flags", "flag", FLAGS, path, line)
    _check_names(row, "precision", "number format", get_args(Precision), path, line)
    counts = {name: row[name] or "0" for name in ("n_seeds", "diverged")}
    for name, count in counts.items():
        if not count.isdecimal():
            _fail(f"`{name}` is `{count}`, not a count", path, line)
    values: dict[str, Any] = {
        **row,
        **{name: int(count) for name, count in counts.items()},
        **{name: _number(row[name], name, path, line) for name in _NUMBERS},
        **{name: _value(row, name, path, line) for name in ("reported", "measured")},
        **{name: _parts(row[name]) for name in ("stand_ins", "runs", "flags", "precision", "batch_size")},
    }
    return Cell(**values)


def _check_names(
    row: dict[str, str], field: str, what: str, known: tuple[str, ...], path: Path, line: int
) -> None:
    """Check that a field joins known names by "+"."""
    for name in _parts(row[field]):
        if name not in known:
            _fail(f"`{name}` is no {what} (known: {', '.join(known)})", path, line)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split("+") if part)


def _value(row: dict[str, str], name: str, path: Path, line: int) -> Value:
    if is_setting(row["metric"]):
        try:
            return float(row[name])
        except ValueError:
            return row[name] or None
    return _number(row[name], name, path, line)


def _number(text: str, name: str, path: Path, line: int) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        _fail(f"`{name}` is `{text}`, not a finite number", path, line)
    return value


def _fail(message: str, path: Path, line: int) -> NoReturn:
    raise ReproError(message, remedy=_REMEDY, where=path, line=line)
