"""Adversarial training with PGD-7 on PreActResNet-18: a step, an epoch of 50,000 images by it, torchattacks'.

The same training as a user writes it with torchattacks (eager, memory in the usual order) takes its step
right before ours in each round, on batches given to it ready. Both must have the same first loss, without
a random start, before a time counts. ``torchattacks_ratio`` is the median over rounds of its time over ours.
The papers' network: ``--width 1 --batch 128``.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from copy import deepcopy
from importlib.util import find_spec

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn
from torch.nn import functional as F

import repro.core.vision  # noqa: F401  torchattacks imports torchvision
from repro.core.device import autocast
from repro.core.spec import Precision, RunSpec
from repro.core.streams import Streams
from repro.data.load import load_images
from repro.methods.adversarial_training import AdversarialTraining
from subjects import as_others_run, time_steps

EPOCH, WARMUP = 50_000, 4  # the first steps choose algorithms, compile kernels and capture the attack
RADIUS, STEPS = 16 / 255, 7  # in [-1,1]: 8/255 of the pixel range


def spec_of(steps: int, *, width: float, batch: int, precision: Precision, **options: bool) -> RunSpec:
    return RunSpec(
        recipe="benchmark", method="adversarial_training", dataset="cifar10", source="synthetic", seed=0,
        steps=steps, batch_size=batch, width=width, precision=precision,
        options={"radius": RADIUS, "step_size": RADIUS / 4, "steps": STEPS, "random_start": True, **options},
    )  # fmt: skip


class InUnitRange(nn.Module):
    """Takes pixels in [0,1], as torchattacks does, for a network that wants them in [-1,1]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(2 * images - 1)
        return logits


def plain_training(
    network: nn.Module, precision: Precision, device: torch.device, *, random_start: bool
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a training step with torchattacks' PGD: images in [0,1] and labels to the loss."""
    import torchattacks

    classifier = InUnitRange(network)
    attack = torchattacks.PGD(
        classifier, eps=RADIUS / 2, alpha=RADIUS / 8, steps=STEPS, random_start=random_start
    )
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)

    @as_others_run()
    def step(images: Tensor, labels: Tensor) -> Tensor:
        with autocast(precision, device):
            attacked = attack(images, labels)
            loss = F.cross_entropy(classifier(attacked).float(), labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return loss.detach()

    return step


def method_of(spec: RunSpec, device: torch.device) -> AdversarialTraining:
    images = load_images("cifar10", "train", source="synthetic", limit=1000, root=None).to(device)
    return AdversarialTraining(spec, images, Streams(0, device), device)


@pytest.mark.benchmark(group="PGD epoch")
def test_pgd7_step(
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    device: torch.device,
    precision: Precision,
    rounds: int,
) -> None:
    changes = {"width": pytestconfig.getoption("width"), "batch": pytestconfig.getoption("batch")}
    method = method_of(spec_of(WARMUP + rounds, precision=precision, **changes), device)
    others: dict[str, Callable[[int], object]] = {}
    if find_spec("torchattacks"):
        check_first_losses(precision, device, **changes)
        plain = deepcopy(method.network).to(memory_format=torch.contiguous_format)
        theirs = plain_training(plain, precision, device, random_start=True)
        images = torch.rand(changes["batch"], 3, 32, 32, device=device)
        labels = torch.arange(changes["batch"], device=device) % 10
        others["torchattacks"] = lambda step: theirs(images, labels)
    taken = time_steps(benchmark, method.step, device, rounds=rounds, warmup=WARMUP, others=others)
    if benchmark.stats is not None:
        own = benchmark.stats.stats
        about = {"unit": "training step", "epoch_s": f"{own.median * EPOCH / changes['batch']:.4g}"}
        about["load"] = " ".join(f"{load:.1f}" for load in os.getloadavg())
        for times in taken.values():
            both = zip(times, own.data, strict=True)
            about["torchattacks_s"] = f"{statistics.median(times):.5g}"
            about["torchattacks_ratio"] = f"{statistics.median(a / b for a, b in both):.3f}"
        benchmark.extra_info |= {"method": "adversarial_training", "precision": precision, **changes, **about}


def check_first_losses(precision: Precision, device: torch.device, *, width: float, batch: int) -> None:
    """Fail unless both trainings begin with the same loss on the same images."""
    chosen = {"random_start": False, "augmentation": False}
    method = method_of(spec_of(1, width=width, batch=batch, precision=precision, **chosen), device)
    images, labels = deepcopy(method.stream).next()
    plain = deepcopy(method.network).to(memory_format=torch.contiguous_format)
    theirs = plain_training(plain, precision, device, random_start=False)((images + 1) / 2, labels)
    torch.testing.assert_close(
        method.step(0)["loss"].float(), theirs.float(), rtol=1e-3 if precision == "float32" else 2e-2, atol=0
    )
