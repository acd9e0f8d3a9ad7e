"""A small config/ folder for tests of planning: one paper, gat, with every kind of row."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from unittest import mock

import repro
from repro.cli import main
from repro.plan.batches import make_batches
from repro.plan.config import Config, load_config
from repro.plan.plan import Plan, build_plan

ROOT = Path(__file__).parents[1]

SETTINGS = """\
profile: tiny
extractor:
  method: classifier
  workload: features
  dataset: cifar10
  budget: {epochs: 2, batch_size: 100}
  options: {network: embedding}
tolerances: {accuracy: 1.0, is: 0.2, fid: {relative: 0.05}, kid: 0.001}
"""
PROFILE = """\
name: tiny
title: a test
data: synthetic
limits: {train: 200, test: 50}
max_seeds: 2
workloads:
  classifier: {steps: 4, batch_size: 20, width: 0.25}
  gan: {steps: 2, batch_size: 10, width: 0.125}
  features: {steps: 3, batch_size: 20}
measuring: {images: 30, generated: 40}
batches: {train: 2, evaluate: 3}
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
    dataset: cifar10
    budget: {epochs: 10, batch_size: 100}
    seeds: 50
    options: {network: embedding}
  twin:
    method: classifier
    workload: classifier
    dataset: cifar10
    budget: {epochs: 10, batch_size: 100}
    seeds: 50
    options: {network: embedding}
  gan:
    method: gan
    workload: gan
    dataset: cifar10
    budget: {steps: 1000, batch_size: 64}
    options: {network: sngan, n_dis: 1}
  later:
    method: gan
    workload: gan
    dataset: cifar10
    budget: {steps: 1000, batch_size: 64}
    start_from: gan
    options: {network: sngan, n_dis: 1}
evaluations:
  test_accuracy:
    measure: accuracy
    options: {split: test}
    conventions:
      paper: {batch_size: 10}
      standard: {}
  scores:
    measure: fidelity
    options: {reference_split: train}
artefacts:
  table1:
    kind: table
    title: "Two models"
    source: "Table 1"
    panels:
      - name: "left"
        rows:
          - {name: "Baseline", recipe: baseline}
          - {name: "Other", recipe: twin}
          - {name: "Printed", cited: true}
          - {name: "Later", pending: "not yet"}
        columns:
          - {name: "CIFAR-10", metric: accuracy, evaluation: test_accuracy}
          - {name: "gain", metric: accuracy_gain, evaluation: test_accuracy, value: accuracy, minus: baseline}
        except:
          - {row: "Baseline", column: "gain", pending: "nothing to subtract from"}
      - name: "right"
        rows:
          - {name: "GAN", recipe: gan}
          - {name: "GAN, longer", recipe: later}
        columns:
          - {name: "IS", metric: is, evaluation: scores}
  figure4:
    kind: plot
    title: "A sweep"
    source: "Figure 4"
    rows:
      - {name: "Baseline", recipe: baseline}
    columns:
      values: [0, 0.5]
      name: "dropout {}"
      option: dropout
      metric: accuracy
      evaluation: test_accuracy
      pending: "swept later"
"""


def write_config(
    folder: Path, *, sheet: str = SHEET, profile: str = PROFILE, settings: str = SETTINGS
) -> Path:
    """Write a config folder and return it."""
    paper = folder / "papers" / "gat"
    paper.mkdir(parents=True, exist_ok=True)
    (folder / "profiles").mkdir(exist_ok=True)
    (paper / "sheet.yaml").write_text(sheet)
    (folder / "profiles" / "tiny.yaml").write_text(profile)
    (folder / "config.yaml").write_text(settings)
    printed = "gat,table1,left: Baseline,CIFAR-10,accuracy,50.0,\n" * ('name: "left"' in sheet)
    (paper / "reported.csv").write_text(f"paper,artefact,row,column,metric,value,std\n{printed}")
    for path in (paper / "claims.yaml", paper / "audit.yaml", paper / "ledger.yaml", folder / "ledger.yaml"):
        path.write_text("[]\n")
    return folder


def copied_package(folder: Path) -> Path:
    """Copy the package to ``folder``, to be added to; return where it lies."""
    source = Path(str(repro.__file__)).parent
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(source, folder / "src" / "repro", ignore=ignored))


def example(section: str) -> str:
    """Return the first Python file that a section of CONTRIBUTING shows."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition(f"## {section}\n")[2]
    found = re.search(r"```python\n(.*?)```", text.partition("\n## ")[0], re.DOTALL)
    assert found
    return found[1]


def run_copied(package: Path, *words: str) -> str:
    """Run Python with a copied package, beside its ``src``; return what it prints, errors too."""
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "OMP_NUM_THREADS": "1"}
    command, folder = [sys.executable, *words], package.parents[1]
    done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def repro_copied(package: Path, *commands: list[str]) -> str:
    """Run commands of a copied package's `repro` in one process."""
    code = f"from repro.cli import app\nfor words in {commands}: app(words, standalone_mode=False)"
    return run_copied(package, "-c", code)


def read(folder: Path, **texts: str) -> Config:
    """Write a config folder and read it."""
    return load_config(write_config(folder, **texts))


def plan(folder: Path, **texts: str) -> Plan:
    """Write a config folder and plan it."""
    return build_plan(read(folder, **texts))


@cache
def plan_of(profile: str) -> Plan:
    """Return the plan of one of the repository's own profiles, made once: nobody may change it."""
    return build_plan(load_config(ROOT / "config", profile))


def line_of(text: str, part: str) -> int:
    """Return the line, from 1, on which ``part`` first occurs."""
    return text[: text.index(part)].count("\n") + 1


def call(*words: str) -> tuple[int, str]:
    """Run the command line in this process; return the exit code and what it printed."""
    printed, code = io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", ["repro", *words]),
        redirect_stdout(printed),
        redirect_stderr(printed),
    ):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return code, printed.getvalue()


def build(folder: Path) -> None:
    """Walk the whole road of the small config in ``folder``, as the DAG does, step by step."""
    sheet = SHEET.replace("recipe: later}", 'pending: "its method starts from scratch"}')
    batches = make_batches(plan(folder / "config", sheet=sheet))
    with chdir(folder):
        steps = [("train", "--batch", name) for name in batches.train]
        steps += [("evaluate", "--batch", name) for name in batches.evaluate]
        steps += [("draw", name) for name in ("gat/table1", "gat/figure4")]
        for step in [*steps, ("cells",), ("report",), ("collect",)]:
            code, printed = call(*step)
            assert code == 0, (step, printed)
