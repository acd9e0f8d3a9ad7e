"""Tables: every cell visible with its verdict, its marks and its stand-ins."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from repro.core.errors import ReproError
from repro.draw.numbers import with_std
from repro.draw.tables import latex, table_csv, table_latex, table_markdown
from repro.draw.view import views
from repro.judge.artefacts import Artefact, Artefacts, Panel, read_artefacts
from repro.judge.cells import Cell
from repro.plan.config import load_config

TABLE = Artefact(
    paper="gat",
    name="table2",
    kind="table",
    title="Test accuracy (50% & more)",
    source="Table 2, Sec. 4.4",
    panels=(Panel(rows=("Baseline", "GAT", "Maxout"), columns=("CIFAR-10", "CIFAR-100")),),
    threat_models=("Linf, radius 8/255, 20 steps",),
)
CELLS = [
    Cell("gat", "table2", "Baseline", "CIFAR-10", "accuracy", reported=77.48, reported_std=0.46,
         measured=77.5, measured_std=0.3, n_seeds=3, verdict="reproduced"),
    Cell("gat", "table2", "GAT", "CIFAR-10", "accuracy", reported=80.33, reported_std=0.44,
         measured=61.0, measured_std=0.1, n_seeds=3, verdict="not comparable", stand_ins=("synthetic_data",)),
    Cell("gat", "table2", "GAT", "CIFAR-100", "accuracy", reported=50.44, reported_std=0.56),
    Cell("gat", "table2", "Maxout", "CIFAR-10", "accuracy", reported=88.32, verdict="cited"),
]  # fmt: skip


def test_markdown_shows_each_cell_in_words() -> None:
    text = table_markdown(TABLE, CELLS[:4], "smoke")
    assert "| Baseline | 77.48 ± 0.46 / 77.50 ± 0.30 ✓ |  |" in text
    assert "| GAT | 80.33 ± 0.44 / 61.00 ± 0.10 ‡ | 50.44 ± 0.56 / pending |" in text
    assert "| Maxout | 88.32 † |" in text
    assert "smoke profile · synthetic_data" in text
    assert "threat model: Linf, radius 8/255, 20 steps" in text
    assert "‡ not comparable" in text
    assert "numbers: accuracy (%)" in text


def test_latex_escapes_and_balances() -> None:
    text = table_latex(TABLE, CELLS, "smoke")
    assert r"50\% \& more" in text
    assert r"synthetic\_data" in text
    assert r"77.48 $\pm$ 0.46 / 77.50 $\pm$ 0.30 $\checkmark$" in text
    for line in text.splitlines():
        if line.endswith(r"\\") and "multicolumn" not in line:
            assert line.replace(r"\&", "").count("&") == 2
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert latex("a_b \\ {x} ~ ±") == r"a\_b \textbackslash{} \{x\} \textasciitilde{} $\pm$"


def test_latex_has_every_letter_of_the_sheets_tables() -> None:
    """pdfLaTeX knows those of Latin-1 by itself."""
    for sheet in load_config(Path(__file__).parents[2] / "config").sheets.values():
        for artefact in sheet.artefacts.values():
            if artefact.kind == "table":
                words = [artefact.title, artefact.notes or "", *(panel.name for panel in artefact.panels)]
                words += [each.name for panel in artefact.panels for each in (*panel.rows, *panel.columns)]
                assert [letter for letter in latex("".join(words)) if ord(letter) > 0xFF] == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\x0b", "\n\n  "])
def test_line_breaks_of_the_sheet_end_no_comment_and_no_row(end: str) -> None:
    def made(end: str) -> tuple[str, str]:
        table = TABLE.model_copy(
            update={
                "title": f"Test{end}accuracy",
                "source": f"Table 2,{end}Sec. 4.4",
                "notes": f"harmless{end}\\input{{/etc/passwd}}",
                "panels": (Panel(rows=(f"Base{end}line", "GAT"), columns=(f"CIFAR{end}10", "CIFAR-100")),),
            }
        )
        cells = [replace(CELLS[0], row=f"Base{end}line", column=f"CIFAR{end}10"), *CELLS[1:3]]
        return table_latex(table, cells, "smoke"), table_markdown(table, cells, "smoke")

    assert made(end) == made(" ")
    commands = [line for line in made(end)[0].splitlines() if "\\input" in line]
    assert commands
    assert all(line.startswith("%") for line in commands)


def test_columns_of_one_metric_each_say_which(tmp_path: Path) -> None:
    panel = Panel(rows=("Baseline",), columns=("MNIST", "MNIST FID"))
    cells = [
        replace(CELLS[0], column="MNIST", metric="is"),
        replace(CELLS[0], column="MNIST FID", metric="fid"),
    ]
    (view,) = views(TABLE.model_copy(update={"panels": (panel,)}), cells)
    assert [at.title for at in view.columns] == ["MNIST, IS", "MNIST FID"]


def test_a_deviation_that_is_a_number_itself_has_the_decimals_it_needs() -> None:
    assert with_std("is_std", 0.00805, 0.0042) == "0.0080 ± 0.0042"
    assert with_std("is", 7.015, 0.1) == "7.01 ± 0.10"


def test_marks_that_open_lists_in_markdown_are_escaped() -> None:
    cells = [replace(CELLS[0], verdict="unreported", stand_ins=("embedded_features",))]
    lines = table_markdown(TABLE, cells, "smoke").splitlines()
    assert [line[:5] for line in lines if line.startswith("- ")][1:] == ["- \\+ ", "- \\* "]


@pytest.mark.parametrize("name", ["[12] WGAN", "*ours"])
def test_a_row_of_latex_is_no_argument_of_the_break_before_it(name: str) -> None:
    table = TABLE.model_copy(update={"panels": (Panel(rows=(name,), columns=("CIFAR-10",)),)})
    text = table_latex(table, [replace(CELLS[0], row=name)], "smoke")
    assert f"\n{{}}{name} & " in text


def test_csv_is_the_table_in_long_form() -> None:
    rows = list(csv.DictReader(table_csv(TABLE, CELLS, "smoke").splitlines()))
    assert [row["verdict"] for row in rows] == ["reproduced", "not comparable", "pending", "cited"]
    assert rows[1]["stand_ins"] == "synthetic_data"
    assert {row["profile"] for row in rows} == {"smoke"}


def test_several_metrics_and_conventions_become_columns() -> None:
    base = CELLS[0]
    cells = [
        replace(base, metric="is", measured=7.0),
        replace(base, metric="fid", measured=20.0, stand_ins=("embedded_features",)),
        replace(base, metric="fid", measured=21.0, convention="paper"),
    ]
    titles = [at.title for at in views(TABLE, cells)[0].columns]
    assert titles == [
        "CIFAR-10, IS, standard convention",
        "CIFAR-10, FID*, standard convention",
        "CIFAR-10, FID, paper convention",
        "CIFAR-100",
    ]
    assert "* measured with the embedded feature extractor" in table_markdown(TABLE, cells, "smoke")


def test_panels_and_cells_that_no_row_lists() -> None:
    artefact = TABLE.model_copy(
        update={
            "panels": (Panel(name="(a)", rows=("GAT",)), Panel(name="(b)", rows=("GAT",), columns=("10",)))
        }
    )
    cells = [
        Cell("gat", "table2", "(a): GAT", "10", "accuracy", measured=1.0),
        Cell("gat", "table2", "(b): GAT", "10", "accuracy", measured=2.0),
        Cell("gat", "table2", "(b): unlisted", "10", "accuracy", measured=3.0),
    ]
    shown = [
        (view.panel, row.name, row.cells[0].measured)
        for view in views(artefact, cells)
        for row in view.rows
        if row.cells[0]
    ]
    assert shown == [("(a)", "GAT", 1.0), ("(b)", "GAT", 2.0), ("(b)", "unlisted", 3.0)]
    longer = TABLE.model_copy(
        update={"panels": (Panel(name="A", rows=("r",)), Panel(name="A: big", rows=("r",), columns=("10",)))}
    )
    shown = [
        (view.panel, row.name, cell.measured)
        for view in views(longer, [Cell("gat", "table2", "A: big: r", "10", "accuracy", measured=2.0)])
        for row in view.rows
        for cell in row.cells
        if cell
    ]
    assert shown == [("A: big", "r", 2.0)]


def test_artefacts_file(tmp_path: Path) -> None:
    path = tmp_path / "artefacts.json"
    with pytest.raises(ReproError, match=r"artefacts\.json is missing"):
        read_artefacts(path)
    path.write_text(
        '{"profile": "smoke", "artefacts": [{"paper": "gat", "name": "t", "kind": "poem", "title": ""}]}'
    )
    with pytest.raises(ReproError, match=r"artefacts\.0\.kind"):
        read_artefacts(path)
    path.write_text(
        Artefacts(profile="smoke", stand_ins=("reduced_budget",), artefacts=(TABLE,)).model_dump_json()
    )
    found = read_artefacts(path)
    assert found.artefacts == (TABLE,)
    assert found.stamp == "smoke profile · reduced_budget"


def test_positions_of_columns() -> None:
    assert Panel(columns=("0", "0.02", "0.04")).positions() == (0.0, 0.02, 0.04)
    assert Panel(columns=("step 100", "step 2e3")).positions() == (100.0, 2000.0)
    assert Panel(columns=("c_g=-0.1", "c_g=+0.1")).positions() == (-0.1, 0.1)
    for names in (
        ("CIFAR-10", "STL-10"),
        ("CIFAR-10", "CIFAR-100"),
        ("PGD-10", "PGD-20"),
        ("VGG11", "VGG16"),
    ):
        assert Panel(columns=names).positions() is None
