"""The profile gat-cpu: GAT at the sheet's own budget, attacks on the same images, searches at full length."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from repro.plan.batches import make_batches
from repro.plan.cells import MeasuredCell, PendingCell
from repro.plan.config import load_config
from repro.plan.plan import Plan, build_plan

CONFIG = Path(__file__).parents[2] / "config"
CLASSIFIERS = {
    "gat.baseline": 5, "gat.dropout": 5, "gat.random_perturbation": 5, "gat.fast_gradient_linf": 5,
    "gat.fast_gradient_l2": 5, "gat.gat": 3, "gat.dropout_gat": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def plan() -> Plan:
    return build_plan(load_config(CONFIG, "gat-cpu"))


def test_no_training_is_reduced_and_all_rows_have_one_rule(plan: Plan) -> None:
    asked = [run for name, run in plan.runs.items() if name not in plan.only_searched]
    assert {run.stand_ins for run in plan.runs.values()} == {()}
    assert Counter(run.recipe for run in asked) == {**CLASSIFIERS, "gat.gat_attack": 6 * 3}
    rows = [run for run in asked if run.recipe in CLASSIFIERS]
    assert {(run.steps, run.batch_size, run.width, run.dataset) for run in rows} == {
        (30 * 703, 64, 1.0, "cifar10")
    }
    rules = {tuple(run.options.get(name) for name in ("train_split", "keep", "patience")) for run in rows}
    assert rules == {("train45k", "best_validation", 8)}


def test_a_shorter_profile_gives_no_run_more_than_the_sheet() -> None:
    quick = build_plan(load_config(CONFIG, "quick"))
    attacks = {(run.steps, run.stand_ins) for run in quick.runs.values() if run.recipe == "gat.gat_attack"}
    assert attacks == {(3 * 703, ())}  # its workload's 30 epochs are for the classifiers


def test_table_2_is_comparable_on_cifar10_and_pending_on_cifar100(plan: Plan) -> None:
    for cell in plan.cells["gat/table2"]:
        if cell.column == "CIFAR-10":
            assert isinstance(cell, MeasuredCell)
            assert cell.stand_ins == ()
            specs = [plan.evaluations[name] for name in cell.evaluations]
            assert {(spec.options["split"], spec.limit) for spec in specs} == {("test", None)}
        else:
            assert isinstance(cell, PendingCell)


def test_seven_rows_in_bfloat16_reduce_nothing_and_are_held_against_float32() -> None:
    narrow = build_plan(load_config(CONFIG, "gat-bf16"))
    asked = [run for name, run in narrow.runs.items() if name not in narrow.only_searched]
    cheap = {name: seeds for name, seeds in CLASSIFIERS.items() if seeds == 5}
    assert Counter(run.recipe for run in asked) == cheap | {"gat.gat": 3, "gat.dropout_gat": 3}
    assert {(run.precision, run.stand_ins, run.width, run.steps) for run in asked} == {
        ("bf16", (), 1.0, 30 * 703)
    }
    (other,) = [run for name, run in narrow.runs.items() if name in narrow.only_searched]
    assert (other.precision, other.seed) == ("float32", 0)
    assert other.model_copy(update={"precision": "bf16"}) in asked


def test_all_attacks_see_the_same_thousand_images(plan: Plan) -> None:
    attacks = [spec for spec in plan.evaluations.values() if spec.measure != "accuracy"]
    assert {spec.measure for spec in attacks} == {"robust_accuracy", "auto_attack", "equal_power"}
    assert {(spec.options["split"], spec.limit) for spec in attacks} == {("test", 1000)}
    for name in ("figure2", "figure3", "figure4"):
        shown = {spec for cell in plan.cells[f"gat/{name}"] for spec in cell.evaluations}
        assert shown <= {spec.evaluation_id for spec in attacks}


def test_what_the_text_searched_is_searched_at_full_length(plan: Plan) -> None:
    assert set(plan.searches) == {
        f"gat/{name}" for name in ("c_g", "dropout_rate", "fg_linf_eps", "fg_l2_eps", "noise_length")
    }
    for search in plan.searches.values():
        for candidate in search.candidates:
            (run,) = candidate.runs
            assert (run.steps, run.batch_size, run.width, run.stand_ins) == (30 * 703, 64, 1.0, ())
            (evaluation,) = candidate.evaluations
            assert (evaluation.options, evaluation.limit) == ({"split": "validation5k"}, None)
        used = [c for c in search.candidates if c.runs[0].run_id not in plan.only_searched]
        assert len(used) == 1  # the value in use is the first seed of its recipe, trained once


def test_what_the_generator_does_is_measured_at_each_tenth_of_its_training(plan: Plan) -> None:
    cells = [cell for cell in plan.cells["gat/figure2"] if cell.row.startswith("(c)")]
    assert {(cell.value, cell.column) for cell in cells if isinstance(cell, MeasuredCell)} == {
        (f"{value}@{share}%", f"{share} % of 30 epochs")
        for value in ("power", "accuracy", "accuracy_l2", "accuracy_linf", "accuracy_noise")
        for share in range(10, 101, 10)
    }
    trained = {name for cell in plan.cells["gat/table2"] for name in cell.runs}
    assert {name for cell in cells for name in cell.runs} <= trained


def test_the_cheap_rows_are_the_first_jobs(plan: Plan) -> None:
    batches = make_batches(plan).train
    order = [plan.runs[batches[f"gat-0-{number:03d}"].members[0]].recipe for number in range(31)]
    assert order == [name for name, seeds in CLASSIFIERS.items() for _ in range(seeds)]
