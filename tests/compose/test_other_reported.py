"""Numbers that others publish: read, shown beside the paper's in every form of a table, never judged."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import report_profile
from papers_case import plan_of
from repro.core.errors import ReproError
from repro.draw.table_layout import cell_lines, lay_out
from repro.draw.table_picture import draw_table
from repro.draw.tables import table_csv, table_latex, table_markdown
from repro.draw.view import views
from repro.judge.artefacts import Artefact, Other, Panel
from repro.judge.cells import Cell
from repro.judge.reported import read_others, read_reported
from repro.site.html import write_report
from repro.site.material import Papers

CONFIG = Path(__file__).parents[2] / "config"
HEAD = "source,paper,artefact,row,column,metric,value,std\n"
TABLE = Artefact(
    paper="dat",
    name="table2",
    kind="table",
    title="FID",
    panels=(Panel(rows=("SNGAN", "SNGAN-DAT"), columns=("CIFAR-10", "STL-10")),),
    others=(
        Other(source="mimicry", row="SNGAN", column="CIFAR-10", metric="fid_train", value=16.77, std=0.04),
        Other(source="mimicry", row="SNGAN", column="LSUN", metric="fid_train", value=25.87),
    ),
)
CELLS = [
    Cell("dat", "table2", row, "CIFAR-10", "fid_train", convention, reported, None, 19.0, None, 1,
         verdict="inconclusive", runs=("r",))
    for row, reported in (("SNGAN", 19.75), ("SNGAN-DAT", 17.93)) for convention in ("paper", "standard")
]  # fmt: skip


@pytest.mark.parametrize(("paper", "count"), [("dat", 27), ("rgan", 13)])
def test_every_number_of_the_file_stands_at_a_cell_of_the_sheet(paper: str, count: int) -> None:
    plan = plan_of("smoke")
    found = read_others(CONFIG / "papers" / paper / "other_reported.csv", paper)
    assert sum(map(len, found.values())) == count
    for name, others in found.items():
        cells = {(cell.row, cell.column, cell.metric) for cell in plan.cells[f"{paper}/{name}"]}
        assert {(other.row, other.column, other.metric) for other in others} <= cells


def test_its_column_stands_after_the_measured_ones_and_in_no_verdict() -> None:
    (view,) = views(TABLE, CELLS)
    assert [at.title for at in view.columns if at.column == "CIFAR-10"] == [
        "CIFAR-10, paper convention",
        "CIFAR-10, standard convention",
        "CIFAR-10, mimicry",
    ]
    sngan, dat = view.rows
    assert sngan.cells[2] is not None
    assert (sngan.cells[2].reported, sngan.cells[2].measured) == (16.77, None)
    assert dat.cells[2] is None
    assert "LSUN" not in {at.column for at in view.columns}  # the table has no such cell


def test_markdown_latex_csv_and_picture_name_the_source(tmp_path: Path) -> None:
    text = table_markdown(TABLE, CELLS, "smoke")
    assert "| SNGAN | 19.75 / 19.00 ? | 19.75 / 19.00 ? | 16.77 ± 0.04 |" in text
    once = "mimicry: published there, not in the paper; no verdict rests on it"
    assert f"- {once}\n" in text
    for written in (text, table_latex(TABLE, CELLS, "smoke")):
        assert written.count("no verdict rests on it") == written.count(once) == 1
    assert r"16.77 $\pm$ 0.04" in table_latex(TABLE, CELLS, "smoke")
    rows = list(csv.DictReader(table_csv(TABLE, CELLS, "smoke").splitlines()))
    assert [row["convention"] for row in rows] == ["paper", "standard"] * 2  # the paper's own numbers alone
    (view,) = views(TABLE, CELLS)
    heads = {heading.text for level in lay_out(view).blocks[0].levels for heading in level}
    assert "mimicry" in heads
    assert view.rows[0].cells[2] is not None
    assert cell_lines(view.rows[0].cells[2]) == ("16.77 ± 0.04", "")
    assert all(path.stat().st_size for path in draw_table(TABLE, CELLS, tmp_path / "table2", "smoke"))


def test_the_html_report_shows_it_beside_the_papers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Other(source="A. Nother", row="GAT", column="CIFAR-10", metric="accuracy", value=79.12)
    first, *rest = report_profile.ARTEFACTS
    monkeypatch.setattr(report_profile, "ARTEFACTS", (first.model_copy(update={"others": (other,)}), *rest))
    layout = report_profile.write_profile(tmp_path / "results")
    page = write_report(layout, Papers(report_profile.NAMED)).parent / "gat" / "table2.html"
    text = page.read_text(encoding="utf-8")
    assert "CIFAR-10, A. Nother" in text
    assert '<span class="printed">79.12</span>' in text
    assert "A. Nother" not in layout.cells.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("paper,artefact\n", 1, "columns"),
        (HEAD + "mimicry,dat,table2,SNGAN,CIFAR-10,is,7.97\n", 2, "7 fields"),
        (HEAD + "mimicry,dat,table2,SNGAN,CIFAR-10,is,many,\n", 2, "no number"),
        (HEAD + "mimicry,gat,table2,SNGAN,CIFAR-10,is,7.97,\n", 2, "not this file's"),
        (HEAD + "mimicry,dat,table2,SNGAN,CIFAR-10,is,nan,\n", 2, "no number"),
        (HEAD + "mimicry,dat,table2,SNGAN,CIFAR-10,is,7.97,-1\n", 2, "std"),
        (HEAD + ",dat,table2,SNGAN,CIFAR-10,is,7.97,\n", 2, "source"),
        (HEAD + "mimicry,dat,table2,SNGAN,CIFAR-10,is,7.97,\n" * 2, 3, "given twice"),
    ],
)
def test_refuses_with_the_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = tmp_path / "other_reported.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReproError, match=words) as caught:
        read_others(path, "dat")
    assert caught.value.line == line


def test_a_spreadsheets_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    folder = CONFIG / "papers" / "dat"
    for name, read in (("reported.csv", read_reported), ("other_reported.csv", read_others)):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
        assert read(tmp_path / name, "dat") == read(folder / name, "dat")


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert read_others(tmp_path / "other_reported.csv", "dat") == {}
