"""A training that really diverges does not stop the DAG: its evaluations, cells, tables and plots say so."""

from __future__ import annotations

import csv
import json
from contextlib import chdir
from pathlib import Path

import pytest

from dag_case import copy_workflow, snakemake
from papers_case import PROFILE, SETTINGS, call, write_config
from repro.core.divergence import divergence_of
from repro.core.paths import Layout

SHEET = """\
order: 1
name: GAT
title: "A test"
recipes:
  steady: &gan
    method: gan
    workload: gan
    dataset: cifar10
    budget: {steps: 1000, batch_size: 64}
    seeds: 2
    snapshots: 2
    options: &options {network: dcgan, loss: non_saturating, n_dis: 1, decay: none, learning_rate: 2.0e-4}
  wild: {<<: *gan, options: {<<: *options, learning_rate: 1.0e+30}}   # Adam's first step is as long
evaluations:
  scores:
    measure: fidelity
    conventions: {paper: {checkpoint: best_snapshot}, standard: {}}
  grid: {measure: samples, options: {rows: 2, columns: 2}}
artefacts:
  table1:
    kind: table
    title: "Two learning rates"
    source: "Table 1"
    rows:
      - {name: "Steady", recipe: steady}
      - {name: "Wild", recipe: wild}
    columns:
      - {name: "CIFAR-10", metric: fid, evaluation: scores}
      - {name: "gain", metric: fid, evaluation: scores, value: fid, minus: steady}
  figure1:
    kind: plot
    title: "Over the learning rate"
    source: "Figure 1"
    rows: [{name: "GAN"}]
    columns:
      - {name: "0.0002", recipe: steady, metric: fid, evaluation: scores}
      - {name: "1e30", recipe: wild, metric: fid, evaluation: scores}
  figure2:
    kind: samples
    title: "Samples"
    source: "Figure 2"
    rows: [{name: "Steady", recipe: steady}, {name: "Wild", recipe: wild}]
    columns: [{name: "images", metric: images, evaluation: grid}]
"""


@pytest.mark.slow
def test_the_dag_goes_on(tmp_path: Path) -> None:
    copy_workflow(tmp_path)
    profile = PROFILE.replace("evaluate: 3", "evaluate: 50").replace("train: 2", "train: 50")
    settings = SETTINGS + "results: results\n"
    write_config(tmp_path / "config", sheet=SHEET, profile=profile, settings=settings)
    snakemake(tmp_path, "figures/")

    layout = Layout(tmp_path / "results", "tiny")
    runs = {path.name: divergence_of(layout, path.name) for path in (layout.root / "runs").iterdir()}
    wild = {name for name, found in runs.items() if found is not None}
    assert len(wild) == 2
    results = [json.loads(path.read_text()) for path in (layout.root / "evaluations").glob("*.json")]
    for result in results:
        assert (result["diverged"] is not None) == (result["spec"]["run"] in wild)
        assert (result["values"] == {}) == (result["spec"]["run"] in wild)

    with layout.cells.open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert cells
    for cell in cells:
        hit = bool(wild & set(cell["runs"].split("+")))
        assert (cell["verdict"] == "diverged") == hit, cell
        assert (cell["diverged"], cell["n_seeds"]) == (("2", "0") if hit else ("0", "2"))
        assert bool(cell["measured"]) != hit
        assert "nan" not in ",".join(cell.values())
    figures = tmp_path / "figures"
    assert "diverged ∞ 2/2" in (figures / "gat" / "table1.md").read_text()
    assert r"diverged $\infty$ 2/2" in (figures / "gat" / "table1.tex").read_text()
    for name in ("table1", "figure1", "figure2"):
        assert (figures / "gat" / f"{name}.png").stat().st_size > 1000
    pages = [(figures / f"runs/{name}.html").read_text() for name in wild]
    assert all("diverged</span> at step" in page for page in pages)
    with chdir(tmp_path):
        code, printed = call("verify")
    assert code == 0, printed
    assert "Nothing to be done" in snakemake(tmp_path, "figures/")
