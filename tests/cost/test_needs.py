"""What jobs ask a cluster for: predicted without records, measured with them, large where images are."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from papers_case import plan_of
from repro.core.files import atomic_write_json
from repro.core.paths import Layout
from repro.cost.needs import MEASURED, PREDICTED, PROCESS, TIMES, Forecast
from repro.cost.sizes import StepSize, images_mib, read_steps, size_of, training_mib
from repro.plan.batches import Batches, make_batches
from repro.plan.plan import Plan

CONFIG = Path(__file__).parents[2] / "config"


@cache
def planned(profile: str) -> tuple[Plan, Batches]:
    plan = plan_of(profile)
    return plan, make_batches(plan)


def forecast(profile: str, results: Path) -> Forecast:
    plan, batches = planned(profile)
    return Forecast(plan, batches, Layout(results, profile), CONFIG)


def record(
    found: Forecast, stage: str, batch: str, mib: float, members: tuple[str, ...], seconds: float = 12.5
) -> None:
    """Write what Snakemake notes of a job, its members' records and the manifest of what it made."""
    path = found.layout.benchmark(stage, batch)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:12\t{mib}\n")
    for member in members:
        place = found.layout.record(member) if stage == "train" else found.layout.evaluation(member)
        atomic_write_json(place, {"seconds": 12.0, "steps": 1})
    atomic_write_json(found.layout.batch(stage, batch), {member: {"sha256": "0" * 64} for member in members})


def test_without_records_memory_is_predicted_and_minutes_are_unknown(tmp_path: Path) -> None:
    found = forecast("paper", tmp_path)
    batch = next(name for name, b in found.batches.train.items() if "cifar10-" in b.members[0])
    needs = found.training(batch)
    images = 50_000 * 3 * 32 * 32 / 2**20
    assert needs.minutes is None
    assert needs.mem_mb == pytest.approx((PROCESS["gpu"] + 2 * images) * PREDICTED, abs=1)


def test_each_process_of_a_run_asks_for_as_much(tmp_path: Path) -> None:
    alone = forecast("paper", tmp_path)
    name, batch = next(iter(alone.batches.train.items()))
    four = Batches({name: replace(batch, processes=4)})
    several = Forecast(alone.plan, four, alone.layout, CONFIG)
    assert several.training(name).mem_mb == 4 * alone.training(name).mem_mb
    record(alone, "train", name, 6000.0, batch.members)
    assert Forecast(alone.plan, four, alone.layout, CONFIG).training(name).mem_mb == 6000 * MEASURED


def test_images_that_do_not_fit_into_four_gigabytes_are_asked_room_for(tmp_path: Path) -> None:
    found = forecast("paper", tmp_path)
    of_lsun = [name for name, b in found.batches.train.items() if "lsun_bedroom" in b.members[0]]
    assert of_lsun
    images = images_mib("lsun_bedroom", "train")
    assert images > 34 * 1024
    assert all(found.training(name).mem_mb > 2 * images for name in of_lsun)
    assert any(found.evaluation(name).mem_mb > 2 * images for name in found.batches.evaluate)


def test_on_a_cpu_a_step_counts_too(tmp_path: Path) -> None:
    found = forecast("gat-cpu", tmp_path)
    batch = next(name for name, b in found.batches.train.items() if b.members[0].startswith("gat-cifar10"))
    run = found.plan.runs[found.batches.train[batch].members[0]]
    size = size_of(run, found.plan.recipes[run.run_id][run.recipe], read_steps(CONFIG))
    assert size is not None
    images = training_mib(run)
    least = (PROCESS["cpu"] + 2 * images + size.step_mib) * PREDICTED
    assert found.training(batch).mem_mb >= least > (PROCESS["cpu"] + 2 * images) * PREDICTED + 10


def test_records_of_the_same_kinds_count_for_other_seeds(tmp_path: Path) -> None:
    found = forecast("paper", tmp_path)
    families: dict[str, list[str]] = {}
    for name, batch in found.batches.train.items():
        if len(batch.members) == 1:
            families.setdefault(batch.members[0].rpartition("-s")[0], []).append(name)
    one, other, *_ = next(names for names in families.values() if len(names) > 1)
    before = found.training(other)
    run = found.plan.runs[found.batches.train[one].members[0]]
    record(found, "train", one, 5000.0, (run.run_id,), seconds=7210.0)
    atomic_write_json(found.layout.record(run.run_id), {"seconds": 7200.0, "steps": run.steps})
    needs = forecast("paper", tmp_path).training(other)
    assert needs.mem_mb == 5000 * MEASURED != before.mem_mb
    record(found, "train", one, 300.0, (run.run_id,), seconds=3.0)  # a job that found the run finished
    atomic_write_json(found.layout.record(run.run_id), {"seconds": 7200.0, "steps": run.steps})
    assert forecast("paper", tmp_path).training(other).mem_mb == before.mem_mb
    assert needs.minutes == 10 + TIMES * 120


