"""The benchmarks run, and what they measured is published under the names of device, format and versions."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from subjects import seconds

ROOT = Path(__file__).parent.parent


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    # Under pytest-xdist its variables would tell the inner pytest to switch benchmarks off.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)


def test_benchmarks_run_and_are_published(tmp_path: Path) -> None:
    found = tmp_path / "bench.json"
    small = ["--rounds", "2", "--width", "0.03", "--batch", "4", "-k", "test_plan or gat.baseline"]
    switches = ["--benchmark-enable", "--benchmark-only", f"--benchmark-json={found}"]
    done = python("-m", "pytest", "benchmarks", *switches, *small)
    assert done.returncode == 0, done.stdout + done.stderr
    done = python("benchmarks/publish.py", str(found), str(tmp_path / "published"))
    assert done.returncode == 0, done.stderr
    costs, steps = sorted((tmp_path / "published").iterdir())
    assert costs.name.startswith("dag-costs_")
    assert "_float32_" in steps.name
    assert f"torch{torch.__version__}".replace("+", "-") in steps.name
    about, *table = steps.read_text().splitlines()
    assert json.loads(about.removeprefix("# "))["threads"] == 1
    row, *without = csv.DictReader(table)
    assert (row["case"], row["device"], row["rounds"]) == ("gat.baseline", "cpu", "2")
    if not torch.cuda.is_available():
        assert [(other["case"], other["device"], other["median_s"]) for other in without] == [
            ("gat.baseline", "cuda", "")
        ]
        assert without[0]["details"] == "no GPU was at hand"
    assert float(row["per_second"]) == pytest.approx(1 / float(row["median_s"]), rel=1e-3)
    assert "width 0.03; batch_size 4" in row["details"]
    measured = json.loads(found.read_text())
    measured["benchmarks"] = [{**measured["benchmarks"][0], "param": "=1+1"}]
    found.write_text(json.dumps(measured))
    python("benchmarks/publish.py", str(found), str(tmp_path / "formula"))
    (path,) = (tmp_path / "formula").iterdir()
    assert "'=1+1" in path.read_text()


def test_whole_attacks_are_timed_against_other_libraries_and_drawn(tmp_path: Path) -> None:
    found = tmp_path / "bench.json"
    small = ["--rounds", "2", "--width", "0.03", "--batch", "4", "-k", "test_pgd and gat_classifier and linf"]
    switches = ["--benchmark-enable", "--benchmark-only", f"--benchmark-json={found}"]
    done = python("-m", "pytest", "benchmarks/test_attacks.py", *switches, *small)
    assert done.returncode == 0, done.stdout + done.stderr
    done = python("benchmarks/publish.py", str(found), str(tmp_path / "published"))
    assert done.returncode == 0, done.stderr
    written = sorted(path.suffix for path in (tmp_path / "published").iterdir())
    installed = [name for name in ("torchattacks", "foolbox") if find_spec(name)]
    assert written == ([".csv", ".pdf", ".png"] if installed else [".csv"])
    (path,) = (tmp_path / "published").glob("attacks_*.csv")
    rows = [row for row in csv.DictReader(path.read_text().splitlines()[1:]) if row["device"] == "cpu"]
    (row,) = rows
    assert [name for name in installed if f"{name}_ratio" in row["details"]] == installed
    assert "order as_given" in row["details"], "four images are too few for a trial"


def test_the_steps_of_the_gpu_script_can_be_run(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHON": sys.executable, "GPU_DRY_RUN": "1"}
    command = ["bash", "benchmarks/gpu.sh", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    names = ["cuda-tests", "kernels", "attacks-float32", "attacks-tf32", "seeds"]
    trainings = [f"{what}-{name}" for what in ("steps", "loops") for name in ("float32", "tf32", "bf16")]
    assert list(steps) == [*names, *trainings, "spectral-norm"]
    for line in steps.values():
        assert (ROOT / shlex.split(line)[0]).exists()
    # the one with most options, up to the point where it would need the device
    collected = python("-m", "pytest", *shlex.split(steps["steps-bf16"]), "--collect-only")
    assert collected.returncode == 0, collected.stdout + collected.stderr
    for recipe in ("gat.gat", "robgan.cotrain", "rgan.dcgan_both", "dat.dat_discriminator"):
        assert f"[{recipe}]" in collected.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_gpu_checks_refuse_a_machine_without_one(tmp_path: Path) -> None:
    command = ["bash", "benchmarks/gpu.sh", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no CUDA device here" in done.stderr
    assert "nothing was tested or timed" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_gpu_script_goes_on_after_a_failure_and_stops_in_time(tmp_path: Path) -> None:
    # says that there is a device; the kernels' step fails, the next one takes long
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\ncase "$*" in *test_kernels*) exit 1;; *test_attacks*) sleep 3;; esac\n')
    fake.chmod(0o755)
    out = tmp_path / "out"
    environment = {**os.environ, "PYTHON": str(fake), "GPU_SECONDS": "3"}
    command = ["bash", "benchmarks/gpu.sh", str(out)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    told = dict(line.split(": ", 1) for line in (out / "steps.txt").read_text().splitlines())
    assert told["cuda-tests"].startswith("ended")
    assert told["kernels"].startswith("failed")
    assert told["attacks-float32"].startswith("ended")
    assert all(told[f"loops-{name}"].startswith("not begun") for name in ("float32", "tf32", "bf16"))


def test_calls_are_timed_after_the_warm_up() -> None:
    calls: list[float] = []

    def call() -> None:
        calls.append(0.0)
        time.sleep(0.2 if len(calls) <= 2 else 0.002)

    assert 0.002 <= seconds(call, torch.device("cpu"), warmup=2, repeats=5) < 0.2
    assert len(calls) == 7
    assert seconds(call, torch.device("cpu")) >= 0.002
