"""What an artefact will cost: known rates are added up, unknown ones are said to be unknown."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from papers_case import call, plan_of
from repro.core.paths import Layout
from repro.cost.needs import Forecast
from repro.cost.predict import Rate, predict, read_rates
from repro.plan.batches import make_batches

ROOT = Path(__file__).parents[2]


def test_every_rate_is_a_line_of_its_source() -> None:
    rates = read_rates(ROOT / "config")
    assert rates
    for rate in rates:
        with (ROOT / rate.source).open() as file:
            lines = [
                (line["recipe"], line["dataset"], int(line["batch_size"]), float(line["width"]),
                 line["precision"], line["device"], float(line["seconds_per_step"]))
                for line in csv.DictReader(file)
            ]  # fmt: skip
        place = (rate.recipe, rate.dataset, rate.batch_size, rate.width, rate.precision, rate.device)
        assert (*place, rate.seconds_per_step) in lines


def test_hours_are_steps_times_seconds_scaled_by_the_batch(tmp_path: Path) -> None:
    plan = plan_of("paper")
    runs = {
        run.run_id: run for cell in plan.cells["gat/table2"] for run in map(plan.runs.get, cell.runs) if run
    }
    timed = {"recipe": "gat.gat", "dataset": "cifar10", "width": 1.0, "device": "a", "source": "here"}
    rates = [
        Rate(batch_size=16, seconds_per_step=0.5, **timed),
        Rate(batch_size=100_000, seconds_per_step=9.0, **timed),  # the nearer batch size counts
        Rate(batch_size=16, seconds_per_step=7.0, **timed | {"device": "b"}),
    ]
    forecast = Forecast(plan, make_batches(plan), Layout(tmp_path, "paper"), ROOT / "config")
    found = predict(forecast, "gat/table2", rates, "a")
    of_gat = [run for run in runs.values() if run.recipe == "gat.gat"]  # both data sets have 32 px
    assert found.hours == pytest.approx(sum(run.steps * run.batch_size / 16 * 0.5 for run in of_gat) / 3600)
    assert found.runs == len(runs)
    assert found.unknown.total() == len(runs) - len(of_gat) > 0
    assert "gat.gat" not in found.unknown
    jobs = [forecast.training(name) for name in {forecast.batches.train_of[run] for run in runs}]
    measured = {name for cell in plan.cells["gat/table2"] for name in cell.evaluations}
    jobs += [forecast.evaluation(name) for name in {forecast.batches.evaluate_of[name] for name in measured}]
    assert found.memory_mib == max(job.mem_mb for job in jobs)
    assert any(f"{found.memory_mib / 1024:.1f} GiB" in line and "predicted" in line for line in found.lines)
    assert any("gat.baseline" in line and "unknown" in line for line in found.lines)


def test_the_command_predicts_takes_short_names_and_helps_with_wrong_ones(project: Path) -> None:
    code, printed = call("plan", "gat/table1")
    assert code == 0, printed
    assert "training of" in printed
    assert "unknown" in printed
    assert call("plan", "gat_table1") == (code, printed)
    code, printed = call("plan", "gat/tabel1")
    assert code == 2
    assert "did you mean gat/table1?" in printed
    shutil.copy(ROOT / "config" / "rates.yaml", project / "config")
    code, printed = call("plan", "gat/table1", "--device", "abacus")
    assert code == 2
    assert "there is no device whose steps were timed 'abacus'" in printed
