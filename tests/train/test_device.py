"""Every method trains on CUDA, repeatably, and its networks compute there what they do on the CPU.

That training on the CPU is repeatable is in test_methods.py.
"""

from __future__ import annotations

import pytest
import torch

import paper_runs
from method_cases import weights
from papers_case import plan_of
from repro.core.device import apply_precision
from repro.core.spec import RunSpec
from repro.methods.base import Method

no_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
CUDA = torch.device("cuda")


def one_run_of_each_method() -> dict[str, RunSpec]:
    """The sheets' first run of each method, cut to two steps of tiny networks on synthetic images."""
    runs: dict[str, RunSpec] = {}
    size = {"source": "synthetic", "train_limit": 40, "width": 0.03, "batch_size": 4, "steps": 2}
    for run in plan_of("paper").runs.values():
        if run.dataset == "cifar10":
            runs.setdefault(run.method, run.model_copy(update=size))
    return runs


RUNS = one_run_of_each_method()


def made(method: str, device: torch.device) -> Method:
    apply_precision(RUNS[method].precision, device)
    return paper_runs.made(RUNS[method], device)


@pytest.mark.cuda
@no_cuda
@pytest.mark.parametrize("method", RUNS)
def test_training_twice_gives_equal_weights(method: str) -> None:
    first, second = made(method, CUDA), made(method, CUDA)
    start = {name: value.clone() for name, value in weights(first).items()}
    for trained in (first, second):
        losses = trained.step(0) | trained.step(1)
        assert all(loss.is_cuda and torch.isfinite(loss) for loss in losses.values())
    others = weights(second)
    for name, value in weights(first).items():
        assert value.is_cuda
        assert torch.equal(value, others[name]), name
    assert any(not torch.equal(value, start[name]) for name, value in weights(first).items())


@pytest.mark.cuda
@no_cuda
@pytest.mark.parametrize("method", ["gan", "dat", "rgan", "robgan"])
def test_images_are_those_that_the_cpu_draws(method: str) -> None:
    here, there = made(method, torch.device("cpu")), made(method, CUDA)
    there.load_snapshot_state(here.snapshot_state())
    drawn = [each.sample(6, torch.Generator().manual_seed(3)) for each in (here, there)]
    torch.testing.assert_close(drawn[1].cpu(), drawn[0], rtol=1e-3, atol=1e-3)
