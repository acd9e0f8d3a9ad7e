"""Power iterations of spectral normalisation: all layers of SNGAN-32's D, and their share of D's update.

An update passes D twice (``gan``) or four times (``dat``), each time with one iteration a layer. In each
round the update and as many iterations alone are timed one after the other, so that a machine that slows down
slows both. The row is the iterations' time; ``details`` has the update's and the share. The paper's size:
``--width 1 --batch 64``.
"""

from __future__ import annotations

import statistics

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from repro.core.spec import Precision
from repro.data.load import load_images
from repro.models.spectral_norm import SpectralConv2d, SpectralLinear
from subjects import seconds, sngan

IMAGES, WARMUP = 200, 2
PASSES = {"gan": 2, "dat": 4}


@pytest.mark.benchmark(group="spectral norm")
@pytest.mark.parametrize("name", PASSES)
def test_power_iterations(
    name: str,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    device: torch.device,
    precision: Precision,
    rounds: int,
) -> None:
    data = load_images("cifar10", "train", source="synthetic", limit=IMAGES, root=None).to(device)
    method = sngan(name, pytestconfig, data, device)
    layers = [m for m in method.D.modules() if isinstance(m, SpectralConv2d | SpectralLinear)]
    matrices = [(layer.spectral, layer.weight.detach().flatten(1)) for layer in layers]

    def iterate() -> None:
        for _ in range(PASSES[name]):
            for vectors, matrix in matrices:
                vectors.iterate(matrix)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    updates: list[float] = []

    def update() -> None:
        updates.append(seconds(method.discriminator_step, device))

    # ``seconds`` waits for the device, so that the iterations start on an idle one
    before = [vectors.u.clone() for vectors, _ in matrices]
    benchmark.pedantic(iterate, setup=update, rounds=rounds, warmup_rounds=WARMUP)
    moved = [not torch.equal(u, vectors.u) for u, (vectors, _) in zip(before, matrices, strict=True)]
    assert all(moved[:-1])  # the last layer has one output, whose only unit vectors are 1 and -1
    if benchmark.stats is None:
        return
    share = benchmark.stats.stats.median / statistics.median(updates[WARMUP:])
    benchmark.extra_info |= {
        "layers": len(layers),
        "update_s": f"{statistics.median(updates[WARMUP:]):.4g}",
        "share": f"{share:.4f}",
        "unit": "all power iterations of an update",
    }
