"""What several benchmarks time, and how one call is timed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.core.timing import Stopwatch
from repro.data.image_set import ImageSet
from repro.methods.gan_base import GanMethod
from repro.methods.registry import load_method
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


class Operations(TorchDispatchMode):
    """Counts the operations that compute something; views and allocations do not.

    Attributes:
        number: how many ran within so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().partition("::")[2].partition(".")[0]
        self.number += not (func.is_view or name.startswith(("empty", "new_empty", "detach")))
        return func(*args, **(kwargs or {}))
