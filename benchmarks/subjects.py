"""What several benchmarks time, and how one call is timed."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.core.timing import Stopwatch
from repro.data.image_set import ImageSet
from repro.data.load import load_images
from repro.methods.base import Method
from repro.methods.gan_base import GanMethod
from repro.methods.registry import load_method, train_split
from repro.plan.config import load_config
from repro.plan.plan import build_plan

STEPS = 100_000  # of the training that a benchmark takes some steps of


def sngan(
    name: str, pytestconfig: pytest.Config, data: ImageSet, device: torch.device, **options: object
) -> GanMethod:
    """Return the method ``name`` on SNGAN's networks; width, batch and format as the command line says."""
    spec = RunSpec(
        recipe="benchmark",
        method=name,
        dataset="cifar10",
        source="synthetic",
        seed=0,
        steps=STEPS,
        batch_size=pytestconfig.getoption("batch"),
        width=pytestconfig.getoption("width"),
        precision=pytestconfig.getoption("precision"),
        options={"network": "sngan", **options},
    )
    method = load_method(name)(spec, data, Streams(0, device), device)
    assert isinstance(method, GanMethod)
    return method


def papers_runs() -> dict[str, RunSpec]:
    """Return the first run of each recipe that trains on CIFAR-10 in the papers' own profile."""
    runs: dict[str, RunSpec] = {}
    for run in build_plan(load_config(Path(__file__).parent.parent / "config", "paper")).runs.values():
        if run.dataset == "cifar10":
            runs.setdefault(run.recipe, run)
    return runs


def papers_method(
    run: RunSpec, pytestconfig: pytest.Config, device: torch.device, images: int
) -> tuple[Method, dict[str, Any]]:
    """Return a paper's training on synthetic images; width, batch and format as the command line says."""
    options = {"width": "width", "batch_size": "batch", "precision": "precision"}
    changes = {field: pytestconfig.getoption(option) for field, option in options.items()}
    spec = run.model_copy(update={"source": "synthetic", "train_limit": images, **changes})
    split = train_split(spec.method, spec.options)
    data = load_images(spec.dataset, split, source="synthetic", limit=images, root=None).to(device)
    return load_method(spec.method)(spec, data, Streams(spec.seed, device), device), changes


def time_steps(
    benchmark: BenchmarkFixture,
    step: Callable[[int], Mapping[str, Tensor]],
    device: torch.device,
    *,
    rounds: int,
    warmup: int,
    others: Mapping[str, Callable[[int], object]] | None = None,
) -> dict[str, list[float]]:
    """Time ``step`` on numbers from 0 on, and right before each of its calls one of each of ``others``.

    Returns:
        The others' seconds in the timed rounds.

    Raises:
        AssertionError: a value of the last step is not finite.
    """
    taken: dict[str, list[float]] = {name: [] for name in others or {}}
    numbers = itertools.count()

    def one_of_each() -> None:
        for name, call in (others or {}).items():
            taken[name].append(seconds(partial(call, len(taken[name])), device))

    def synchronised() -> Mapping[str, Tensor]:
        values = step(next(numbers))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return values

    values = benchmark.pedantic(synchronised, setup=one_of_each, rounds=rounds, warmup_rounds=warmup)
    assert all(torch.isfinite(value) for value in values.values())
    return {name: times[warmup:] for name, times in taken.items()}


def seconds(call: Callable[[], object], device: torch.device, *, warmup: int = 0, repeats: int = 1) -> float:
    """Return what one call takes, the device's work included: the median, after ``warmup`` calls."""
    for _ in range(warmup):
        call()
    watches = [Stopwatch(device) for _ in range(repeats)]
    for watch in watches:
        watch.start()
        call()
        watch.stop()
    return statistics.median(watch.seconds for watch in watches)


@contextmanager
def as_others_run() -> Iterator[None]:
    """Let what is compared with run as its users do: in no fixed order, with cuDNN's quickest algorithms."""
    fixed, trials = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(fixed)
        torch.backends.cudnn.benchmark = trials
