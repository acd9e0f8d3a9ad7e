"""What the DAG costs before and beside any training: planning, starting, one job."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from repro.plan.batches import make_batches
from repro.plan.config import load_config
from repro.plan.plan import build_plan

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
JOBS = 20
EMPTY_JOBS = f"""
rule all:
    input: expand("{{n}}.txt", n=range({JOBS}))
rule job:
    output: "{{n}}.txt"
    shell: "true > {{output}}"
"""


def run(*command: str, folder: Path = ROOT) -> None:
    """Run a command of this environment; its output is shown where it fails."""
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.benchmark(group="planning")
@pytest.mark.parametrize("profile", ["smoke", "paper"])
def test_plan(profile: str, benchmark: BenchmarkFixture, rounds: int) -> None:
    def plan() -> tuple[int, int, int]:
        planned = build_plan(load_config(ROOT / "config", profile))
        batches = make_batches(planned)
        return len(planned.runs), len(planned.evaluations), len(batches.train) + len(batches.evaluate)

    runs, evaluations, batches = benchmark.pedantic(plan, rounds=rounds, warmup_rounds=1)
    benchmark.extra_info |= {"runs": runs, "evaluations": evaluations, "batches": batches, "unit": "plan"}


@pytest.mark.benchmark(group="starting")
def test_start_of_the_command_line(benchmark: BenchmarkFixture, rounds: int) -> None:
    benchmark.pedantic(run, args=("repro", "--help"), rounds=rounds, warmup_rounds=1)
    benchmark.extra_info["unit"] = "process"


@pytest.mark.benchmark(group="starting")
def test_import_of_a_training_step(benchmark: BenchmarkFixture, rounds: int) -> None:
    """What every batch of runs pays once: torch, torchvision, the methods."""
    code = "import repro.train.batch"
    benchmark.pedantic(run, args=("python", "-c", code), rounds=min(rounds, 5), warmup_rounds=1)
    benchmark.extra_info["unit"] = "process"


@pytest.mark.benchmark(group="snakemake")
@pytest.mark.parametrize("profile", ["smoke", "paper"])
def test_dry_run(profile: str, benchmark: BenchmarkFixture, rounds: int, tmp_path: Path) -> None:
    """`snakemake -n` with nothing done yet."""
    settings = ("--config", f"profile={profile}", f"results={tmp_path}")
    command = ("snakemake", "-n", "-q", "all", "--nolock", "cells", *settings)
    benchmark.pedantic(run, args=command, rounds=min(rounds, 5), warmup_rounds=1)
    benchmark.extra_info["unit"] = "dry run"


@pytest.mark.benchmark(group="snakemake")
def test_jobs_that_do_nothing(benchmark: BenchmarkFixture, rounds: int, tmp_path: Path) -> None:
    """`JOBS` shell jobs on two cores; the start of Snakemake is in it."""
    (tmp_path / "Snakefile").write_text(EMPTY_JOBS)

    def all_jobs() -> None:
        run("snakemake", "--cores", "2", "--forceall", "-q", "all", folder=tmp_path)

    benchmark.pedantic(all_jobs, rounds=min(rounds, 5), warmup_rounds=1)
    benchmark.extra_info |= {"jobs": JOBS, "unit": f"{JOBS} jobs"}
