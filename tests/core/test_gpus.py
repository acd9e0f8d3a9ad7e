"""Several GPUs, pretended: each job has its own, there are never more jobs, and the dead hold none."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
import torch

from dag_case import copy_workflow, snakemake
from repro.core import gpus, locks, ranks
from repro.core.errors import ReproError
from repro.core.gpus import jobs_at_once, use_device
from repro.core.paths import Layout
from repro.jobs.steps import train_step
from repro.plan.batches import make_batches
from repro.plan.config import load_config
from repro.plan.plan import build_plan

FORK = multiprocessing.get_context("fork")


@contextmanager
def machine(count: int, first: int = 0) -> Iterator[mock.Mock]:
    """Pretend ``count`` GPUs, of which CUDA_VISIBLE_DEVICES may hide the first ones; give ``set_device``."""
    named = mock.Mock(side_effect=lambda i: SimpleNamespace(uuid=f"GPU-{first + i}"))
    with ExitStack() as pretended:
        for name, value in {
            "is_available": lambda: True,
            "device_count": lambda: count,
            "get_device_properties": named,
        }.items():
            pretended.enter_context(mock.patch.object(torch.cuda, name, value))
        yield pretended.enter_context(mock.patch.object(torch.cuda, "set_device"))


def _job(end: Connection, text: str, count: int, first: int, run: tuple[Barrier, bool] | None) -> None:
    with ExitStack() as together:
        if run is not None:  # one of two processes that train together
            for name, act in {
                "on_this_machine": lambda: 2,
                "first": lambda: run[1],
                "gathered": lambda _: run[0].wait(),
            }.items():
                together.enter_context(mock.patch.object(ranks, name, act))
        _hold(end, text, count, first)


def _hold(end: Connection, text: str, count: int, first: int) -> None:
    with machine(count, first) as set_device, use_device(text) as device:
        (current,), _ = set_device.call_args
        end.send((first + device.index, current == device))
        end.recv()


class Job:
    """A process that uses a GPU until it is told to end."""

    def __init__(
        self,
        text: str = "auto",
        count: int = 3,
        first: int = 0,
        run: tuple[Barrier, bool] | None = None,
    ) -> None:
        self.ours, theirs = FORK.Pipe()
        self.process: BaseProcess = FORK.Process(target=_job, args=(theirs, text, count, first, run))
        self.process.start()
        theirs.close()

    def gpu(self) -> int:
        assert self.ours.poll(20), "got none"
        used, is_current = self.ours.recv()
        assert is_current
        return int(used)

    def end(self, how: int | None = None) -> None:
        if how is None:
            self.ours.send("end")
        else:
            os.kill(int(self.process.pid or 0), how)
        self.process.join(20)


@pytest.fixture(autouse=True)
def _own_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(locks, "POLL", 0.02)


@pytest.fixture
def jobs() -> Iterator[list[Job]]:
    started: list[Job] = []
    yield started
    for job in started:
        if job.process.is_alive():
            job.end(signal.SIGKILL)


@pytest.mark.parametrize("count", [1, 2, 8])
def test_each_job_has_a_gpu_of_its_own_and_the_others_wait(jobs: list[Job], count: int) -> None:
    jobs += [Job("auto", count) for _ in range(count)]
    assert sorted(job.gpu() for job in jobs) == list(range(count))
    late = Job("cuda", count)
    jobs.append(late)
    assert not wait([late.ours], 0.3)
    jobs[-2].end()
    assert late.gpu() in range(count)


def test_a_killed_job_frees_its_gpu(jobs: list[Job]) -> None:
    jobs += [Job() for _ in range(3)]
    held = [job.gpu() for job in jobs]
    late = Job()
    jobs.append(late)
    assert not wait([late.ours], 0.3)
    jobs[1].end(signal.SIGKILL)
    assert late.gpu() == held[1]


def test_two_runs_of_two_processes_do_not_wait_for_each_others_gpus(jobs: list[Job]) -> None:
    one, other = FORK.Barrier(2), FORK.Barrier(2)
    jobs += [Job(count=2, run=(one, True)), Job(count=2, run=(other, True))]
    jobs += [Job(count=2, run=(one, False)), Job(count=2, run=(other, False))]
    (ready, *_) = wait([job.ours for job in jobs], 20)
    number = next(k for k, job in enumerate(jobs) if job.ours is ready) % 2
    ahead, behind = jobs[number::2], jobs[1 - number :: 2]
    assert sorted(job.gpu() for job in ahead) == [0, 1]
    assert not wait([job.ours for job in behind], 0.3)
    for job in ahead:
        job.end()
    assert sorted(job.gpu() for job in behind) == [0, 1]


def test_a_gpu_that_is_named_is_taken_and_kept_from_others(jobs: list[Job]) -> None:
    jobs += [Job("cuda:0")]
    assert jobs[0].gpu() == 0
    jobs += [Job(), Job("cuda:1")]
    assert jobs[1].gpu() in (1, 2)
    assert jobs[2].gpu() == 1  # whoever has it
    jobs += [Job("cuda:1"), Job("cuda:1")]
    assert [job.gpu() for job in jobs[3:]] == [1, 1]


def test_a_lease_is_of_the_gpu_whatever_its_number(jobs: list[Job]) -> None:
    jobs += [Job("auto", count=1, first=1)]
    assert jobs[0].gpu() == 1
    jobs += [Job("auto", count=2)]
    assert jobs[1].gpu() == 0
    jobs += [Job("auto", count=2)]
    assert not wait([jobs[2].ours], 0.3)


def test_who_waits_says_for_whom(capsys: pytest.CaptureFixture[str], jobs: list[Job]) -> None:
    jobs += [Job(count=1)]
    jobs[0].gpu()
    ends = mock.patch.object(locks.time, "sleep", side_effect=lambda _: jobs[0].end())
    with ends, machine(1), use_device() as device:
        assert device == torch.device("cuda", 0)
    said = capsys.readouterr().err
    assert f"waiting until another process ({jobs[0].process.pid} on" in said
    assert "works on the GPUs" in said


def test_no_lease_and_no_current_device_on_the_cpu(tmp_path: Path) -> None:
    with mock.patch.object(torch.cuda, "set_device") as set_device, use_device("cpu") as device:
        assert device == torch.device("cpu")
    assert not set_device.called
    assert not list(tmp_path.iterdir())


def test_leases_in_a_folder_of_somebody_else_are_refused_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / f"repro-gpus-{os.getuid()}"
    if os.getuid():
        foreign.symlink_to("/")
    else:
        foreign.mkdir()
        os.chown(foreign, 12345, -1)
    with machine(2), pytest.raises(ReproError, match="belongs to another user") as caught, use_device():
        pass
    assert "TMPDIR" in caught.value.remedy
    (tmp_path / "own").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "own"))  # as TMPDIR does in a new process
    with machine(2), use_device() as device:
        assert device.index == 0


@pytest.mark.parametrize(("text", "count"), [("auto", 2), ("cuda:1", 8)])
def test_processes_of_one_run_want_a_gpu_each(text: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "one")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with machine(count), pytest.raises(ReproError, match="3 processes need as many GPUs") as caught:
        use_device(text).__enter__()
    assert "processes" in caught.value.remedy
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with machine(8), use_device("cuda") as device:
        assert device.type == "cuda"


def test_jobs_of_the_dag_use_what_they_lease(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = build_plan(load_config(Path("config")))
    run, batches, layout = next(iter(plan.runs)), make_batches(plan), Layout(project / "results", "smoke")
    seen: list[torch.device] = []
    monkeypatch.setattr("repro.train.run.train_run", lambda *_, device, **__: seen.append(device))
    with machine(2), use_device():
        train_step(plan, batches, layout, batch=None, run=run, data_root=None, device="auto")
    assert seen == [torch.device("cuda", 1)]


# The cap on the DAG's jobs

SITE = """\
import sys, types
if any("device_count" in word for word in sys.orig_argv):
    sys.modules["torch"] = types.SimpleNamespace(cuda=types.SimpleNamespace(device_count=lambda: {count}))
"""


@pytest.fixture
def pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A driver's program on the path; torch, asked for its devices, answers what ``sitecustomize`` says."""
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    return tool.parent


@pytest.mark.parametrize("count", [0, 1, 8])
def test_as_many_jobs_as_gpus(pretended: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    (pretended / "sitecustomize.py").write_text(SITE.format(count=count))
    monkeypatch.setenv("PYTHONPATH", str(pretended))
    assert jobs_at_once("auto") == jobs_at_once("cuda") == (count or None)
    assert jobs_at_once("cuda:1") == 1
    assert jobs_at_once("cpu") is None


@pytest.mark.slow
def test_snakemake_is_told_how_many(project: Path, pretended: Path) -> None:
    copy_workflow(project)
    profile = Path("config/profiles/tiny.yaml")
    profile.write_text(profile.read_text().replace("device: cpu", "device: auto"))
    (project / "src").mkdir()
    (project / "src" / "repro").symlink_to(Path(gpus.__file__).parents[1])
    (project / "src" / "sitecustomize.py").write_text(SITE.format(count=3))
    Path("figures/gat/table1.png").unlink()
    assert 'Provided resources: gpu=Resource("gpu", 3)' in snakemake(project, "figures/gat/table1.png")
