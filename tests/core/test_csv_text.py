"""CSV for spreadsheets: no text is a formula, numbers stay numbers, and what is read is what was written."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.core.csv_text import csv_text, plain
from repro.judge.cells import Cell, read_cells, render_cells

FORMULA = ("=", "+", "-", "@", "\t", "\r")


@pytest.mark.parametrize(
    "text", ["-1.5", "+0.3", "-2", "1e-05", "-1.5e+20", "-0.35 points", "-3 %", "-2.0 to -1.0 points", "a=b"]
)
def test_numbers_and_ordinary_texts_stay_as_they_are(text: str) -> None:
    assert csv_text([[text, "x"]]) == f"{text},x\n"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+ drift (ours)", "@SUM(A1)", "-2+3+cmd|' /C calc'!A0", "-2 +cmd|' /C calc'!A0", "=HYPERLINK(1)",
     "\t=1", "'=1", "-", "--"],
)  # fmt: skip
def test_no_text_is_a_formula(text: str) -> None:
    ((field,),) = csv.reader(io.StringIO(csv_text([[text]])))
    assert not field.startswith(FORMULA)
    assert plain(field) == text


@given(st.text(alphabet="=+-@'1.e \n,\"ab", max_size=8))
def test_whatever_is_written_is_read(text: str) -> None:
    ((field, _),) = csv.reader(io.StringIO(csv_text([[text, "x"]]), newline=""))
    assert plain(field) == text
    assert not field.startswith(("=", "@", "\t", "\r"))


def test_cells_keep_their_names_and_signs(tmp_path: Path) -> None:
    cells = [
        Cell("gat", "table2", "=SUM(A1)", "@x", "gain", measured=-1.5, n_seeds=1, verdict="unreported"),
        Cell("gat", "table2", "+ drift", "-", "gain", reported=0.3),
    ]
    path = tmp_path / "cells.csv"
    path.write_text(render_cells(cells))
    assert read_cells(path) == cells
    frame = pd.read_csv(path)
    assert frame["measured"].tolist()[0] == -1.5
    assert not any(str(text).startswith(("=", "@", "+")) for text in frame["row"])
