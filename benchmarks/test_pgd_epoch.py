"""Adversarial training with PGD-7 on PreActResNet-18: a step, and an epoch of 50,000 images by it."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from repro.core.spec import Precision, RunSpec
from repro.core.streams import Streams
from repro.data.load import load_images
from repro.methods.registry import load_method

EPOCH, WARMUP = 50_000, 4  # the first steps choose algorithms, compile kernels and capture the attack


@pytest.mark.benchmark(group="PGD epoch")
def test_pgd7_step(
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    device: torch.device,
    precision: Precision,
    rounds: int,
) -> None:
    width, batch_size = pytestconfig.getoption("width"), pytestconfig.getoption("batch")
    changes = {"width": width, "batch_size": batch_size, "precision": precision}
    spec = RunSpec(
        recipe="benchmark",
        method="adversarial_training",
        dataset="cifar10",
        source="synthetic",
        seed=0,
        steps=WARMUP + rounds,
        options={"steps": 7, "random_start": True},
        **changes,
    )
    images = load_images("cifar10", "train", source="synthetic", limit=1000, root=None).to(device)
    method = load_method(spec.method)(spec, images, Streams(0, device), device)
    steps = iter(range(WARMUP + rounds))

    def step() -> dict[str, torch.Tensor]:
        losses = method.step(next(steps))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return losses

    losses = benchmark.pedantic(step, rounds=rounds, warmup_rounds=WARMUP)
    assert all(torch.isfinite(loss) for loss in losses.values())
    if benchmark.stats is not None:
        epoch = benchmark.stats.stats.median * EPOCH / batch_size
        changes |= {"unit": "training step", "epoch_s": f"{epoch:.4g}"}
        benchmark.extra_info |= {"method": spec.method, **changes}
