"""K seeds as one batch of models against K runs one after the other: seconds for one step of all of them.

`pytest benchmarks/test_seed_batches.py --benchmark-enable --seeds 50 --width 1 --batch 128 --device cuda`

The goal on a GPU is that 50 seeds in one batch cost at most 1/8 of 50 runs in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from repro.core.spec import Precision, RunSpec
from repro.core.streams import Streams
from repro.data.load import load_images
from repro.methods.classifier import Classifier
from repro.methods.registry import load_method
from repro.methods.seed_batch import joined

WARMUP = 2
How = Literal["in_turn", "grouped"]
METHODS: dict[str, dict[str, Any]] = {
    "classifier": {},
    "random_perturbation": {},
    "fast_gradient_training": {},
    "gat": {"delta_scale": "unit_rms"},
}


def steps(
    method: str, how: How, seeds: int, spec: dict[str, Any], device: torch.device
) -> Callable[[int], list[torch.Tensor]]:
    """Return what trains ``seeds`` models by one step and returns their losses."""
    images = load_images("cifar10", "train45k", source="synthetic", limit=1000, root=None).to(device)
    members: list[Classifier] = []
    for seed in range(seeds):
        run = RunSpec(
            recipe="benchmark",
            method=method,
            dataset="cifar10",
            source="synthetic",
            seed=seed,
            steps=1,
            options=METHODS[method],
            **spec,
        )
        made = load_method(method)(run, images, Streams(seed, device), device)
        assert isinstance(made, Classifier)
        members.append(made)
    if how == "in_turn":
        return lambda step: [member.step(step)["loss"] for member in members]
    together = joined(members)
    return lambda step: [together.step(step)["loss"]]


@pytest.mark.benchmark(group="seeds together")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("how", ["in_turn", "grouped"])
def test_seed_batch(
    method: str,
    how: How,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    device: torch.device,
    precision: Precision,
    rounds: int,
) -> None:
    width, batch_size = pytestconfig.getoption("width"), pytestconfig.getoption("batch")
    seeds = int(pytestconfig.getoption("seeds"))
    spec = {"width": width, "batch_size": batch_size, "precision": precision}
    take, numbers = steps(method, how, seeds, spec, device), iter(range(WARMUP + rounds))

    def step() -> list[torch.Tensor]:
        losses = take(next(numbers))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return losses

    losses = benchmark.pedantic(step, rounds=rounds, warmup_rounds=WARMUP)
    assert all(bool(torch.isfinite(loss).all()) for loss in losses)
    benchmark.extra_info |= {"method": method, "seeds": seeds, **spec, "unit": "step of all seeds"}
