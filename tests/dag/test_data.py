"""Data replaced behind finished results: planning sees it, verify names it, all of it is made anew."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dag_case import copy_workflow, run_repro, run_snakemake, snakemake
from papers_case import SETTINGS, copied_package, example, write_config
from repro.core.files import read_json
from repro.core.manifest import read_manifest, write_manifest
from repro.core.paths import Layout
from repro.evaluate.result import Result, write_result

PROFILE = """\
name: tiny
title: a test
data: real
max_seeds: 1
workloads:
  classifier: {steps: 2, batch_size: 10, width: 0.25}
  gan: {steps: 2, batch_size: 10, width: 0.125}
  features: {steps: 2, batch_size: 10}
measuring: {generated: 20}
batches: {train: 5, evaluate: 5}
device: cpu
"""
SHEET = """\
order: 1
name: GAT
title: "A test"
recipes:
  baseline:
    method: classifier
    workload: classifier
    dataset: flowers
    budget: {epochs: 1, batch_size: 10}
    options: {network: embedding}
  gan:
    method: gan
    workload: gan
    dataset: flowers
    budget: {steps: 2, batch_size: 10}
    options: {network: sngan, n_dis: 1}
evaluations:
  test_accuracy: {measure: accuracy}
  scores: {measure: fidelity, options: {metrics: [is], splits: 2}}
artefacts:
  table1:
    kind: table
    title: "Two models"
    source: "Table 1"
    rows: [{name: "Baseline", recipe: baseline}]
    columns: [{name: "Flowers", metric: accuracy, evaluation: test_accuracy}]
  table2:
    kind: table
    title: "A generator"
    source: "Table 2"
    rows: [{name: "GAN", recipe: gan}]
    columns: [{name: "IS", metric: is, evaluation: scores}]
