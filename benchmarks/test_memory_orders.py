"""The orders of memory that ``core.memory_order`` chooses from: PGD of 10 steps (Linf), and a training step.

``pytest benchmarks/test_memory_orders.py --benchmark-enable --device cuda --width 1 --batch 128``

Images lie as the weights do. ``eager_s`` is the attack without a CUDA graph, the others' are on the same
network.
"""

from __future__ import annotations

from unittest import mock

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

import repro.methods.optimisation
from peers import peers
from repro.attacks import PGD
from repro.attacks.execution import GRAPHED
from repro.core.device import autocast
from repro.core.spec import Precision
from subjects import papers_method, papers_runs, seconds, time_steps
from test_attacks import CLASSES, OWN, STEPS, settled, threat_model

ORDERS = {"usual": torch.contiguous_format, "last": torch.channels_last}
RUNS, WARMUP = ("gat.baseline", "robgan.adversarial_training", "robgan.cotrain", "rgan.sngan"), 4


@pytest.mark.benchmark(group="memory orders")
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", OWN)
def test_pgd_in_order(
    name: str,
    order: str,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    device: torch.device,
    precision: Precision,
    rounds: int,
) -> None:
    torch.manual_seed(0)
    width, batch = pytestconfig.getoption("width"), pytestconfig.getoption("batch")
    images = torch.rand(batch, 3, 32, 32, device=device)
    labels = torch.randint(CLASSES, (batch,), device=device)
    network = settled(OWN[name](width).to(device), images)
    network, images = (each.to(memory_format=ORDERS[order]) for each in (network, images))
    threat = threat_model("linf", STEPS)
    with autocast(precision, device):
        eager = PGD(model=network, threat=threat)
        graphed = PGD(model=network, threat=threat, execution=GRAPHED)
        others = peers(network, threat)
        taken = {"eager": seconds(lambda: eager(images, labels), device, warmup=1, repeats=rounds)}
        for other, attack in others.items():
            taken[other] = seconds(lambda run=attack: run(images, labels), device, warmup=1, repeats=rounds)  # type: ignore[misc]

        def run() -> None:
            graphed(images, labels)
            if device.type == "cuda":
                torch.cuda.synchronize(device)

        benchmark.pedantic(run, rounds=rounds, warmup_rounds=2)
    benchmark.extra_info |= {"precision": precision, "width": width, "batch": batch, "unit": "attack"}
    benchmark.extra_info |= {f"{other}_s": f"{found:.5g}" for other, found in taken.items()}


@pytest.mark.benchmark(group="memory orders")
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", RUNS)
def test_step_in_order(
    name: str,
    order: str,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    device: torch.device,
    rounds: int,
) -> None:
    with mock.patch.object(repro.methods.optimisation, "fastest_order", return_value=ORDERS[order]):
        method, changes = papers_method(papers_runs()[name], pytestconfig, device, images=1000)
    time_steps(benchmark, method.step, device, rounds=rounds, warmup=WARMUP)
    benchmark.extra_info |= {**changes, "unit": "training step"}
