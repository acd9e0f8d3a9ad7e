"""Bad input at each step of the road: one clear error with file and remedy, nothing overwritten."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from papers_case import call, line_of
from repro.core import checkpoint
from repro.core.files import sha256_file
from repro.core.paths import Layout
from repro.plan.config import load_config
from repro.plan.plan import build_plan

SHEET = Path("config/papers/gat/sheet.yaml")


@pytest.fixture
def layout(project: Path) -> Layout:
    return Layout(Path("results"), "tiny")


def state() -> dict[str, str]:
    """Return the hash of every file but the locks, which each process makes for itself."""
    files = (path for path in sorted(Path().rglob("*")) if path.is_file() and path.name != ".lock")
    return {str(path): sha256_file(path) for path in files}


def fails(*words: str, says: str, where: Path | str = "", line: int | None = None, remedy: str = "") -> None:
    """Run a command that must end with one clear error and leave every file as it was."""
    before = state()
    code, printed = call(*words)
    assert code == 2, printed
    assert printed.count("error: ") == 1
    for part in (says, str(where), f", line {line}" if line else "", "remedy:", remedy):
        assert part in printed, printed
    assert "Traceback" not in printed
    assert state() == before


def edit(path: Path, old: str, new: str) -> str:
    """Replace text in a file and return the whole new text."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path.read_text()


def test_an_unknown_artefact(project: Path) -> None:
    fails("draw", "gat/table9", says="no artefact 'gat/table9'", remedy="gat/table1")


@pytest.mark.parametrize("command", [["plan"], ["validate"], ["draw", "gat/table1"], ["cells"], ["verify"]])
def test_an_unknown_profile(project: Path, command: list[str]) -> None:
    fails(
        *command,
        "--profile",
        "huge",
        says="no profile 'huge'",
        where="config/profiles",
        remedy="choose one of",
    )


@pytest.mark.parametrize(
    "command", [["train", "--batch", "x"], ["train", "--run", "x"], ["evaluate", "--batch", "x"]]
)
def test_an_unknown_batch_or_run(project: Path, command: list[str]) -> None:
    fails(*command, says=f"no {command[1][2:]} 'x'", remedy="")


def test_neither_batch_nor_run(project: Path) -> None:
    fails("train", says="either a batch or a run", remedy="repro plan")


def test_an_unknown_data_set(project: Path) -> None:
    text = edit(SHEET, "dataset: cifar10", "dataset: mnist")
    fails("validate", says="no data set 'mnist'", where=SHEET, line=line_of(text, "mnist"), remedy="cifar10")
    fails("data", "check", "mnist", "--data-root", ".", says="mnist", remedy="cifar10")


def test_a_missing_method(project: Path) -> None:
    text = edit(SHEET, "method: classifier", "method: clasifier")
    line = line_of(text, "clasifier") - 1  # the recipe's
    fails("validate", says="no method 'clasifier'", where=SHEET, line=line, remedy="classifier")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("options: {network: embedding}", "options: {network: embedding, dropuot: 0.5}", "dropuot"),
        ("options: {network: embedding}", "options: {network: vgg99}", "vgg99"),
        ("options: {split: test}", "options: {spilt: test}", "spilt"),
        ("measure: accuracy", "measure: acuracy", "acuracy"),
        ("start_from: gan", "start_from: gam", "gam"),
    ],
)
def test_an_unknown_option(project: Path, old: str, new: str, says: str) -> None:
    edit(SHEET, old, new)
    fails("validate", says=says, where=f"{SHEET}, line ")


OTHERS = "source,paper,artefact,row,column,metric,value,std\n"
LEDGER = """\
- id: gat.x
  source: s
  text: t
  affects: [gat/table1]
  choice: c
  option: null
  measured_by: null
"""


