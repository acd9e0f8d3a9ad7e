"""The page on a profile at scale: what the command prints, each number from where it says."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import papers_case
from papers_case import call, plan_of
from repro.core.errors import ReproError
from repro.core.spec import Options, RunSpec
from repro.cost.predict import Rate, measured_seconds
from repro.cost.scale import Gpu, choose_gpu, estimate, seconds_of
from repro.cost.scale_page import scale_page
from repro.cost.schedule import schedule
from repro.cost.sizes import (
    StepSize,
    distinct_runs,
    images_mib,
    joined_sizes,
    listed,
    read_steps,
    size_of,
    steps_text,
    varied,
)
from repro.data.catalogue import dataset_info
from repro.plan.batches import make_batches
from repro.plan.config import load_config
from repro.plan.plan import build_plan
from repro.train.step_size import Account, step_size

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
H100 = "NVIDIA H100 80GB HBM3"


def place(of: RunSpec | StepSize, options: Options) -> tuple[object, ...]:
    return of.recipe, of.dataset, of.batch_size, of.width, repr(options)


@pytest.mark.slow
def test_the_committed_page_is_what_the_command_prints() -> None:
    code, printed = call("scale", "--profile", "paper", "--config", str(CONFIG))
    assert code == 0, printed
    assert printed == (ROOT / "docs" / "scale.md").read_text()


@pytest.mark.slow
def test_totals_are_those_of_the_plan() -> None:
    plan = plan_of("paper")
    batches, gpu = make_batches(plan), choose_gpu(CONFIG, H100)
    found, sizes = estimate(plan, batches, CONFIG, gpu), read_steps(CONFIG)
    asked = [run for name, run in plan.runs.items() if name not in plan.only_searched]
    assert found.runs.total() == len(asked)
    work = sum(seconds_of(run, plan.recipes[run.run_id], gpu, [], sizes)[0] for run in asked)
    assert sum(map(sum, found.of_paper.values())) == pytest.approx(work)
    of = [(run, plan.recipes[run.run_id][run.recipe]) for run in asked]
    known = [size for run, recipe in of if (size := size_of(run, recipe, sizes))]
    assert found.checkpoints == pytest.approx(sum(size.state_mib for size in known))
    assert found.unsized == len(asked) - len(known)
    made = schedule(found.jobs, 8)
    assert made.work == pytest.approx(work)
    assert max(made.longest_chain, work / 8) <= made.seconds <= made.longest_chain + work / 8


def test_seconds_are_measured_or_predicted_or_unknown() -> None:
    plan = plan_of("paper")
    run = next(run for run in plan.runs.values() if run.recipe == "gat.gat" and run.dataset == "cifar10")
    recipes = plan.recipes[run.run_id]
    place = {"recipe": "gat.gat", "dataset": "cifar10", "batch_size": run.batch_size, "width": 1.0}
    size = StepSize(**place, gflop=500, step_mib=1, state_mib=1, snapshot_mib=1)
    rate = Rate(**place, device="a", seconds_per_step=0.5, source="here")
    gpu = Gpu(device="a", float32=10, tf32=1, bf16=1, source="here")
    shared = {"rgan.x": recipes["gat.gat"]} | recipes
    assert seconds_of(run, shared, gpu, [rate], [size]) == (run.steps * 0.5, "measured")
    elsewhere = rate.model_copy(update={"device": "b"})
    assert seconds_of(run, recipes, gpu, [elsewhere], [size]) == (run.steps * 500 / 10_000, "predicted")
    assert seconds_of(run, recipes, gpu, [elsewhere], []) == (0.0, "unknown")
    narrow = run.model_copy(update={"width": 0.5})  # a wider network's memory is a bound, its time is not
    assert seconds_of(narrow, recipes, gpu, [], [size]) == (0.0, "unknown")


def test_a_size_and_a_rate_are_of_the_options_that_they_name() -> None:
    plan = plan_of("paper")
    sizes, gflop, measured = read_steps(CONFIG), {}, {}
    place = {"recipe": "robgan.cotrain", "dataset": "cifar10", "batch_size": 64, "width": 1.0}
    rates = [
        Rate(**place, device="a", seconds_per_step=0.5, source="here"),
        Rate(**place, options={"attacker": False}, device="a", seconds_per_step=0.25, source="here"),
    ]
    for run in plan.runs.values():
        if run.recipe == "robgan.cotrain" and run.seed == 0:
            recipes = plan.recipes[run.run_id]
            options = repr(varied(run, recipes[run.recipe]))
            gflop[options] = size_of(run, recipes[run.recipe], sizes).gflop
            measured[options] = measured_seconds(run, rates, recipes)
            taught = run.model_copy(update={"options": {**run.options, "learning_rate": 1.0}})
            assert size_of(taught, recipes[run.recipe], sizes) is None
    assert len(gflop) == 4
    assert gflop["{}"] == pytest.approx(2051.9)
    assert gflop["{'attacker': False}"] == pytest.approx(1341, abs=1)
    assert {name for name, seconds in measured.items() if seconds} == {"{}", "{'attacker': False}"}
    assert measured["{}"] == 2 * measured["{'attacker': False}"]


def test_a_run_of_several_processes_takes_a_gpu_for_each(tmp_path: Path) -> None:
    several = papers_case.PROFILE.replace("width: 0.125}", "width: 0.125, processes: 2}")
    gpu = choose_gpu(CONFIG, H100)
    pages, estimates = [], []
    for profile in (papers_case.PROFILE, several):
        plan = build_plan(load_config(papers_case.write_config(tmp_path, profile=profile), "tiny"))
        run = next(run for run in plan.runs.values() if run.recipe == "gat.gan")
        size = StepSize(
            recipe=run.recipe,
            dataset=run.dataset,
            batch_size=run.batch_size,
            width=run.width,
            gflop=1e6,
            step_mib=1,
            state_mib=1,
            snapshot_mib=1,
        )
        (tmp_path / "steps.yaml").write_text(steps_text([size]))
        (tmp_path / "gpus.yaml").write_text((CONFIG / "gpus.yaml").read_text())
        estimates.append(estimate(plan, make_batches(plan), tmp_path, gpu))
        pages.append(scale_page(plan, make_batches(plan), tmp_path, gpu))
    one, two = (schedule(each.jobs, 8) for each in estimates)
    assert two.work == pytest.approx(one.work)
    assert one.work > 0
    assert two.longest_chain == pytest.approx(one.longest_chain / 2)
    assert re.search(r"\n\| 1 \| 0\.0\d*[1-9]\d* \|", pages[0])  # not 0.0
    assert "a job takes" not in pages[0]
    assert "\n| 1 | a job takes 2 | | |\n" in pages[1]


def test_a_gpu_that_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ReproError, match="no GPU of known peak 'abacus'") as refused:
        choose_gpu(CONFIG, "abacus")
    assert H100 in refused.value.remedy


def test_operations_and_memory_of_a_layer_by_hand() -> None:
    meta = torch.device("meta")
    layer, images = (
        nn.Conv2d(3, 8, 3, padding=1, bias=False, device=meta),
        torch.empty(4, 3, 32, 32, device=meta),
    )
    with Account() as account:
        maps = layer(images)
    forward = 2 * 4 * 8 * 32 * 32 * 3 * 3 * 3
    assert account.flop == forward
    assert account.peak == maps.nbytes == 4 * 4 * 8 * 32 * 32
    with Account() as account:
        F.relu(layer(images)).sum().backward()
    assert account.flop == 2 * forward  # the images need no gradient
    assert 2 * maps.nbytes <= account.peak <= 4 * maps.nbytes + layer.weight.nbytes + 64
    with Account() as account:
        for _ in range(5):
            torch.empty(1000, device=meta)  # one at a time
    assert account.peak == 4000


@pytest.mark.slow
def test_listed_sizes_are_those_of_a_step() -> None:
    """A few lines drawn anew each time the list changes; all of them take minutes."""
    plan = plan_of("paper")
    sizes = read_steps(CONFIG)
    own = {run.run_id: plan.recipes[run.run_id][run.recipe] for run in plan.runs.values()}
    runs = {place(run, varied(run, own[run.run_id])): run for run in distinct_runs(plan)}
    assert {place(size, size.options) for size in sizes} <= runs.keys()
    cheap = [size for size in sizes if size.gflop < 300]
    for size in random.Random(len(sizes)).sample(cheap, 3):
        run = runs[place(size, size.options)]
        assert listed(run, own[run.run_id], step_size(run)) == size


def test_sizes_are_written_as_they_are_read(tmp_path: Path) -> None:
    sizes = read_steps(CONFIG)
    (tmp_path / "steps.yaml").write_text(steps_text(sizes))
    assert read_steps(tmp_path) == sizes
    assert steps_text(sizes) == (CONFIG / "steps.yaml").read_text()


def test_images_are_a_byte_a_channel_and_pixel() -> None:
    info = dataset_info("cifar10")
    assert images_mib("cifar10", "train") == info.splits["train"] * 3 * 32 * 32 / 2**20
    assert images_mib("cifar10", "train", 1024) == 3
    assert images_mib("gaussians", "train") == 0


def test_sizes_of_another_profile_stay_where_one_is_counted_anew() -> None:
    sizes = read_steps(CONFIG)
    anew = sizes[3].model_copy(update={"gflop": 7.0})
    wider = sizes[3].model_copy(update={"width": 2.0})
    assert joined_sizes(sizes, [anew, wider]) == [anew, wider, *sizes[:3], *sizes[4:]]