@pytest.mark.parametrize("spoilt", ["other members", "empty", "no number", "no manifest", "no record"])
def test_a_record_of_something_else_does_not_count(spoilt: str, tmp_path: Path) -> None:
    found = forecast("smoke", tmp_path)
    name, batch = next(iter(found.batches.evaluate.items()))
    before = found.evaluation(name)
    members = batch.members[:-1] if spoilt == "other members" else batch.members
    record(found, "evaluate", name, 3.0, members)
    if spoilt == "no manifest":
        found.layout.batch("evaluate", name).unlink()
    elif spoilt == "no record":
        found.layout.evaluation(members[-1]).unlink()
    elif spoilt != "other members":
        text = {"empty": "", "no number": "s\tmax_rss\n1\tNA\n"}[spoilt]
        found.layout.benchmark("evaluate", name).write_text(text)
    assert forecast("smoke", tmp_path).evaluation(name).mem_mb == before.mem_mb


def test_a_damaged_result_has_no_minutes(tmp_path: Path) -> None:
    found = forecast("smoke", tmp_path)
    name, batch = next(iter(found.batches.evaluate.items()))
    for member in batch.members:
        path = found.layout.evaluation(member)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"seconds": 30.0}))
    minutes = forecast("smoke", tmp_path).evaluation(name).minutes
    assert minutes == 10 + TIMES * len(batch.members) / 2
    for damaged in ("[]", "{"):
        for member in batch.members:
            found.layout.evaluation(member).write_text(damaged)
        assert forecast("smoke", tmp_path).evaluation(name).minutes is None


def test_minutes_are_of_steps_that_were_taken_and_of_what_did_not_diverge(tmp_path: Path) -> None:
    found = forecast("smoke", tmp_path)
    name, batch = next((name, b) for name, b in found.batches.train.items())
    record = {"seconds": 600.0, "steps": 1000, "steps_taken": 10, "diverged": None}
    for member in batch.members:
        atomic_write_json(found.layout.record(member), record)
    steps = sum(found.plan.runs[member].steps for member in batch.members)
    assert forecast("smoke", tmp_path).training(name).minutes == 10 + TIMES * steps
    for member in batch.members:
        atomic_write_json(found.layout.record(member), record | {"diverged": {"step": 10}})
    assert forecast("smoke", tmp_path).training(name).minutes is None
    name, batch = next(iter(found.batches.evaluate.items()))
    for member in batch.members:
        atomic_write_json(found.layout.evaluation(member), {"seconds": 0.0, "diverged": {"step": 3}})
    assert forecast("smoke", tmp_path).evaluation(name).minutes is None


def test_sizes_go_with_the_batch_and_wider_networks_stand_for_narrower_ones() -> None:
    plan, _ = planned("paper")
    run = next(run for run in plan.runs.values() if run.recipe == "gat.gat" and run.dataset == "cifar10")
    wide = StepSize(
        recipe="gat.gat", dataset="cifar100", batch_size=64, width=1, gflop=8, step_mib=110, state_mib=10,
        snapshot_mib=3,
    )  # fmt: skip
    recipe = plan.recipes[run.run_id]["gat.gat"]
    half = run.model_copy(update={"batch_size": 32})
    found = size_of(half, recipe, [wide])
    assert found is not None
    assert (found.gflop, found.step_mib, found.state_mib) == (4, 60, 10)
    assert size_of(run.model_copy(update={"width": 0.5}), recipe, [wide]) == size_of(
        run.model_copy(update={"batch_size": 64}), recipe, [wide]
    )
    assert size_of(run.model_copy(update={"width": 2.0}), recipe, [wide]) is None
    assert size_of(run.model_copy(update={"dataset": "stl10"}), recipe, [wide]) is None
    assert size_of(run.model_copy(update={"recipe": "gat.baseline"}), recipe, [wide]) is None
