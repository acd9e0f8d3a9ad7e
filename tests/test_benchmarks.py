"""The benchmarks run, and what they measured is published under the names of device, format and versions."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
import zipfile
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import subjects

ROOT = Path(__file__).parent.parent


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    # Under pytest-xdist its variables would tell the inner pytest to switch benchmarks off.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)


def test_benchmarks_run_and_are_published(tmp_path: Path) -> None:
    found = tmp_path / "bench.json"
    chosen = "test_plan or gat.baseline and not in_order"
    small = ["--rounds", "2", "--width", "0.03", "--batch", "4", "-k", chosen]
    switches = ["--benchmark-enable", "--benchmark-only", f"--benchmark-json={found}"]
    done = python("-m", "pytest", "benchmarks", *switches, *small)
    assert done.returncode == 0, done.stdout + done.stderr
    done = python("benchmarks/publish.py", str(found), str(tmp_path / "published"))
    assert done.returncode == 0, done.stderr
    costs, steps = sorted((tmp_path / "published").iterdir())
    assert costs.name.startswith("dag-costs_")
    assert "_float32_width0.03_" in steps.name
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


def test_whole_attacks_are_timed_against_other_libraries(tmp_path: Path) -> None:
    found = tmp_path / "bench.json"
    small = ["--rounds", "2", "--width", "0.03", "--batch", "4", "-k", "test_pgd and gat_classifier and linf"]
    switches = ["--benchmark-enable", "--benchmark-only", f"--benchmark-json={found}"]
    done = python("-m", "pytest", "benchmarks/test_attacks.py", *switches, *small)
    assert done.returncode == 0, done.stdout + done.stderr
    done = python("benchmarks/publish.py", str(found), str(tmp_path / "published"))
    assert done.returncode == 0, done.stderr
    installed = [name for name in ("torchattacks", "foolbox") if find_spec(name)]
    (path,) = (tmp_path / "published").glob("attacks_*")
    rows = [row for row in csv.DictReader(path.read_text().splitlines()[1:]) if row["device"] == "cpu"]
    (row,) = rows
    assert [name for name in installed if f"{name}_ratio" in row["details"]] == installed
    assert "order as_given" in row["details"], "four images are too few for a trial"


FIRST = ["cuda-tests", "kernels", "attacks-float32", "loops-float32", "loops-tf32", "seeds", "pgd7"]
WHEELS = [
    line for line in (ROOT / "benchmarks/gpu-wheels.txt").read_text().split("\n") if line and line[0] != "#"
]


def test_the_wheels_for_a_bare_machine_bring_all_that_they_need() -> None:
    there = {*WHEELS, "torch", "torchvision", "triton", "pytest"}
    for name in {*WHEELS} - {"torchattacks"}:  # which pins what it never imports
        needed = [Requirement(each) for each in requires(name) or ()]
        asked = [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
        assert {canonicalize_name(each.name) for each in asked} <= there, name


# A machine with a GPU and little else, but for what its wheels bring: other packages are hidden.
HIDE = """
import os, sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ["HIDDEN"].split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide())
"""
NEVER_THERE = "lmdb torch_fidelity snakemake matplotlib foolbox"


def on_a_bare_machine(folder: Path, hidden: str) -> dict[str, str]:
    """Return the environment of a Python that lacks the hidden packages."""
    (folder / "sitecustomize.py").write_text(HIDE)
    return {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(folder), "HIDDEN": hidden}


def dry_run(environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["bash", "benchmarks/gpu.sh", str(folder / "out")]
    environment = {**environment, "GPU_DRY_RUN": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_steps_of_the_gpu_script_can_be_run_on_a_bare_machine(tmp_path: Path) -> None:
    bare = on_a_bare_machine(tmp_path, NEVER_THERE)
    done = dry_run(bare, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    assert list(steps)[: len(FIRST)] == FIRST
    assert len(steps) > len(FIRST)
    assert not (tmp_path / "out").exists()
    bare["PYTHONPATH"] = f"{ROOT / 'src'}:{tmp_path}"
    # tests, kernels, attacks, loops, seeds, epochs in one process: all can be imported there
    files = {word for name in FIRST for word in shlex.split(steps[name]) if word.endswith(".py")}
    command = [sys.executable, "-m", "pytest", "--collect-only", *sorted(files)]
    collected = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=False)
    assert collected.returncode == 0, collected.stdout[-2000:] + collected.stderr
    for what in (
        "test_linf_step",
        "test_iteration",
        "test_seed_batch",
        "test_pgd7_step",
        "test_a_graph_gives",
    ):
        assert what in collected.stdout


def test_the_gpu_script_does_the_named_steps_alone(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHON": sys.executable}
    done = dry_run({**environment, "GPU_STEPS": "pgd7 kernels"}, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()[:-1]] == ["kernels", "pgd7"]
    done = dry_run({**environment, "GPU_STEPS": "kernel pgd7"}, tmp_path)
    assert done.returncode == 1
    assert "GPU_STEPS names no step of this script: kernel\n" in done.stderr


def test_the_gpu_script_names_what_is_missing_first(tmp_path: Path) -> None:
    missing = "pydantic typer yaml safetensors hypothesis pytest_benchmark"
    done = dry_run(on_a_bare_machine(tmp_path, missing), tmp_path)
    assert done.returncode == 1
    assert not done.stdout
    for package in ("pydantic", "typer", "pyyaml", "safetensors", "hypothesis", "pytest-benchmark"):
        assert f"\n  {package} (" in done.stderr
        assert package in WHEELS  # which the message points to
    assert "WHEELS" in done.stderr
    # as advised: a folder of wheels, here of one package
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "typer-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("typer_of_wheels.py", "")
    environment = {**on_a_bare_machine(tmp_path, "typer"), "WHEELS": str(wheels)}
    assert "\n  typer (" in dry_run(environment, tmp_path).stderr
    assert (tmp_path / "out" / "site" / "typer_of_wheels.py").exists()


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
    # says that there is a device; the kernels' step fails, whole attacks hang
    fake = tmp_path / "python"
    fake.write_text(
        '#!/bin/sh\ncase "$*" in *benchmarks/test_kernels*) exit 1;; *test_attacks*) sleep 60;; esac\n'
    )
    fake.chmod(0o755)
    out = tmp_path / "out"
    environment = {**os.environ, "PYTHON": str(fake), "GPU_SECONDS": "3", "GPU_STEP_SECONDS": "4"}
    command = ["bash", "benchmarks/gpu.sh", str(out)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    told = dict(line.split(": ", 1) for line in (out / "steps.txt").read_text().splitlines())
    assert told["cuda-tests"].startswith("ended")
    assert told["kernels"].startswith("failed")
    assert told["attacks-float32"].startswith("out of time after 4 s")
    assert all(
        told[name].startswith("not begun") for name in ("loops-float32", "seeds", "pgd7", "steps-bf16")
    )


def test_the_median_call_after_the_warm_up_is_what_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a watch of its own: a busy machine has no say in it."""
    costs = iter((50.0, 50.0, 1.0, 2.0, 9.0, 1.0, 2.0))
    spent: list[float] = []

    class Watch:
        def __init__(self, device: torch.device) -> None:
            self.seconds = 0.0

        def start(self) -> None:
            self.seconds -= sum(spent)

        def stop(self) -> None:
            self.seconds += sum(spent)

    def call() -> None:
        spent.append(next(costs))

    monkeypatch.setattr(subjects, "Stopwatch", Watch)
    assert subjects.seconds(call, torch.device("cpu"), warmup=2, repeats=5) == 2.0
    assert len(spent) == 7
