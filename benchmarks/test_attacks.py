"""Whole attacks against other libraries: PGD of 10 and 50 steps, Linf and L2, two networks, one batch.

In each round every library attacks the same batch once, one after the other, so that a machine that slows
down slows all of them. Before a time counts, all must have found the same perturbation. The row is this
package's time; ``details`` has the others' medians and their ratio to it. The papers' sizes:
``--width 1 --batch 128``.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn

from peers import peers
from repro.attacks import PGD, ThreatModel
from repro.core.device import autocast
from repro.core.spec import Precision
from repro.core.timing import SplitWatch, Stopwatch
from repro.methods.optimisation import place
from repro.models.gat_networks import GATClassifier
from repro.models.heads import ClassView
from repro.models.preact_resnet import PreActResNet18

CLASSES, PARITY_STEPS = 10, 3
NETWORKS: dict[str, Callable[[float], nn.Module]] = {
    "preact_resnet18": lambda width: ClassView(PreActResNet18(CLASSES, width=width)),
    "gat_classifier": lambda width: GATClassifier(CLASSES, width=width),
}
LENGTHS = {"linf": (8 / 255, 2 / 255), "l2": (0.5, 0.1)}


def threat_model(norm: str, steps: int) -> ThreatModel:
    radius, step_size = LENGTHS[norm]
    return ThreatModel(norm=norm, radius=radius, step_size=step_size, steps=steps)  # type: ignore[arg-type]


def seconds(call: Callable[[], object], device: torch.device) -> float:
    watch = Stopwatch(device)
    watch.start()
    call()
    watch.stop()
    return watch.seconds


@pytest.mark.benchmark(group="attacks")
@pytest.mark.parametrize("network_name", NETWORKS)
@pytest.mark.parametrize("norm", LENGTHS)
@pytest.mark.parametrize("steps", [10, 50])
def test_pgd(
    network_name: str,
    norm: str,
    steps: int,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    device: torch.device,
    precision: Precision,
    rounds: int,
) -> None:
    torch.manual_seed(0)
    width, batch_size = pytestconfig.getoption("width"), pytestconfig.getoption("batch")
    network = place(NETWORKS[network_name](width), device).eval()
    images = torch.rand(batch_size, 3, 32, 32, device=device)
    labels = torch.randint(CLASSES, (batch_size,), device=device)
    short, threat = threat_model(norm, PARITY_STEPS), threat_model(norm, steps)
    shape = tuple(images.shape)

    with autocast(precision, device):
        agree(
            PGD(model=network, threat=short)(images, labels),
            peers(network, short, shape, CLASSES),
            images,
            labels,
        )
        attack, others = PGD(model=network, threat=threat), peers(network, threat, shape, CLASSES)
        times: dict[str, list[float]] = {name: [] for name in others}

        def the_others() -> None:
            for name, other in others.items():
                times[name].append(seconds(lambda run=other: run(images, labels), device))  # type: ignore[misc]

        def ours() -> Tensor:
            attacked = attack(images, labels)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            return attacked

        attacked = benchmark.pedantic(ours, setup=the_others, rounds=rounds, warmup_rounds=1)
        assert attacked.shape == images.shape
        watch = SplitWatch(device)
        PGD(model=network, threat=threat, watch=watch)(images, labels)

    own = benchmark.stats.stats.median
    parts = watch.seconds
    benchmark.extra_info |= {"precision": precision, "width": width, "batch": batch_size, "unit": "attack"}
    benchmark.extra_info["kernel_share"] = f"{parts['kernel'] / sum(parts.values()):.3f}"
    for name, found in times.items():
        # the first round is the warm-up
        median = statistics.median(found[-rounds:])
        benchmark.extra_info |= {f"{name}_s": f"{median:.5g}", f"{name}_ratio": f"{median / own:.3f}"}


def agree(
    attacked: Tensor, others: dict[str, Callable[[Tensor, Tensor], Tensor]], images: Tensor, labels: Tensor
) -> None:
    """Fail unless all find the same perturbation.

    Rounding may turn the sign of a gradient that is nearly 0, and so move a few values by whole steps, and
    in low precision more of them.
    """
    change = (attacked - images).flatten(1)
    assert change.abs().amax() > 0.01
    for name, other in others.items():
        theirs = (other(images, labels) - images).flatten(1)
        likeness = torch.cosine_similarity(change, theirs).min().item()
        assert likeness > 0.98, f"{name} finds another perturbation (cosine {likeness:.3f})"
