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
@pytest.mark.parametrize("name", ["my results", "20261125"])
def test_words_and_numbers_name_a_results_folder(checkout: Path, name: str) -> None:
    printed = snakemake(checkout, "-n", "report", "--config", f"results={name}")
    assert f"{name}/tiny/report/index.html" in printed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "says", "remedy"),
    [
        ("profil=paper", "there is no setting 'profil'", "did you mean 'profile'?"),
        ("colour=red", "there is no setting 'colour'", "takes profile, results, data_root, inception"),
        ("tolerances=1", "--config does not take 'tolerances'", "change it in config/config.yaml"),
        ("profile=papr", "there is no profile 'papr'", "choose one of tiny"),
        ("results=a{b}", "which Snakemake takes for a wildcard", "name another folder"),
    ],
)
def test_what_no_command_takes_is_refused(checkout: Path, typed: str, says: str, remedy: str) -> None:
    code, printed = run_snakemake(checkout, "-n", "figures/", "--config", typed)
    assert code != 0
    assert says in printed
    assert remedy in printed
    assert "Traceback" not in printed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["1e3", "007", "a: b", "a #b", "[a]", '"a'])
def test_what_snakemake_reads_otherwise_is_refused_and_the_remedy_works(checkout: Path, name: str) -> None:
    code, printed = run_snakemake(checkout, "-n", "figures/", "--config", f"results={name}")
    assert code != 0
    assert f"Snakemake reads results={name} as" in printed
    settings = Path("config/config.yaml")
    remedy = printed.partition("write it into config/config.yaml instead: ")[2].splitlines()[0]
    settings.write_text(f"{settings.read_text()}{remedy}\n")
    assert f"{name}/tiny/report/index.html" in snakemake(checkout, "-n", "report")
