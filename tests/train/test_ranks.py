"""A run that several processes train together: two of them, on CPUs, as ``torchrun`` starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import divided_runs
import papers_case
from repro.core.jsonl import read_lines
from repro.core.paths import Layout

REPRO = Path(sys.executable).with_name("repro")


def environment() -> dict[str, str]:
    """Return what the processes are told: this checkout's package and tests."""
    paths = [str(papers_case.ROOT / "src"), str(papers_case.ROOT / "tests")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What ``divided_runs`` found in each of two processes."""
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, divided_runs.__file__, str(folder)], env=environment(), text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads((folder / "found.json").read_text())
    return results


@pytest.mark.parametrize("case", divided_runs.CASES)
def test_two_processes_train_as_one_does(found: list[dict[str, Any]], case: str) -> None:
    ours, theirs = (each["cases"][case] for each in found)
    assert ours == theirs
    assert ours["losses"] < 1e-12
    assert ours["weights"] < 1e-7  # Adam divides gradients that are nothing but rounding by 1e-8
    assert ours["passed"] == 0.5


@pytest.mark.parametrize("fault", divided_runs.FAULTS)
def test_the_comparison_sees_a_planted_fault(found: list[dict[str, Any]], fault: str) -> None:
    assert found[0]["faults"][fault] > 1e-5


def test_only_the_first_process_writes(found: list[dict[str, Any]]) -> None:
    first, second = found
    assert any("run.json" in each for each in first["writes"])
    assert second["writes"] == []


def test_the_record_says_how_many_processes_there_were(found: list[dict[str, Any]]) -> None:
    record = found[0]["whole"]["record"]
    assert record["provenance"]["processes"] == 2
    assert [session["processes"] for session in record["sessions"]] == [2]
    assert len(record["snapshots"]) == 2


def test_a_resumed_run_ends_as_one_that_was_not_stopped(found: list[dict[str, Any]]) -> None:
    whole, cut = found[0]["whole"], found[0]["cut"]
    assert [each["cut"]["errors"] for each in found] == [["cut", ""]] * 2
    assert cut["record"]["resumes"] == 1
    assert cut["record"]["checkpoint_sha256"] == whole["record"]["checkpoint_sha256"]
    assert cut["log"] == whole["log"]


def test_what_diverges_in_one_process_ends_the_run_in_all(found: list[dict[str, Any]]) -> None:
    first, second = (each["NaN"]["errors"] for each in found)
    assert first == second
    assert "training diverged at step 4: d_loss is not finite" in first[0]
    assert found[0]["NaN"]["step"] == 3  # the last good checkpoint, at a snapshot


def test_a_signal_to_one_process_stops_all_at_one_step(found: list[dict[str, Any]]) -> None:
    first, second = (each["stopped"]["errors"] for each in found)
    assert first == second
    assert "after step 4 of 6" in first[0]
    assert found[0]["stopped"]["step"] == 4


def test_processes_that_come_to_differ_write_no_checkpoint_and_can_go_on(found: list[dict[str, Any]]) -> None:
    first, second = (each["differs"]["errors"] for each in found)
    assert first == second
    assert "are not in the same state: at steps 4, 4" in first[0]
    assert "run the same command again" in first[0]
    assert first[1] == ""
    record = found[0]["differs"]["record"]
    assert record["checkpoint_sha256"] == found[0]["whole"]["record"]["checkpoint_sha256"]


def test_a_batch_that_does_not_divide_is_refused(found: list[dict[str, Any]]) -> None:
    for each in found:
        assert "a batch of 9 images does not divide among 2 processes" in each["uneven"]


PROFILE = papers_case.PROFILE.replace(
    "gan: {steps: 2, batch_size: 10, width: 0.125}",
    "gan: {steps: 3000, batch_size: 10, width: 0.03, snapshots: 1000, processes: 2}",
)


def start(folder: Path) -> subprocess.Popen[str]:
    """Start `repro train`, which becomes torchrun, as the profile wants two processes."""
    words = ["train", "--batch", "gat-x2-0-000", "--config", "config", "--results", "results"]
    return subprocess.Popen(
        [str(REPRO), *words],
        cwd=folder,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def children(process: subprocess.Popen[str]) -> list[int]:
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(word) for word in found.split()]


def wait_for_step(log: Path, process: subprocess.Popen[str], step: int) -> None:
    """Wait until this step is logged."""
    until = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < until:
        if log.exists() and any(line["step"] >= step for line in read_lines(log)):
            return
        time.sleep(0.02)
    raise AssertionError(f"step {step} was not reached: {process.communicate()[0]}")


def test_a_profile_starts_two_processes_of_which_none_outlives_the_other(tmp_path: Path) -> None:
    papers_case.write_config(tmp_path / "config", profile=PROFILE)
    plan = papers_case.build_plan(papers_case.load_config(tmp_path / "config", "tiny"))
    (run,) = (run for run in plan.runs.values() if run.recipe == "gat.gan" and run.seed == 0)
    layout = Layout(tmp_path / "results", "tiny")
    process = start(tmp_path)
    wait_for_step(layout.log(run.run_id), process, 5)
    workers = children(process)
    assert len(workers) == 2
    told = [Path(f"/proc/{worker}/environ").read_text().split("\0") for worker in workers]
    assert all({"OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1"} <= {*each} for each in told)
    os.kill(workers[1], signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert not layout.record(run.run_id).exists()
    reached = max(line["step"] for line in read_lines(layout.log(run.run_id)))
    process = start(tmp_path)
    wait_for_step(layout.log(run.run_id), process, reached + 5)  # it trains: its log has passed the first's
    process.terminate()  # as a cluster does
    printed, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "same command again" in printed
    assert layout.checkpoint(run.run_id).is_file()
