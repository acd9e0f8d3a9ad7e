"""`repro status`, `table`, `compare`, and `--json` beside them: what people and programs read of results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from scipy import stats

from papers_case import call
from repro.cli import show
from repro.compose.drawn import read_drawn
from repro.core.paths import Layout
from repro.draw.numbers import sentence
from repro.judge.cells import Cell, read_cells, render_cells

ROOT = Path(__file__).parents[2]


def with_moments(mean: float, std: float, n: int) -> list[float]:
    """``n`` numbers of this mean and this deviation (ddof = 1)."""
    numbers = stats.zscore(range(n), ddof=1)
    return [float(mean + std * number) for number in numbers]


def told(*words: str, code: int = 0) -> Any:
    found, printed = call(*words, "--json")
    assert found == code, printed
    return json.loads(printed)


def test_how_far_a_profile_is(project: Path) -> None:
    layout = Layout(Path("results"), "tiny")
    code, printed = call("status")
    assert code == 0, printed
    assert "tiny: 4 of 4 runs, 5 of 5 measurements, 2 of 2 artefacts" in printed
    cells = read_cells(layout.cells)
    status = told("status")
    assert sum(status["cells"]["gat"].values()) == len(cells)
    assert status["cells"]["gat"]["not comparable"] == sum(cell.measured is not None for cell in cells)
    run = next(path.parent.name for path in layout.root.glob("runs/gan-*/run.json"))
    layout.record(run).unlink()
    assert told("status")["begun"] == {run: {"step": 2, "of": 2}}
    assert f"begun: {run} at step 2 of 2" in call("status")[1]
    shutil.rmtree("results")
    assert told("status")["runs"] == {"done": 0, "planned": 4}


def test_a_table_by_each_of_its_names(project: Path) -> None:
    printed = [call("table", name)[1] for name in ("gat/table1", "gat_table1", "gat.table1")]
    assert printed[0] == printed[1] == printed[2]
    cells = [cell for cell in read_cells(Path("results/tiny/cells.csv")) if cell.artefact == "table1"]
    measured = next(cell for cell in cells if cell.row == "left: Baseline")
    assert f"50.0 / {measured.measured:.2f} ± {measured.measured_std:.2f} ‡" in printed[0]
    assert len(told("table", "gat_table1")["cells"]) == len(cells)
    code, printed_error = call("table", "gat_tabel1")
    assert code == 2
    assert "did you mean gat/table1?" in printed_error
    shutil.rmtree("results/tiny/cells")
    assert call("table", "gat/table1")[0] == 0  # a publication has these files alone
    shutil.rmtree("results")
    error = told("table", "gat/table1", code=2)["error"]
    assert error["message"] == "gat/table1 has not been drawn"
    assert "if profile tiny has it: snakemake --cores all gat_table1 --config profile=tiny" in error["remedy"]


def test_a_published_table_is_read_without_a_run() -> None:
    shown = told("table", "dat_table4", "--from", "dat-cpu-amd-epyc", "--config", str(ROOT / "config"))
    cells = read_cells(ROOT / "results" / "published" / "dat-cpu-amd-epyc" / "cells.csv")
    wanted = [cell for cell in cells if (cell.paper, cell.artefact) == ("dat", "table4")]
    assert [each["measured"] for each in shown["cells"]] == [cell.measured for cell in wanted]


@pytest.mark.parametrize("width", [80, 120])
def test_a_wide_table_is_shown_in_parts_that_fit_the_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(show, "console_of_terminal", lambda: Console(width=width))
    layout = Layout(ROOT / "results" / "published", "dat-cpu-amd-epyc")
    for name in ("dat/table2", "dat/table4"):
        artefact, cells = read_drawn(layout, name)
        show.show_table(artefact, cells, layout.profile)
        printed = capsys.readouterr().out
        assert all(len(line) <= width for line in printed.splitlines())
        for cell in cells:
            assert f" {sentence(cell)} │" in printed, cell
    assert "(Discriminator" in printed


def test_what_a_publication_lacks_is_not_to_be_drawn_there() -> None:
    config = ("--config", str(ROOT / "config"))
    error = told("table", "gat/figure4", "--from", "dat-cpu-amd-epyc", *config, code=2)["error"]
    assert error["message"] == "there is no artefact in this publication 'gat/figure4'"
    assert "dat/table4" in error["remedy"]


def test_a_device_is_for_one_artefacts_cost(project: Path) -> None:
    error = told("plan", "--device", "cpu", code=2)["error"]
    assert error["message"] == "--device is for the cost of one artefact"


def test_two_sets_of_results_cell_by_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = str(ROOT / "config")
    first = [
        Cell("gat", "table2", "GAT", "CIFAR-10", "accuracy", measured=80.0, measured_std=0.5, n_seeds=5),
        Cell("gat", "table2", "GAT", "CIFAR-100", "accuracy", measured=50.0, n_seeds=1),
        Cell("gat", "table2", "Mine", "CIFAR-10", "accuracy", measured=70.0, n_seeds=1),
        Cell("gat", "table2", "Later", "CIFAR-10", "accuracy"),
    ]
    second = [
        Cell("gat", "table2", "GAT", "CIFAR-10", "accuracy", measured=79.0, measured_std=0.9, n_seeds=3,
             stand_ins=("reduced_width",)),
        Cell("gat", "table2", "GAT", "CIFAR-100", "accuracy", measured=51.0, n_seeds=1),
        Cell("gat", "figure3", "GAT", "0.1", "accuracy", measured=40.0, n_seeds=1),
    ]  # fmt: skip
    for folder, cells in (("results/mine", first), ("results/published/theirs", second)):
        Path(folder).mkdir(parents=True)
        (Path(folder) / "cells.csv").write_text(render_cells(cells))
    found = told("compare", "mine", "theirs", "--config", config)
    assert (found["only_first"], found["only_second"]) == (1, 1)
    sides = (with_moments(79.0, 0.9, 3), with_moments(80.0, 0.5, 5))
    welch = stats.ttest_ind(*sides, equal_var=False)
    several, alone = found["both"]
    assert several["difference"] == -1.0
    assert several["p"] == pytest.approx(welch.pvalue)
    interval = welch.confidence_interval(0.95)
    assert (several["low"], several["high"]) == pytest.approx((interval.low, interval.high))
    assert several["other"] == ["stand ins"]
    assert (alone["difference"], alone["p"], alone["low"]) == (1.0, None, None)
    back = told("compare", "results/published/theirs", "mine", "--config", config)
    assert [each["difference"] for each in back["both"]] == [1.0, -1.0]
    code, printed = call("compare", "mine", "theirs", "--only", "gat_table2", "--config", config)
    assert code == 0
    assert "stand ins" in printed
    code, printed = call("compare", "mine", "their", "--config", config)
    assert code == 2
    assert "did you mean theirs?" in printed


def test_an_artefact_that_was_drawn_alone_is_compared_and_shown(project: Path) -> None:
    whole = told("compare", "tiny", "tiny", "--only", "gat/table1")
    assert whole["both"]
    for name in ("cells.csv", "artefacts.json"):
        Path("results/tiny", name).unlink()
    assert told("compare", "tiny", "tiny", "--only", "gat_table1") == whole
    assert told("table", "gat/table1", "--from", "tiny")["cells"]
    error = told("compare", "tiny", "tiny", code=2)["error"]
    assert error["message"] == "there is no folder of results with cells 'tiny'"


def test_what_a_plan_a_check_and_a_verification_tell_programs(project: Path) -> None:
    plan = told("plan")
    assert [run["done"] for run in plan["runs"]] == [True] * 4
    assert sum(plan["kinds_of_cells"].values()) == sum(plan["cells"].values())
    assert told("plan", "gat_table1")["runs"] == 4
    assert told("validate") == {"valid": True, "profile": "tiny", "runs": 4, "evaluations": 5}
    assert told("verify")["sound"] is True
    results = sorted(Path("results/tiny/evaluations").glob("accuracy-*.json"))[:2]
    for path in results:
        path.write_text(path.read_text().replace('"accuracy": ', '"accuracy": 9'))
    found = told("verify", code=2)
    assert not found["sound"]
    assert {problem["where"] for problem in found["problems"]} >= {str(path) for path in results}
    sheet = Path("config/papers/gat/sheet.yaml")
    sheet.write_text(sheet.read_text().replace("metric: accuracy,", "metrc: accuracy,"))
    error = told("validate", code=2)["error"]
    assert error["where"] == str(sheet)
    assert error["line"] is not None


def test_what_this_user_may_not_open_is_no_traceback(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/home/somebody/results")

    monkeypatch.setattr("repro.verify.status.status_of", closed)
    code, printed = call("status")
    assert (code, "Traceback" in printed) == (2, False)
    assert "may not read or write there" in printed
    assert "/home/somebody/results" in printed
