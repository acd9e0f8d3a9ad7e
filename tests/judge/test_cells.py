"""cells.csv: what is written is read back, what is wrong is named with its line."""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

import pytest

from repro.core.errors import ReproError
from repro.draw.numbers import with_std
from repro.judge.cells import COLUMNS, Cell, PrintedNumber, read_cells, render_cells
from repro.judge.reported import Place, Printed, as_printed

GAT = Cell(
    "gat", "table2", "GAT", "CIFAR-10", "accuracy", "standard", 80.33, 0.44, 80.1, 0.25, 5, 79.8, 80.4, 1.0
)
DONE = Cell(
    **{
        **GAT.__dict__,
        "verdict": "not comparable",
        "stand_ins": ("synthetic_data", "reduced_budget"),
        "runs": ("a-s0", "a-s1"),
        "flags": ("square_beats_gradients", "vanishing_gradients"),
        "precision": ("bf16", "float32"),
        "batch_size": ("16", "64"),
    }
)
SETTING = Cell(
    "dat",
    "table1",
    "SNGAN",
    "CIFAR-10",
    "setting:loss",
    reported="hinge",
    measured="hinge",
    verdict="reproduced",
)
LOST = Cell(
    "dat", "figure4", "DCGAN", "5e-3", "fid_train", measured=90.5, n_seeds=2, diverged=1, verdict="diverged"
)
PENDING = Cell("dat", "table2", "SNGAN", "CIFAR-10", "fid_train", reported=19.75)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    path.write_text(render_cells([DONE, SETTING, LOST, PENDING]))
    assert read_cells(path) == [DONE, SETTING, LOST, PENDING]
    assert path.read_text() == render_cells(read_cells(path))


def test_number_format_is_stable() -> None:
    line = render_cells([Cell("a", "b", "c", "d", "kid", measured=0.1 + 0.2, reported=7.70)]).splitlines()[1]
    assert line == "a,b,c,d,kid,standard,7.7,,0.3,,0,,,,pending,,,,0,,"


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("verdict", "fine", "no verdict"),
        ("measured", "abc", "not a finite number"),
        ("ci_low", "nan", "not a finite number"),
        ("n_seeds", "-1", "not a count"),
        ("n_seeds", "2.5", "not a count"),
        ("stand_ins", "synthetic_data+magic", "`magic` is no stand-in"),
        ("flags", "restarts_matter+odd", "`odd` is no flag"),
        ("precision", "float32+fp8", "`fp8` is no number format"),
        ("row", "", "`row` is empty"),
    ],
)
def test_a_wrong_field_names_file_and_line(tmp_path: Path, field: str, text: str, said: str) -> None:
    path = tmp_path / "cells.csv"
    path.write_text(render_cells([PENDING, GAT]))
    lines = path.read_text().splitlines()
    fields = lines[2].split(",")
    fields[COLUMNS.index(field)] = text
    path.write_text("\n".join([*lines[:2], ",".join(fields)]) + "\n")
    with pytest.raises(ReproError, match=said) as caught:
        read_cells(path)
    assert caught.value.where == str(path)
    assert caught.value.line == 3


def test_missing_file_columns_fields_and_repeated_cell(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    for missing in (path, tmp_path / "cells" / "gat" / "table2.csv"):
        with pytest.raises(ReproError, match="no cells file") as caught:
            read_cells(missing)
        assert caught.value.remedy.endswith(f"figures/ --config profile={tmp_path.name}")
    path.write_text("paper,artefact\n")
    with pytest.raises(ReproError, match=r"columns are not those.*ci_high"):
        read_cells(path)
    path.write_text(render_cells([GAT, PENDING, GAT]))
    with pytest.raises(ReproError, match="given twice \\(first in line 2\\)") as caught:
        read_cells(path)
    assert caught.value.line == 4
    path.write_text(render_cells([GAT]) + "gat,table2\n")
    with pytest.raises(ReproError, match="2 fields instead of 21"):
        read_cells(path)


def test_a_printed_number_is_a_number_with_its_text() -> None:
    number = PrintedNumber("18.00")
    assert (number, number.text, number + 0.5) == (18.0, "18.00", 18.5)
    std = PrintedNumber("3")
    cell = Cell("dat", "table4", "DAT", "CIFAR-10", "fid_train", reported=number, reported_std=std)
    assert asdict(cell)["reported"].text == "18.00"
    assert with_std(cell.metric, cell.reported, cell.reported_std) == "18.00 ± 3"
    assert ",18,3," in render_cells([cell])
    assert json.dumps(number) == "18.0"


def test_decimals_come_from_the_papers_file_but_where_the_number_is_another() -> None:
    place = ("dat", "table4", "DAT", "CIFAR-10", "fid_train")
    printed = {Place(*place): Printed(Decimal("309"), Decimal("2.0"))}
    cells = as_printed([Cell(*place, reported=value, reported_std=2.0) for value in (309.0, 308.0)], printed)
    shown = [with_std(cell.metric, cell.reported, cell.reported_std) for cell in cells]
    assert shown == ["309 ± 2.0", "308.00 ± 2.00"]
