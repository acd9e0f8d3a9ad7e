"""RGAN's baselines against a plain eager loop of the same networks, and what robust training costs a step.

In each round every loop makes one step (an update of G with its updates of D), one after the other, so that a
machine that slows down slows all. The row is this package's time; ``details`` has the ratio to the plain loop
and what a step of each mode costs in steps of the baseline. ``tests/methods/test_gan_plain_loop.py``: both
loops train alike.
"""

from __future__ import annotations

import statistics
from copy import deepcopy

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from plain_gan import LoaderFeed, PlainLoop, Recipe
from repro.core.device import autocast
from repro.core.spec import Precision
from repro.methods.gan_base import GanMethod
from subjects import papers_method, papers_runs, time_steps

IMAGES, WARMUP = 2000, 3
MODES = ("random_noise", "generator", "discriminator", "both")
RUNS = papers_runs()


def made(recipe: str, pytestconfig: pytest.Config, device: torch.device) -> GanMethod:
    method, _ = papers_method(RUNS[f"rgan.{recipe}"], pytestconfig, device, IMAGES)
    assert isinstance(method, GanMethod)
    return method


def plain_loop(ours: GanMethod, workers: int) -> PlainLoop:
    """Return the eager loop on copies of a baseline's networks in torch's own memory order."""
    o, spec = ours.options, ours.spec
    recipe = Recipe(
        loss=o.loss,  # type: ignore[arg-type]  # of the three that the loop knows, else its first step fails
        penalty=o.regulariser_options.get("weight", 0.0) if o.regulariser == "gradient_penalty" else 0.0,
        learning_rate=o.learning_rate,
        betas=(o.beta1, o.beta2),
        n_dis=o.n_dis,
        steps=spec.steps if o.decay == "linear" else None,
    )
    copies = (deepcopy(network).to(memory_format=torch.contiguous_format) for network in (ours.G, ours.D))
    feed = LoaderFeed(ours.data.images, spec.batch_size, workers, ours.device, ours.G.latent_dim)
    return PlainLoop(*copies, feed, spec.batch_size, recipe)


@pytest.mark.benchmark(group="RGAN steps")
@pytest.mark.parametrize("recipe", ["dcgan", "wgan_gp_res"])
def test_step(
    recipe: str,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    device: torch.device,
    precision: Precision,
    rounds: int,
) -> None:
    baseline = made(recipe, pytestconfig, device)
    plain = plain_loop(baseline, pytestconfig.getoption("workers"))

    def plain_step(step: int) -> None:
        with autocast(precision, device):
            plain.step()

    modes = {mode: made(f"{recipe}_{mode}", pytestconfig, device).step for mode in MODES}
    others = {"plain": plain_step, **modes}
    taken = time_steps(benchmark, baseline.step, device, rounds=rounds, warmup=WARMUP, others=others)
    if benchmark.stats is None:
        return
    own = benchmark.stats.stats.median
    medians = {name: statistics.median(times) for name, times in taken.items()}
    details = {name: pytestconfig.getoption(name) for name in ("width", "batch")}
    details |= {"precision": precision, "unit": "step", "plain_s": f"{medians['plain']:.4g}"}
    details["faster_than_plain"] = f"{medians['plain'] / own:.2f}"
    benchmark.extra_info |= details | {
        f"{mode}_in_steps_of_the_baseline": f"{medians[mode] / own:.2f}" for mode in MODES
    }
