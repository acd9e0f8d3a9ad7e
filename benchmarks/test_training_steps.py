"""Training steps per second of the papers' CIFAR-10 recipes, on synthetic images at a stated width.

One GAN step is one generator step with its discriminator steps. The first two steps do not count.
"""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from repro.core.spec import Precision
from repro.core.streams import Streams
from repro.data.load import load_images
from repro.methods.registry import load_method, train_split
from subjects import papers_runs

IMAGES, WARMUP = 1000, 2

RUNS = papers_runs()


@pytest.mark.benchmark(group="training steps")
@pytest.mark.parametrize("recipe", RUNS)
def test_training_step(
    recipe: str,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    device: torch.device,
    precision: Precision,
    rounds: int,
) -> None:
    width, batch_size = pytestconfig.getoption("width"), pytestconfig.getoption("batch")
    changes = {"width": width, "batch_size": batch_size, "precision": precision}
    spec = RUNS[recipe].model_copy(update={"source": "synthetic", "train_limit": IMAGES, **changes})
    kind = load_method(spec.method)
    split = train_split(spec.method, spec.options)
    images = load_images(spec.dataset, split, source="synthetic", limit=IMAGES, root=None)
    method = kind(spec, images.to(device), Streams(spec.seed, device), device)
    steps = iter(range(WARMUP + rounds))

    def step() -> dict[str, torch.Tensor]:
        losses = method.step(next(steps))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return losses

    losses = benchmark.pedantic(step, rounds=rounds, warmup_rounds=WARMUP)
    assert all(torch.isfinite(loss) for loss in losses.values())
    benchmark.extra_info |= {"method": spec.method, **changes, "unit": "training step"}
