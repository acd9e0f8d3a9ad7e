"""Marks that are relative to a sheet follow it: results say what a fresh folder would say."""

from __future__ import annotations

from pathlib import Path

import pytest

from papers_case import PROFILE, plan
from repro.core.files import atomic_write_json
from repro.core.paths import Layout
from repro.core.records import read_record
from repro.cost.measure import measure_costs
from repro.evaluate.result import read_result
from repro.jobs.steps import evaluate_step, train_step
from repro.plan.batches import make_batches
from repro.plan.plan import Plan
from repro.verify.evaluations import check_evaluations
from repro.verify.findings import Findings
from repro.verify.runs import check_runs

SHEET = """\
order: 1
name: GAT
title: "A test"
recipes:
  parent: &plain
    method: classifier
    workload: classifier
    dataset: cifar10
    budget: {steps: 4, batch_size: 20}
    options: {network: gat_classifier}
  child: {<<: *plain, method: gat_attack, start_from: parent, options: {validate_every: 2}}
  attacked: {<<: *plain, options: {network: embedding}}
  lender: {<<: *plain, options: {network: embedding, learning_rate: 0.002}}
evaluations:
  clean: {measure: accuracy}
  indirect: {measure: robust_accuracy, surrogate: lender, options: {radii: [0.1], steps: 1}}
artefacts:
  table1:
    kind: table
    title: "Marks"
    source: "Table 1"
    rows:
      - {name: "Parent", recipe: parent}
      - {name: "Child", recipe: child}
    columns: [{name: "clean", metric: accuracy, evaluation: clean}]
  table2:
    kind: table
    title: "Marks"
    source: "Table 2"
    rows: [{name: "Attacked", recipe: attacked}]
    columns: [{name: "PGD", metric: accuracy, evaluation: indirect, value: "accuracy@0.1"}]
"""
RELATIVE = {"reduced_budget", "changed_batch_size"}


def opened(folder: Path, longer: bool) -> Plan:
    """Return the plan of a profile that pays for all that the sheet asks for, or for a part of it."""
    sheet, more = SHEET, "budget: {steps: 8, batch_size: 64}"
    if longer:  # parent and lender; the others are as before
        sheet = sheet.replace("budget: {steps: 4, batch_size: 20}", more, 1)
        sheet = sheet.replace("*plain, method", "*plain, budget: {steps: 4, batch_size: 20}, method")
        sheet = sheet.replace(
            "attacked: {<<: *plain", "attacked: {<<: *plain, budget: {steps: 4, batch_size: 20}"
        )
    return plan(folder / f"config-{longer}", sheet=sheet, profile=PROFILE)


def run(asked: Plan, layout: Layout) -> None:
    """Train and measure what a plan asks for, as its DAG does: finished runs are left as they are."""
    batches = make_batches(asked)
    for name in batches.train:
        train_step(asked, batches, layout, batch=name, run=None, data_root=None, device="cpu")
    for name in batches.evaluate:
        evaluate_step(asked, batches, layout, batch=name, data_root=None, inception=None, device="cpu")


def marks(asked: Plan, layout: Layout) -> dict[str, set[str]]:
    """Return what stood in, by recipe: in its measurement, and in its line of the costs as "cost of ..."."""
    found: dict[str, set[str]] = {}
    for spec in asked.evaluations.values():
        result = read_result(layout.evaluation(spec.evaluation_id))
        assert result is not None
        found.setdefault(asked.runs[spec.run].recipe, set()).update(result.stand_ins)
    costs = {f"cost of {cost.spec.recipe}": set(cost.stand_ins) for cost in measure_costs(asked, layout)}
    assert costs
    return found | costs


def problems(asked: Plan, layout: Layout) -> list[str]:
    found, batches = Findings(), make_batches(asked)
    check_runs(asked, batches, layout, found)
    check_evaluations(asked, batches, layout, found)
    return [str(problem) for problem in found.problems]


@pytest.mark.parametrize("corrected", ["shorter", "longer"])
def test_after_a_correction_results_are_marked_as_in_a_fresh_folder(tmp_path: Path, corrected: str) -> None:
    plans = opened(tmp_path, True), opened(tmp_path, False)
    before, after = plans if corrected == "shorter" else plans[::-1]
    assert before.runs.keys() == after.runs.keys()
    grown, fresh = Layout(tmp_path / "grown", "tiny"), Layout(tmp_path / "fresh", "tiny")
    run(before, grown)
    run(after, grown)
    run(after, fresh)
    found = marks(after, grown)
    assert found == marks(after, fresh)
    for recipe in ("gat.parent", "gat.child", "gat.attacked", "cost of gat.parent", "cost of gat.child"):
        assert bool(RELATIVE & found[recipe]) == (corrected == "longer"), recipe
        assert {"synthetic_data", "reduced_width"} <= found[recipe]
    assert problems(after, grown) == []


def test_old_records_hold_marks_of_their_sheet_and_are_read_without_them(tmp_path: Path) -> None:
    long, short = opened(tmp_path, True), opened(tmp_path, False)
    layout = Layout(tmp_path / "results", "tiny")
    run(long, layout)
    for name, spec in long.runs.items():
        record = read_record(layout, name)
        assert not RELATIVE & {*record["stand_ins"]}
        assert {*spec.stand_ins} - RELATIVE <= {*record["stand_ins"]}
        atomic_write_json(layout.record(name), {**record, "stand_ins": list(spec.stand_ins)})
    run(short, layout)
    assert not any(RELATIVE & found for found in marks(short, layout).values())


def test_verify_asks_for_the_marks_of_the_plan(tmp_path: Path) -> None:
    long, short = opened(tmp_path, True), opened(tmp_path, False)
    layout = Layout(tmp_path / "results", "tiny")
    run(short, layout)
    told = problems(long, layout)
    assert len(told) == len(long.evaluations)
    assert all("leaves out what stood in: changed_batch_size, reduced_budget" in each for each in told)
    for evaluation in long.evaluations.values():  # as advised
        layout.evaluation(evaluation.evaluation_id).unlink()
    run(long, layout)
    assert problems(long, layout) == []
