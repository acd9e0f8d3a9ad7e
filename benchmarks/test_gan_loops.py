"""Generator iterations per second of SNGAN-32 (n_dis 5) against a plain eager loop of the same networks.

In each round both loops make one iteration, one after the other, so that a machine that slows down slows
both. The row is this package's time; ``details`` has the plain loop's median and the ratio, and for DAT what
a step costs in steps of its baseline. ``tests/methods/test_gan_plain_loop.py``: both train alike. The paper's
size: ``--width 1 --batch 64``.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from plain_gan import Discriminator, Generator, LoaderFeed, PlainLoop, Recipe, adopt
from repro.core.device import autocast
from repro.core.spec import Precision
from repro.data.load import load_images
from subjects import STEPS, sngan, time_steps

IMAGES, N_DIS, WARMUP = 2000, 5, 4


@pytest.mark.benchmark(group="GAN loops")
@pytest.mark.parametrize("name", ["gan", "dat"])
def test_iteration(
    name: str,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    device: torch.device,
    precision: Precision,
    rounds: int,
) -> None:
    data = load_images("cifar10", "train", source="synthetic", limit=IMAGES, root=None)
    ours, baseline = (
        sngan(each, pytestconfig, data.to(device), device, n_dis=N_DIS) for each in (name, "gan")
    )
    plain_g = Generator(baseline.G.first.out_features // 16).to(device)
    plain_d = Discriminator(baseline.D.last.in_features).to(device)
    adopt(plain_g, baseline.G)
    adopt(plain_d, baseline.D)
    batch_size = pytestconfig.getoption("batch")
    feed = LoaderFeed(data.images, batch_size, pytestconfig.getoption("workers"), device)
    plain = PlainLoop(plain_g, plain_d, feed, batch_size, Recipe(n_dis=N_DIS, steps=STEPS))

    def plain_step(step: int) -> None:
        with autocast(precision, device):
            plain.step()

    others: dict[str, Callable[[int], object]] = {"plain": plain_step}
    if name != "gan":
        others["baseline"] = baseline.step
    taken = time_steps(benchmark, ours.step, device, rounds=rounds, warmup=WARMUP, others=others)
    if benchmark.stats is None:
        return
    median, plain_median = benchmark.stats.stats.median, statistics.median(taken["plain"])
    details: dict[str, object] = {"width": pytestconfig.getoption("width"), "batch_size": batch_size}
    details |= {"precision": precision, "unit": "generator iteration", "plain_s": f"{plain_median:.4g}"}
    if name == "gan":
        details["faster_than_plain"] = f"{plain_median / median:.2f}"
    else:
        details["steps_of_the_baseline"] = f"{median / statistics.median(taken['baseline']):.2f}"
    benchmark.extra_info |= details
