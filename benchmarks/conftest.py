"""What every benchmark is told on the command line, and what it says about itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest
import torch

from repro.core.allocator import keep_freed_memory
from repro.core.device import apply_precision, choose_device, set_deterministic
from repro.core.gpus import use_device
from repro.core.provenance import provenance
from repro.core.spec import Precision


def pytest_configure() -> None:
    keep_freed_memory()  # as the command line does


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("repro")
    group.addoption("--device", default="cpu", help="cpu, cuda, cuda:N or auto")
    group.addoption("--precision", default="float32", choices=get_args(Precision))
    group.addoption("--width", type=float, default=0.25, help="part of the papers' channels; 1 is theirs")
    group.addoption("--batch", type=int, default=64, help="images a step")
    group.addoption("--rounds", type=int, default=10, help="timed calls of each benchmark")
    group.addoption("--budget", type=float, default=40, help="seconds of an attack's case, if rounds allow")
    group.addoption("--seeds", type=int, default=4, help="models of a batch of seeds")
    group.addoption("--threads", type=int, default=1, help="torch's threads on the CPU")
    group.addoption("--workers", type=int, default=2, help="processes that load the plain GAN loop's images")


@pytest.fixture(scope="session")
def rounds(pytestconfig: pytest.Config) -> int:
    return int(pytestconfig.getoption("rounds"))


@pytest.fixture(scope="session")
def precision(pytestconfig: pytest.Config) -> Precision:
    chosen: Precision = pytestconfig.getoption("precision")
    return chosen


@pytest.fixture(scope="session")
def device(pytestconfig: pytest.Config, precision: Precision) -> Iterator[torch.device]:
    """The device, set up as a run sets it up; a GPU is ours alone."""
    with use_device(pytestconfig.getoption("device")) as chosen:
        torch.set_num_threads(pytestconfig.getoption("threads"))
        set_deterministic()
        apply_precision(precision, chosen)
        yield chosen


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, object]) -> None:
    """Record what a run records: code, packages, device, settings."""
    machine_info["repro"] = provenance(choose_device(config.getoption("device")))
    machine_info["cuda_at_hand"] = torch.cuda.is_available()
