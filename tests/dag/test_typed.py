"""What is typed after `--config` is text: quoted for the shell, refused where no command takes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dag_case import copy_workflow, run_snakemake, snakemake

ODD = "a$(touch b) 'c' & \"d\" e"


@pytest.fixture
def checkout(project: Path) -> Path:
    """A small finished project with its workflow."""
    copy_workflow(project)
    return project


@pytest.mark.slow
def test_any_results_folder_reaches_the_shell_as_it_was_typed(checkout: Path) -> None:
    shutil.move("results", ODD)
    root = Path(ODD) / "tiny"
    next((root / "evaluations").glob("accuracy-*.json")).unlink()
    shutil.rmtree("figures")
    before = {path.name for path in Path().iterdir()}
    snakemake(checkout, "figures/gat/table1.png", "--config", f"results={ODD}")
    assert {path.name for path in Path().iterdir()} - before == {"figures", ".snakemake"}
    picture = root / "artefacts" / "gat" / "table1.png"
    assert Path("figures/gat/table1.png").read_bytes() == picture.read_bytes()
    assert len(list((root / "logs").rglob("*.log"))) >= 3


@pytest.mark.slow
def test_a_setting_that_does_not_exist_is_refused(checkout: Path) -> None:
    code, printed = run_snakemake(checkout, "-n", "figures/", "--config", "profil=paper")
    assert code != 0
    assert "there is no setting 'profil'" in printed
    assert "did you mean profile?" in printed
    assert "Traceback" not in printed


@pytest.mark.slow
def test_a_figure_is_asked_for_as_a_picture_and_a_table_in_any_format(checkout: Path) -> None:
    code, printed = run_snakemake(checkout, "-n", "figures/gat/figure4.csv")
    assert code != 0
    assert "MissingRuleException" in printed  # not that some file is missing for a rule
    for name in ("gat/figure4.pdf", "gat/table1.csv"):
        code, printed = run_snakemake(checkout, "-n", f"figures/{name}")
        assert code == 0, printed


@pytest.mark.slow
def test_the_names_that_a_sheet_may_give_are_those_that_the_rules_take(checkout: Path) -> None:
    sheet = Path("config/papers/gat/sheet.yaml")
    text = sheet.read_text()
    for name, says in (("table2b", "no table can be called 'table2b'"), ("table_b", "This was a dry-run")):
        sheet.write_text(text.replace("table1:", f"{name}:"))
        code, printed = run_snakemake(checkout, "-n", "figures/")
        assert says in printed
        assert bool(code) == (name == "table2b")