"""
LAYOUT = Layout(Path("results"), "tiny")
RECORD = LAYOUT.data("flowers")
CELLS = str(LAYOUT.cells)


def place(seed: int, train: int = 20, test: int = 5, root: str = "data") -> None:
    """Replace the pictures, so many of each of the two classes."""
    draws = np.random.default_rng(seed)
    shutil.rmtree(f"{root}/flowers", ignore_errors=True)
    for split, n in (("train", train), ("test", test)):
        for name in ("daisy", "tulip"):
            for k in range(n):
                path = Path(root, "flowers", split, name, f"{k}.png")
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(draws.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)


def cells() -> dict[str, dict[str, str]]:
    with LAYOUT.cells.open(newline="") as file:
        return {cell["metric"]: cell for cell in csv.DictReader(file)}


def jobs(printed: str) -> set[str]:
    """Return the rules of the jobs that Snakemake ran, or (with ``-n``) would run."""
    return set(re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):", printed, re.MULTILINE))


def measured() -> dict[str, dict[str, str | None]]:
    """Return what each run and evaluation names: fingerprints by split, hashes by field."""
    found = {}
    for path in [*(LAYOUT.root / "runs").glob("*/run.json"), *(LAYOUT.root / "evaluations").glob("*.json")]:
        content = read_json(path, remedy="")
        facts = content["data"] if path.name != "run.json" else [content["data"]]
        found[path.name if path.name != "run.json" else path.parent.name] = {
            each["split"]: each["fingerprint"] for each in facts
        } | {"checkpoint": content["checkpoint_sha256"]}
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished checkout: everything trained and measured on data that this test placed."""
    folder = tmp_path_factory.mktemp("built")
    package = copied_package(folder)
    (package / "data" / "sets" / "flowers.py").write_text(example("A data set"), encoding="utf-8")
    settings = SETTINGS.replace("cifar10", "flowers") + "data_root: data\n"
    write_config(folder / "config", sheet=SHEET, profile=PROFILE, settings=settings)
    copy_workflow(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("REPRO_DATA", raising=False)
        place(seed=1, train=10)
        snakemake(Path(), CELLS)
    return folder


@pytest.fixture
def checkout(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, times of files included, made the working directory."""
    monkeypatch.delenv("REPRO_DATA", raising=False)
    folder = tmp_path / "checkout"
    shutil.copytree(built, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.slow
def test_each_long_job_asks_for_more_time_when_it_is_tried_again(checkout: Path) -> None:
    """A cluster ends a job after its time: one that writes nothing until it is done would never finish."""
    snakemake(checkout, str(RECORD))  # of the copied pictures
    workflow = Path("Snakefile")
    workflow.write_text(workflow.read_text() + 'shell.prefix("exit 1; ")\n')
    batches = LAYOUT.root / "batches"
    asked = {}
    # the last one first, since a job that fails takes its output away, which the others need
    for target in (next(batches.glob("evaluate/*.json")), next(batches.glob("train/*.json")), RECORD):
        code, printed = run_snakemake(checkout, "--force", "--retries", "1", str(target))
        assert code != 0
        (rule,) = jobs(printed)
        asked[rule] = [int(minutes) for minutes in re.findall(r"runtime=(\d+)", printed)]
    assert asked.keys() == {"data_set", "train", "evaluate"}
    for first, second in asked.values():
        assert second == 2 * first
    assert asked["data_set"] == [720, 1440]


@pytest.mark.slow
def test_the_whole_set_takes_the_place_of_a_sample(checkout: Path) -> None:
    assert RECORD.is_file()
    before = measured()
    assert all("sample_data" in cell["stand_ins"] for cell in cells().values())
    place(seed=2)
    code, printed = run_repro(checkout, "verify")
    assert code == 2
    assert "data does not hold flowers test (10 images" in printed
    assert f"where:  {RECORD}" in printed
    planned = snakemake(checkout, "-n", CELLS)
    assert {"data_set", "train", "evaluate", "table"} <= jobs(planned)
    assert "the files of flowers in data" in planned
    next((LAYOUT.root / "evaluations").glob("accuracy-*.json")).unlink()  # nor does this mix the two
    assert {"data_set", "train", "evaluate", "table"} <= jobs(snakemake(checkout, CELLS))
    after = measured()
    for name in before:
        assert all(after[name][split] != mark for split, mark in before[name].items()), name
    assert not any("sample_data" in cell["stand_ins"] for cell in cells().values())
    log = "".join(path.read_text() for path in (LAYOUT.root / "logs" / "train").glob("*.log"))
    assert log.count("is trained anew: it saw 20 images of flowers train") == 3
    assert len(list((LAYOUT.root / "set-aside").iterdir())) == 3
    code, printed = run_repro(checkout, "verify")
    assert code == 0, printed
    assert "Nothing to be done" in snakemake(checkout, CELLS)


@pytest.mark.slow
def test_touched_files_and_a_moved_data_root_train_and_measure_nothing(checkout: Path) -> None:
    before = measured()
    shutil.move("data", "moved")
    next(Path("moved").rglob("*.png")).touch()
    words = CELLS, "--config", "data_root=moved"
    ran = jobs(snakemake(checkout, *words))
    assert "data_set" in ran
    assert not {"train", "evaluate"} & ran
    assert measured() == before
    assert "Nothing to be done" in snakemake(checkout, *words)
    assert "Nothing to be done" in snakemake(checkout, CELLS)  # none at hand: what is there stays
    code, printed = run_repro(checkout, "verify", "--data-root=moved")
    assert code == 0, printed


@pytest.mark.slow
def test_results_of_an_older_version_are_measured_anew_but_not_trained(checkout: Path) -> None:
    shutil.rmtree(RECORD.parent)
    shutil.rmtree(".snakemake")
    for path in (LAYOUT.root / "evaluations").glob("*.json"):
        result = read_json(path, remedy="")
        values = {name: value for name, value in result.items() if name not in ("data", "sha256")}
        write_result(path, Result.model_validate(values))
    for batch in (LAYOUT.root / "batches" / "evaluate").glob("*.json"):
        write_manifest(batch, LAYOUT, "evaluate", read_manifest(batch))
    before = measured()
    assert {"data_set", "train", "evaluate"} <= jobs(snakemake(checkout, CELLS))
    after = measured()
    assert all(after[name]["checkpoint"] == facts["checkpoint"] for name, facts in before.items())
    assert not (LAYOUT.root / "set-aside").exists()
    accuracy = next(name for name in after if name.startswith("accuracy"))
    assert "test" not in before[accuracy]
    assert "test" in after[accuracy]
