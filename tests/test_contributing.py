"""CONTRIBUTING's examples, word for word: a network and a data set are one file each beside the others."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from data_archives import write_picture
from papers_case import PROFILE, SHEET, call, copied_package, example, repro_copied, run_copied, write_config
from repro.core.paths import Layout
from repro.plan.config import load_config
from repro.plan.plan import build_plan

ROOT = Path(__file__).parents[1]
PLAN = """
import sys
from pathlib import Path
from repro.plan.config import load_config
from repro.plan.plan import build_plan
runs = build_plan(load_config(Path("config"))).runs.values()
print(next(run.run_id for run in runs if run.recipe == "gat.baseline"), "torch" in sys.modules)
"""


def clean(package: Path, path: Path) -> None:
    for check in (["check"], ["format", "--check"]):
        run_copied(package, "-m", "ruff", *check, "--config", str(ROOT / "pyproject.toml"), str(path))


def test_a_profile_is_one_file(tmp_path: Path) -> None:
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## A profile\n")[2]
    shown = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert shown
    config = Path(shutil.copytree(ROOT / "config", tmp_path / "config"))
    (config / "profiles" / "evening.yaml").write_text(shown[1], encoding="utf-8")
    for command in re.findall(r"`repro ([^`]*--profile evening)`", section):
        code, printed = call(*command.split(), "--config", str(config))
        assert code == 0, printed
    runs = build_plan(load_config(config, "evening")).runs.values()
    steps = {run.recipe: run.steps for run in runs if run.recipe.startswith("rgan.")}
    assert steps == {
        "rgan.dcgan": 2000,
        "rgan.dcgan_generator": 2000,
        "rgan.dcgan_discriminator": 2000,
        "rgan.dcgan_both": 4000,
    }
    stand_ins = {"sample_data", "reduced_budget", "reduced_width"}
    assert all(stand_ins <= {*run.stand_ins} and run.seed < 2 for run in runs if run.recipe in steps)


@pytest.mark.slow
def test_a_network_is_one_file(tmp_path: Path) -> None:
    package = copied_package(tmp_path)
    path = package / "models" / "plain.py"
    path.write_text(example("A network"), encoding="utf-8")
    sheet = SHEET.replace("network: sngan,", "network: plain, slope: 0.1, latent_dim: 7,")
    write_config(tmp_path / "config", sheet=sheet)
    plan = build_plan(load_config(tmp_path / "config"))
    name = next(name for name, spec in plan.runs.items() if spec.method == "gan")
    repro_copied(package, ["validate"], ["train", "--run", name])
    assert Layout(tmp_path / "results", "tiny").checkpoint(name).is_file()
    clean(package, path)


@pytest.mark.slow
def test_a_data_set_is_one_file(tmp_path: Path) -> None:
    package = copied_package(tmp_path)
    path = package / "data" / "sets" / "flowers.py"
    path.write_text(example("A data set"), encoding="utf-8")
    for split, n in (("train", 20), ("test", 5)):
        for label, name in enumerate(("daisy", "tulip")):
            for k in range(n):
                path_of = tmp_path / "data" / "flowers" / split / name / f"{k}.png"
                write_picture(path_of, 40, 32, (100 * label, 5 * k, 0))
    sheet = SHEET.replace("dataset: cifar10", "dataset: flowers", 1)
    profile = PROFILE.replace("data: synthetic", "data: real").replace("train: 200", "train: 30")
    write_config(tmp_path / "config", sheet=sheet, profile=profile)
    name, has_torch = run_copied(package, "-c", PLAN).split()
    assert has_torch == "False"
    printed = repro_copied(
        package,
        ["data", "check", "flowers", "--data-root", "data"],
        ["data", "fetch", "flowers", "--data-root", "data"],
        ["train", "--run", name, "--data-root", "data"],
    )
    assert re.search(r"train\W+40\W+40\W+2\W+not known", printed), printed
    assert Layout(tmp_path / "results", "tiny").checkpoint(name).is_file()
    clean(package, path)
