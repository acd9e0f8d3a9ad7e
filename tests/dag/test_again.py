"""Snakemake started again: parsing only looks, what is missing or another profile's is made again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dag_case import copy_workflow, run_snakemake, snakemake
from papers_case import call
from repro.core.files import sha256_file
from repro.core.paths import Layout
from repro.jobs.architectures import networks

TABLE = "figures/gat/table1.png"
SAME_ENVIRONMENT = """\
import os
before = dict(os.environ)
include: "Snakefile"
if dict(os.environ) != before:
    raise ValueError("the environment has changed")
"""


@pytest.fixture
def checkout(project: Path) -> Path:
    """A small finished project with its workflow, a second profile, and all that Snakemake knows of it."""
    copy_workflow(project)
    profiles = Path("config/profiles")
    text = (profiles / "tiny.yaml").read_text()
    (profiles / "other.yaml").write_text(text.replace("name: tiny", "name: other"))
    return project


def state() -> dict[Path, str]:
    """Return the hash of each file but Snakemake's own."""
    files = (path for path in Path().rglob("*") if path.is_file())
    return {path: sha256_file(path) for path in files if path.parts[0] != ".snakemake"}


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [["-n"], ["--list-rules"]])
def test_parsing_writes_no_file_and_changes_no_environment(checkout: Path, wanted: list[str]) -> None:
    next(Path("results/tiny/evaluations").glob("accuracy-*.json")).unlink()
    Path("Same").write_text(SAME_ENVIRONMENT)
    before = state()
    words = ["--config", "data_root=here", "inception=there"]
    printed = snakemake(checkout, "-s", "Same", TABLE, *wanted, *words)
    assert "is missing; it is made again" in printed
    assert state() == before


@pytest.mark.slow
def test_a_missing_result_is_made_again_each_time_that_it_is_lost(checkout: Path) -> None:
    path, *others = sorted(Path("results/tiny/evaluations").glob("accuracy-*.json"))
    cells = Path("results/tiny/cells.csv").read_bytes()
    before = [other.stat().st_mtime_ns for other in others]
    for _ in range(2):
        path.unlink()
        printed = snakemake(checkout, TABLE)
        assert "rule evaluate" in printed
        assert "rule train" not in printed
        assert path.is_file()
        assert "Nothing to be done" in snakemake(checkout, TABLE)
        shutil.rmtree(".snakemake")  # this does not rest on what Snakemake remembers
    snakemake(checkout, "figures/")  # the report shows how long each measurement took
    assert [other.stat().st_mtime_ns for other in others] == before != []
    assert Path("results/tiny/cells.csv").read_bytes() == cells
    assert "Nothing to be done" in snakemake(checkout, "figures/")
    code, printed = call("verify")
    assert code == 0, printed


@pytest.mark.slow
def test_options_are_checked_before_the_first_job(checkout: Path) -> None:
    sheet = Path("config/papers/gat/sheet.yaml")
    sheet.write_text(sheet.read_text().replace("network: sngan", "network: vgg99"))
    Path("figures/gat/table1.png").unlink()
    code, printed = run_snakemake(checkout, TABLE)
    assert code != 0
    assert "vgg99" in printed
    assert f"{sheet}, line" in printed
    assert "Finished jobid" not in printed


@pytest.mark.slow
def test_a_picture_of_another_profile_is_replaced_in_all_formats(checkout: Path) -> None:
    assert "Nothing to be done" in snakemake(checkout, TABLE)
    for target in (TABLE, "gat_table1", "figures/"):
        planned = snakemake(checkout, "-n", target, "--config", "profile=other")
        assert "rule train" in planned
        assert "runtime=2880, mem_mb=" in planned  # nothing of that profile was timed yet
    shutil.copytree("results/tiny", "results/other")
    drawn = {name: Layout(Path("results"), name).artefact("gat", "table1") for name in ("tiny", "other")}
    for ending in (".png", ".md"):
        with drawn["other"].with_suffix(ending).open("ab") as file:
            file.write(b"of the other profile")
    for name, target in (("other", TABLE), ("tiny", "gat_table1"), ("other", "gat_table1")):
        printed = snakemake(checkout, target, "--config", f"profile={name}")
        assert "rule single" in printed
        assert "rule table" not in printed
        for ending in (".png", ".md", ".tex"):
            collected = Path(TABLE).with_suffix(ending)
            assert collected.read_bytes() == drawn[name].with_suffix(ending).read_bytes()
        assert "Nothing to be done" in snakemake(checkout, target, "--config", f"profile={name}")
    assert "rule figures" in snakemake(checkout, "-n", "figures/")


@pytest.mark.slow
def test_a_cell_that_is_left_out_or_taken_back_draws_its_table_again(checkout: Path) -> None:
    """Its measurements are another cell's too, so that no input of the table changes."""
    Path(TABLE).unlink()
    Layout(Path("results"), "tiny").artefact("gat", "table1").with_suffix(".png").unlink()
    assert "rule table" in snakemake(checkout, TABLE)
    profile = Path("config/profiles/tiny.yaml")
    whole = profile.read_text()
    for text in (f'{whole}leave_out: ["gat/table1/left: Other/*"]\n', whole):
        assert "Nothing to be done" in snakemake(checkout, TABLE)
        profile.write_text(text)
        printed = snakemake(checkout, TABLE)
        assert "rule table" in printed
        assert "rule evaluate" not in printed


@pytest.mark.slow
def test_networks_that_are_shown_are_inputs_of_their_description(checkout: Path) -> None:
    path = Path("results/tiny/architectures.json")
    path.unlink(missing_ok=True)
    printed = snakemake(checkout, "-n", str(path))
    papers = {name.partition(".")[0] for name in networks()}
    assert papers
    assert {paper for paper in papers if f"draw/figures/{paper}/networks.py" not in printed} == set()


@pytest.mark.slow
def test_an_artefact_that_is_misspelt_is_named(checkout: Path) -> None:
    code, printed = run_snakemake(checkout, "-n", "figures/gat/table11.png")
    assert code != 0
    assert "did you mean gat/table1?" in printed
