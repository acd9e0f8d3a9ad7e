"""Cost: only what the logs say, compared only with what is alike, shown in every format, named by claims."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from papers_case import PROFILE, SHEET, call, plan, plan_of
from repro.compose.paper_files import all_claims
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.cost.claims import claimed_cells
from repro.cost.costs import RunCost
from repro.cost.measure import measure_costs, write_cost
from repro.cost.plot import draw_cost
from repro.judge.claims import Claim, Predicate, Reference
from repro.judge.judging import judge_claims
from repro.plan.plan import Plan

COMPARISONS = '- {recipes: "gat.*", baseline: gat.baseline}\n'
TWIN = SHEET.replace(
    "  twin:\n    method: classifier\n", "  twin:\n    method: adversarial_training\n", 1
).replace("    options: {network: embedding}\n  gan:", "    options: {network: preact_resnet18}\n  gan:", 1)


def finish(
    layout: Layout, spec: RunSpec, seconds: list[float], attack: dict[str, float], **session: object
) -> None:
    """Write record and log of a finished run: one interval of ten steps for each of ``seconds``."""
    lines = []
    for at, value in enumerate(seconds):
        line: dict[str, Any] = {"step": 10 * (at + 1), "device_seconds_per_step": value, "metrics": {}}
        if attack:
            line["attack_seconds_per_step"] = attack
        lines.append(line)
    record: dict[str, Any] = {
        "run_id": spec.run_id,
        "sessions": [{"step": 0, "device": "AMD EPYC", **session}],
        "stand_ins": list(spec.stand_ins),
        "device_seconds": 3600.0,
    }
    layout.run(spec.run_id).mkdir(parents=True)
    layout.record(spec.run_id).write_text(json.dumps(record))
    layout.log(spec.run_id).write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def opened(tmp_path: Path) -> Plan:
    found = plan(tmp_path / "config", sheet=TWIN)
    (tmp_path / "config" / "papers" / "gat" / "cost.yaml").write_text(COMPARISONS)
    return found


@pytest.fixture
def measured(opened: Plan, tmp_path: Path) -> Layout:
    """Two seeds of a plain recipe and of one that attacks; a wider GAN; one run unfinished."""
    layout = Layout(tmp_path / "results", "tiny")
    for spec in opened.runs.values():
        if spec.recipe == "gat.baseline":
            finish(layout, spec, [0.1, 0.1, 0.1, 0.5], {})
        elif spec.recipe == "gat.twin":
            finish(layout, spec, [0.3 + 0.01 * spec.seed] * 3, {"network": 0.18, "kernel": 0.02})
        elif spec.recipe == "gat.gan":
            finish(layout, spec, [2.0], {})
    return layout


def test_medians_split_and_ratio(opened: Plan, measured: Layout) -> None:
    costs = {cost.spec.recipe: cost for cost in measure_costs(opened, measured)}
    assert costs.keys() == {"gat.baseline", "gat.twin", "gat.gan"}
    plain, twin, gan = (costs[name] for name in ("gat.baseline", "gat.twin", "gat.gan"))
    assert (plain.seconds, plain.q1, plain.intervals, plain.relative) == (0.1, 0.1, 8, 1.0)
    assert plain.split == (0.0, 0.0, 0.1)
    assert twin.seconds == pytest.approx(0.305)
    assert twin.relative == pytest.approx(3.05)
    assert twin.split == pytest.approx((0.18, 0.02, 0.105))
    assert (gan.split, gan.relative) == ((0.0, 0.0, 2.0), None), "other width and batch"
    assert gan.hours_per_run == pytest.approx(2.0 * gan.spec.steps / 3600), "not the hour that it was at work"
    assert gan.hours_per_cell is None, "its evaluation is not there"
    assert "synthetic_data" in plain.stand_ins


def test_several_processes_are_another_device(opened: Plan, measured: Layout) -> None:
    spec = next(spec for spec in opened.runs.values() if spec.recipe == "gat.baseline")
    record = json.loads(measured.record(spec.run_id).read_text())
    record["sessions"][0]["processes"] = 4
    assert RunCost(spec, record, []).device == "4 x AMD EPYC"


def test_a_run_that_moved_costs_what_it_took_where_it_ended(opened: Plan, measured: Layout) -> None:
    spec = next(spec for spec in opened.runs.values() if spec.recipe == "gat.baseline")
    record = json.loads(measured.record(spec.run_id).read_text())
    here, there = record["sessions"][0], {"step": 20, "device": "H100"}
    log = [json.loads(line) for line in measured.log(spec.run_id).read_text().splitlines()]

    def moved(*sessions: dict[str, Any]) -> list[float]:
        return RunCost(spec, {**record, "sessions": [*sessions]}, log).per_step

    assert moved(here, there) == [0.1, 0.5]
    assert moved(here, there, {**there, "step": 30}) == [0.1, 0.5]
    assert moved(there, here, {**here, "step": 30}) == [0.1, 0.1, 0.1, 0.5]
    assert moved(here, {**there, "step": 40}) == [0.1, 0.1, 0.1, 0.5], "nothing was logged there"


def test_several_threads_of_a_processor_are_another_device(opened: Plan, measured: Layout) -> None:
    spec = next(spec for spec in opened.runs.values() if spec.recipe == "gat.twin")
    record = json.loads(measured.record(spec.run_id).read_text())
    record["sessions"][0]["threads"] = 2
    for kind, name in (("cpu", "AMD EPYC, 2 threads"), ("cuda", "AMD EPYC")):
        record["provenance"] = {"device": {"kind": kind}}
        assert RunCost(spec, record, []).device == name
    for run in (run for run in opened.runs.values() if run.recipe == "gat.twin"):
        own = json.loads(measured.record(run.run_id).read_text())
        own["sessions"][0]["threads"] = 2
        own["provenance"] = {"device": {"kind": "cpu"}}
        measured.record(run.run_id).write_text(json.dumps(own))
    (twin,) = (cost for cost in measure_costs(opened, measured) if cost.spec.recipe == "gat.twin")
    assert twin.relative is None


def test_runs_that_only_a_search_asks_for_count_for_no_recipe(opened: Plan, measured: Layout) -> None:
    opened.only_searched |= {name for name, spec in opened.runs.items() if spec.recipe == "gat.twin"}
    assert {cost.spec.recipe for cost in measure_costs(opened, measured)} == {"gat.baseline", "gat.gan"}


def test_hours_of_a_cell_hold_all_seeds_and_evaluations(opened: Plan, measured: Layout) -> None:
    for name in opened.evaluations:
        path = measured.evaluation(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"device_seconds": 360.0}))
    costs = {cost.spec.recipe: cost for cost in measure_costs(opened, measured)}
    hours = 0.1 * costs["gat.baseline"].spec.steps / 3600
    assert costs["gat.baseline"].hours_per_cell == pytest.approx(2 * (hours + 0.1))


def test_a_run_that_stopped_early_cost_the_steps_that_it_took(opened: Plan, measured: Layout) -> None:
    spec = next(spec for spec in opened.runs.values() if spec.recipe == "gat.baseline")
    record = json.loads(measured.record(spec.run_id).read_text())
    found = RunCost(spec, {**record, "steps_taken": 7}, [{"step": 7, "device_seconds_per_step": 3600.0}])
    assert (found.hours, RunCost(spec, record, []).hours) == (7.0, 1.0)


def test_every_format_says_the_same(opened: Plan, measured: Layout, tmp_path: Path) -> None:
    write_cost(opened, measured, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"cost.csv", "cost.md", "cost.tex", "cost.png", "cost.pdf"}
    rows = {row["recipe"]: row for row in csv.DictReader((tmp_path / "out" / "cost.csv").open())}
    assert rows["gat.twin"]["relative"] == "3.05"
    assert rows["gat.twin"]["attack_network"] == "0.18"
    assert (rows["gat.gan"]["attack_network"], rows["gat.gan"]["relative"]) == ("0", "")
    assert {row["precision"] for row in rows.values()} == {"float32"}
    markdown, tex = ((tmp_path / "out" / f"cost.{ending}").read_text() for ending in ("md", "tex"))
    for text in (markdown, tex):
        assert "3.05" in text
        assert "AMD EPYC, float32" in text
    assert "tiny profile · synthetic_data" in markdown
    assert tex.count(" & ") == 9 * 4


def test_the_command_prints_what_there_is(opened: Plan, measured: Layout, tmp_path: Path) -> None:
    words = ["--profile", "tiny", "--config", str(tmp_path / "config")]
    code, printed = call("cost", *words, "--results", str(tmp_path / "results"))
    assert code == 0
    assert "3.05 ×" in printed
    into = tmp_path / "out"
    assert call("cost", *words, "--results", str(tmp_path / "results"), "--into", str(into)) == (0, printed)
    assert (into / "cost.csv").is_file()
    code, printed = call("cost", *words, "--results", str(tmp_path / "nothing"))
    assert code == 0
    assert "no finished run" in printed


def test_an_unknown_baseline_is_named_with_its_line(opened: Plan, measured: Layout, tmp_path: Path) -> None:
    path = tmp_path / "config" / "papers" / "gat" / "cost.yaml"
    path.write_text("# one\n- {recipes: '*', baseline: plain}\n")
    with pytest.raises(ReproError, match=r"no recipe 'gat\.plain'") as caught:
        measure_costs(opened, measured)
    assert caught.value.line == 2


def test_a_claim_is_judged_on_the_ratios_of_the_seeds(opened: Plan, measured: Layout) -> None:
    def claim(row: str, bound: float) -> Claim:
        left = Reference(artefact="cost", row=row, column="baseline", metric="cost_ratio")
        predicate = Predicate(left=left, relation="greater", right=bound)
        return Claim(id=f"gat.{row}", statement="s", all=(predicate,))

    claims = [claim("twin", 2.0), claim("later", 2.0)]
    cells = claimed_cells(claims, opened, measured)
    assert [(cell.row, cell.n_seeds) for cell in cells] == [("twin", 2), ("later", 0)]
    assert cells[0].measured == pytest.approx(3.05)
    assert len(cells[0].runs) == 4
    words = [judgement.word for judgement in judge_claims(claims, cells)]
    assert words == ["not comparable", "pending"]


def test_a_run_that_two_papers_share_has_the_costs_of_both(tmp_path: Path) -> None:
    opened, layout = plan_of("paper"), Layout(tmp_path, "paper")
    for run_id in opened.runs.keys() - opened.only_searched:
        finish(layout, opened.runs[run_id], [0.1], {})
    cells = claimed_cells(all_claims(opened.config), opened, layout)
    assert {(cell.row, cell.column) for cell in cells} >= {
        ("dat_discriminator", "sngan"), ("dat_six_passes", "sngan"), ("gat", "fast_gradient_l2"),
    }  # fmt: skip
    assert {cell.measured for cell in cells} == {1.0}  # none is pending
    costs = [cost for cost in measure_costs(opened, layout) if cost.baseline == "dat.sngan"]
    assert costs
    assert all(cost.relative == 1.0 for cost in costs)


def test_seeds_that_start_from_other_seeds_are_one_training(tmp_path: Path) -> None:
    opened, layout = plan_of("robgan-cpu"), Layout(tmp_path, "robgan-cpu")
    for spec in opened.runs.values():
        finish(layout, spec, [0.1], {})
    (cost,) = (each for each in measure_costs(opened, layout) if each.spec.recipe == "robgan.finetune")
    assert [spec.seed for spec in cost.specs] == [0, 1, 2]
    assert len({spec.parent for spec in cost.specs}) == 3


def test_a_claim_is_judged_on_the_data_set_of_which_most_seeds_have_run(tmp_path: Path) -> None:
    column = '{name: "CIFAR-10", metric: accuracy, evaluation: test_accuracy}'
    other = column.replace("CIFAR-10", "CIFAR-100").replace("metric", "dataset: cifar100, metric")
    opened = plan(tmp_path / "config", sheet=TWIN.replace(column, f"{column}\n          - {other}"))
    layout = Layout(tmp_path / "results", "tiny")
    for spec in opened.runs.values():
        seconds = 0.4 if spec.recipe == "gat.twin" else 0.1 if spec.dataset == "cifar100" else 0.2
        if spec.recipe != "gat.twin" or spec.dataset == "cifar100" or spec.seed == 0:
            finish(layout, spec, [seconds], {})
    left = Reference(artefact="cost", row="twin", column="baseline", metric="cost_ratio")
    claim = Claim(id="gat.c", statement="s", all=(Predicate(left=left, relation="greater", right=2.0),))
    (cell,) = claimed_cells([claim], opened, layout)
    assert (cell.n_seeds, cell.measured) == (2, 4.0)
    assert all("-cifar100-" in run for run in cell.runs)


@pytest.mark.parametrize("other", [{"device": "NVIDIA H100"}, {"seeds_together": 3}])
def test_a_claim_is_judged_on_the_device_and_in_the_way_of_most_seeds(
    other: dict[str, object], tmp_path: Path
) -> None:
    profile = PROFILE.replace("max_seeds: 2", "max_seeds: 4")
    opened, layout = plan(tmp_path / "config", sheet=TWIN, profile=profile), Layout(tmp_path / "r", "tiny")
    for spec in opened.runs.values():
        if spec.recipe in ("gat.twin", "gat.baseline"):
            there = spec.seed == 0 or (spec.seed == 3 and spec.recipe == "gat.baseline")
            slow = 7.0 if there else 3.0
            finish(layout, spec, [slow if spec.recipe == "gat.twin" else 1.0], {}, **other if there else {})
    left = Reference(artefact="cost", row="twin", column="baseline", metric="cost_ratio")
    claim = Claim(id="gat.c", statement="s", all=(Predicate(left=left, relation="greater", right=2.0),))
    (cell,) = claimed_cells([claim], opened, layout)
    assert (cell.n_seeds, cell.measured) == (2, 3.0)  # seed 0 ran elsewhere, seed 3 here and there


def test_the_plot_has_a_panel_per_device_and_no_text_leaves_the_page(
    opened: Plan, measured: Layout, tmp_path: Path, drawn: list[Figure]
) -> None:
    plain, *others = (cost for cost in measure_costs(opened, measured) if cost.spec.recipe != "gat.gan")
    elsewhere = replace(plain, device="NVIDIA H100", options="an option with a rather long value " * 3)
    spec = plain.spec.model_copy(update={"dataset": "cifar100"})
    draw_cost([plain, replace(plain, specs=(spec,)), *others, elsewhere], tmp_path / "cost", "p")
    drawn[0].draw_without_rendering()
    first, second = drawn[0].axes
    assert "on AMD EPYC: " in first.get_xlabel()
    assert "on NVIDIA H100: " in second.get_xlabel()
    names = [label.get_text() for label in first.get_yticklabels()]
    assert names == ["baseline, cifar10", "baseline, cifar100", "twin"]
    assert second.get_yticklabels()[0].get_text().endswith("…")
    shown = [text for text in drawn[0].findobj(Text) if text.get_text() and text.get_visible()]
    assert "whiskers: quartiles" in [text.get_text() for text in shown]
    boxes = [text.get_window_extent() for text in shown]
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= drawn[0].bbox.x1
