"""Training steps per second of the papers' CIFAR-10 recipes, on synthetic images at a stated width.

One GAN step is one generator step with its discriminator steps. The first two steps do not count.
"""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from subjects import papers_method, papers_runs, time_steps

IMAGES, WARMUP = 1000, 2

RUNS = papers_runs()


@pytest.mark.benchmark(group="training steps")
@pytest.mark.parametrize("recipe", RUNS)
def test_training_step(
    recipe: str,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    device: torch.device,
    rounds: int,
) -> None:
    method, changes = papers_method(RUNS[recipe], pytestconfig, device, IMAGES)
    time_steps(benchmark, method.step, device, rounds=rounds, warmup=WARMUP)
    benchmark.extra_info |= {"method": RUNS[recipe].method, **changes, "unit": "training step"}
