"""Power iterations of spectral normalisation: all layers of SNGAN-32's D, and their share of D's update.

An update passes D twice (``gan``) or four times (``dat``), each time with one iteration a layer. In each
round the update, as many iterations of each layer on its own, and as many of all together are timed one after
the other, so that a machine that slows down slows all. The row is the time of those together, as on
CUDA; ``details`` has the update's, the share, how much longer each on its own takes, and the operations of
one pass either way, each of which is a launch on CUDA. The paper's size: ``--width 1 --batch 64``.
"""

from __future__ import annotations

import statistics

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from repro.core.spec import Precision
from repro.data.load import load_images
from repro.models.spectral_blocks import SpectralLayer, iterate_together
from subjects import Operations, seconds, sngan

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
    layers = [m for m in method.D.modules() if isinstance(m, SpectralLayer)]
    matrices = [(layer.spectral, layer.weight.detach().flatten(1)) for layer in layers]

    def each_alone() -> None:
        for vectors, matrix in matrices:
            vectors.iterate(matrix)

    def together() -> None:
        for _ in range(PASSES[name]):
            iterate_together(layers)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    updates: list[float] = []
    separate: list[float] = []

    def before_each_round() -> None:
        updates.append(seconds(method.discriminator_step, device))
        separate.append(seconds(lambda: [each_alone() for _ in range(PASSES[name])], device))

    # ``seconds`` waits for the device, so that the iterations start on an idle one
    before = [vectors.u.clone() for vectors, _ in matrices]
    benchmark.pedantic(together, setup=before_each_round, rounds=rounds, warmup_rounds=WARMUP)
    moved = [not torch.equal(u, vectors.u) for u, (vectors, _) in zip(before, matrices, strict=True)]
    assert all(moved[:-1])  # the last layer has one output, whose only unit vectors are 1 and -1
    with Operations() as alone:
        each_alone()
    with Operations() as joined:
        iterate_together(layers)
    assert joined.number < alone.number
    if benchmark.stats is None:
        return
    own, update = benchmark.stats.stats.median, statistics.median(updates[WARMUP:])
    benchmark.extra_info |= {
        "layers": len(layers),
        "update_s": f"{update:.4g}",
        "share": f"{own / update:.4f}",
        "alone_ratio": f"{statistics.median(separate[WARMUP:]) / own:.3f}",
        "operations": f"{joined.number} (each alone {alone.number})",
        "unit": "all power iterations of an update",
    }
