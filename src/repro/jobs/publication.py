"""The packed files of a publication, and its cells: what `repro publish` left of a profile's runs."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.records import mixed_code
from repro.core.spec import flags_in_order
from repro.judge.cells import Cell, is_setting, read_cells

RUNS = "runs.jsonl"
Line = Mapping[str, Any]


def unpack(path: Path) -> Iterator[Line]:
    """Yield the lines of a publication's file; a ReproError where it is damaged."""
    try:
        content = path.read_bytes()
        text = gzip.decompress(content) if path.suffix == ".gz" else content
        yield from [json.loads(line) for line in text.splitlines()]
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise ReproError(f"it cannot be read: {error}", remedy="restore it from git", where=path) from error


def cells_in(layout: Layout) -> list[Cell]:
    """Return all cells of a profile or a publication; whoever reads a cells.csv to show it asks here.

    Those of a publication carry the flag `mixed_code` where the records of its runs raise it, also where the
    file was written before there was such a flag.

    Raises:
        ReproError: cells or records are missing or damaged; names the file.
    """
    cells, packed = read_cells(layout.cells), layout.root / RUNS
    if not packed.is_file():
        return cells
    return flagged(cells, {line["run_id"]: line for line in unpack(packed)})


def flagged(cells: Iterable[Cell], records: Mapping[str, Line]) -> list[Cell]:
    """Return cells with the flag `mixed_code` where the records of their runs raise it."""
    return [_flagged(cell, records) for cell in cells]


def _flagged(cell: Cell, records: Mapping[str, Line]) -> Cell:
    measured = (cell.n_seeds or cell.diverged) and not is_setting(cell.metric)
    if not measured or not mixed_code(cell.runs, lambda run_id: records.get(run_id, {})):
        return cell
    return replace(cell, flags=flags_in_order({*cell.flags, "mixed_code"}))