@pytest.mark.parametrize(
    ("name", "wrong", "right", "says", "line"),
    [
        ("ledger.yaml", LEDGER.replace("gat.x", "dat.x"), LEDGER, "not of this file's paper", 1),
        (
            "reported.csv",
            "paper,artefact,row,column,metric,value,std\ndat,table1,left: Baseline,CIFAR-10,accuracy,50.0,\n",
            "paper,artefact,row,column,metric,value,std\ngat,table1,left: Baseline,CIFAR-10,accuracy,50.0,\n",
            "the paper 'dat' is not this file's",
            2,
        ),
        (
            "reported.csv",
            "paper,artefact,row,column,metric,value,std\ngat,table1,left: Baselin,CIFAR-10,accuracy,50.0,\n",
            "paper,artefact,row,column,metric,value,std\ngat,table1,left: Baseline,CIFAR-10,accuracy,50.0,\n",
            "no cell table1 / left: Baselin / CIFAR-10 / accuracy",
            2,
        ),
        (
            "other_reported.csv",
            f"{OTHERS}x,gat,table1,left: Baseline,CIFAR-10,acc,5,\n",
            f"{OTHERS}x,gat,table1,left: Baseline,CIFAR-10,accuracy,5,\n",
            "no cell table1 / left: Baseline / CIFAR-10 / acc",
            2,
        ),
        ("other_reported.csv", "paper\n", "", "does not name the columns", 1),
        ("claims.yaml", "- id: gat.a\n", "[]\n", "statement", 1),
        ("cost.yaml", "# c\n- {recipes: '*', baseline: x}\n", "[]\n", "no recipe 'gat.x'", 2),
    ],
)
def test_a_mistake_in_a_papers_folder_is_found_before_anything_runs(
    project: Path, name: str, wrong: str, right: str, says: str, line: int
) -> None:
    path = Path("config/papers/gat") / name
    path.write_text(wrong)
    fails("validate", says=says, where=path, line=line)
    path.unlink()
    if right:
        path.write_text(right)
    code, printed = call("validate")
    assert code == 0, printed


@pytest.mark.parametrize("text", ["profile: [", "", "profile: tiny\nprofile: tiny\n", "\x00"])
def test_a_broken_configuration_file(project: Path, text: str) -> None:
    Path("config/config.yaml").write_text(text)
    fails("plan", says="error: ", where="config/config.yaml")


def test_a_checkpoint_of_another_configuration(layout: Layout) -> None:
    first, second = sorted((layout.root / "runs").glob("classifier-*-s*/checkpoint.safetensors"))[:2]
    record = json.loads((first.parent / "run.json").read_text())
    loaded = checkpoint.load(second)
    sha256 = checkpoint.save(first, loaded.state, loaded.header)
    (first.parent / "run.json").write_text(json.dumps({**record, "checkpoint_sha256": sha256}))
    run_id = first.parent.name
    fails(
        "train", "--run", run_id, says="another configuration", where=first, remedy="delete the run's folder"
    )


def test_a_damaged_checkpoint(layout: Layout) -> None:
    plan = build_plan(load_config(Path("config")))
    run_id = next(run_id for run_id, run in plan.runs.items() if run.recipe == "gat.gan")
    path = layout.checkpoint(run_id)
    path.write_bytes(path.read_bytes()[:-100])
    fails("train", "--run", run_id, says="damaged", where=path, remedy="delete")


def test_a_checkpoint_that_is_gone_beside_its_record(layout: Layout) -> None:
    run_id = next(iter((layout.root / "runs").glob("gan-*"))).name
    layout.checkpoint(run_id).unlink()
    fails(
        "train",
        "--run",
        run_id,
        says="no checkpoint",
        where=layout.run(run_id),
        remedy="delete the run's folder",
    )


def test_a_result_that_no_rule_made_is_not_drawn(layout: Layout) -> None:
    first, second = sorted((layout.root / "evaluations").glob("accuracy-*.json"))[:2]
    text = first.read_text()
    for other in (
        text.replace('"accuracy": ', '"accuracy": 9'),
        '{"values": {"accuracy": 99.9}}',  # by hand
        text[:200],
        second.read_text(),
    ):
        first.write_text(other)
        fails(
            "draw", "gat/table1", says="is not the one that", where=first,
            remedy="delete it and run Snakemake again",
        )  # fmt: skip


def test_a_result_or_manifest_that_is_gone_is_not_drawn(layout: Layout) -> None:
    first = sorted((layout.root / "evaluations").glob("accuracy-*.json"))[0]
    first.unlink()
    fails("draw", "gat/table1", says="lists this file, which is missing", where=first, remedy="run Snakemake")
    shutil.rmtree(layout.root / "batches")
    fails("draw", "gat/table1", says="is missing", where=layout.root / "batches", remedy="run Snakemake")


def test_cells_that_are_damaged_are_not_joined(layout: Layout) -> None:
    path = layout.root / "cells" / "gat" / "table1.csv"
    edit(path, "not comparable", "splendid")
    fails("cells", says="`splendid` is no verdict", where=f"{path}, line ", remedy="rebuild it")


def test_a_damaged_description_of_an_artefact_is_not_joined(layout: Layout) -> None:
    path = layout.root / "cells" / "gat" / "table1.json"
    edit(path, '"name"', '"nahme"')
    fails("cells", says="", where=path, remedy="draw it anew: repro draw gat/table1")


def test_a_folder_of_somebody_else_is_not_collected_into(project: Path) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work")
    fails(
        "collect",
        "--into",
        "mine",
        says="made no such file",
        where="mine/thesis.txt",
        remedy="move it elsewhere",
    )
