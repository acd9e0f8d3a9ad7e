"""A cell of the epoch at which a run's curve passes another's end; one that never does is marked."""

from __future__ import annotations

from pathlib import Path

import pytest

from papers_case import PROFILE, plan
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.draw.tables import table_markdown
from repro.evaluate.result import Result
from repro.plan.plan import Plan
from small_result import composed, small_result

SHEET = """\
order: 1
name: GAT
title: "A test"
recipes:
  quick: &gan
    method: gan
    workload: gan
    dataset: cifar10
    budget: {steps: 100, batch_size: 10}
    snapshots: 4
    options: {network: dcgan}
  slow: {<<: *gan, options: {network: dcgan, n_dis: 2}}
  level: {<<: *gan, snapshots: 1, options: {network: dcgan, n_dis: 3}}
evaluations:
  curve: {measure: curve, options: {metrics: [is], splits: 2}}
artefacts:
  table1:
    kind: table
    title: "Epochs"
    source: "Table 1"
    rows:
      - {name: "Quick", recipe: quick}
      - {name: "Slow", recipe: slow}
    columns:
      - {name: "epochs", metric: epochs, evaluation: curve, value: is, passes: {recipe: level, epochs: 200}}
"""
CURVES = {
    "gat.quick": {"is@25%": 1.0, "is@50%": 5.0, "is@75%": 6.0, "is@100%": 5.0},
    "gat.slow": {"is@25%": 1.0, "is@50%": 3.5, "is@75%": 2.0, "is@100%": 2.5},
    "gat.level": {"is@100%": 3.0},
}


def results_of(opened: Plan, curves: dict[str, dict[str, float]]) -> list[Result]:
    return [
        small_result(spec, values=curves[opened.runs[spec.run].recipe])
        for spec in opened.evaluations.values()
    ]


def test_the_epoch_and_that_it_never_came(tmp_path: Path) -> None:
    opened = plan(tmp_path / "config", sheet=SHEET, profile=PROFILE.replace("max_seeds: 2", "max_seeds: 1"))
    layout = Layout(tmp_path / "results", "tiny")
    artefact, cells, _ = composed(opened, layout, results_of(opened, CURVES))
    found = {cell.row: (cell.measured, cell.flags) for cell in cells}
    # half-way from 1 at 25 % to 5 at 50 % of 200 epochs; one snapshot above the level does not count
    assert found == {"Quick": (75.0, ()), "Slow": (200.0, ("never_passed",))}
    behind = {opened.runs[name].recipe for cell in cells for name in cell.runs}
    assert behind == {"gat.quick", "gat.slow", "gat.level"}
    assert "a run never passed the level" in table_markdown(artefact, cells, "tiny").splitlines()[-1]


def test_a_level_without_a_snapshot_is_refused_and_the_remedy_works(tmp_path: Path) -> None:
    bare = SHEET.replace("snapshots: 1, ", "snapshots: 0, ")
    profile = PROFILE.replace("max_seeds: 2", "max_seeds: 1")
    opened = plan(tmp_path / "bare", sheet=bare, profile=profile)
    results = results_of(opened, {**CURVES, "gat.level": {"is": 3.0}})
    with pytest.raises(ReproError, match="has no value 'is@100%'") as caught:
        composed(opened, Layout(tmp_path / "results", "tiny"), results)
    assert "give level a snapshot" in caught.value.remedy
    opened = plan(tmp_path / "config", sheet=SHEET, profile=profile)
    composed(opened, Layout(tmp_path / "again", "tiny"), results_of(opened, CURVES))
