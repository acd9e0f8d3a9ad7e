"""Whole attacks against other libraries: PGD of 10 and 50 steps, Linf and L2, two networks, one batch.

In each round every library attacks the same batch once, one after the other, so that a machine that slows
down slows all of them. Before a time counts, all must have found the same perturbation, which also warms them
up. The row is this package's time; ``details`` has the others' medians and their ratio to it, and
``direct_conv_share``: what torch's convolutions alone took in the same rounds, as a share of this package's
time, above 1 where the attack is faster than they are. The papers' sizes: ``--width 1 --batch 128``.

A case takes ``--rounds`` rounds, fewer where they would take more than ``--budget`` seconds, but at least 2,
and 1 of the long attacks. On the CPU the long attacks are timed against the library only that was the fastest
in the short one: 50 steps take five times as long as 10 for everybody.
"""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn

from direct_convolutions import direct_convolutions
from peers import peers
from repro.attacks import PGD, Execution, ThreatModel
from repro.attacks.execution import image_order
from repro.core.device import autocast
from repro.core.spec import Precision
from repro.core.timing import SplitWatch, Stopwatch
from repro.methods.optimisation import place
from repro.models.gat_networks import GATClassifier
from repro.models.heads import ClassView
from repro.models.preact_resnet import PreActResNet18
from subjects import seconds

CLASSES, PARITY_STEPS, LONG = 10, 3, 50
NETWORKS: dict[str, Callable[[float], nn.Module]] = {
    "preact_resnet18": lambda width: ClassView(PreActResNet18(CLASSES, width=width)),
    "gat_classifier": lambda width: GATClassifier(CLASSES, width=width),
}
FASTEST: dict[tuple[str, str], str] = {}  # library, by network and norm, in the short attacks of this session
LENGTHS = {"linf": (8 / 255, 2 / 255), "l2": (0.5, 0.1)}


def threat_model(norm: str, steps: int) -> ThreatModel:
    radius, step_size = LENGTHS[norm]
    return ThreatModel(norm=norm, radius=radius, step_size=step_size, steps=steps)  # type: ignore[arg-type]


@pytest.mark.benchmark(group="attacks")
@pytest.mark.parametrize("network_name", NETWORKS)
@pytest.mark.parametrize("norm", LENGTHS)
@pytest.mark.parametrize("steps", [10, LONG])
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
    network = NETWORKS[network_name](width).to(device).eval()
    # laid out as runs on CUDA have theirs; others' L2 attacks know one order only, on the CPU ours chooses
    own_network = network if device.type == "cpu" else place(copy.deepcopy(network), device)
    images = torch.rand(batch_size, 3, 32, 32, device=device)
    labels = torch.randint(CLASSES, (batch_size,), device=device)
    short, threat = threat_model(norm, PARITY_STEPS), threat_model(norm, steps)
    shape = tuple(images.shape)
    ordered = images.contiguous(memory_format=image_order(own_network, images, Execution()))

    with autocast(precision, device):
        others = peers(network, threat, shape, CLASSES)
        if steps == LONG and device.type == "cpu" and (fastest := FASTEST.get((network_name, norm))):
            others = {fastest: others[fastest]}
        checked = {
            name: call for name, call in peers(network, short, shape, CLASSES).items() if name in others
        }
        watch = SplitWatch(device)
        spent = agree(PGD(model=own_network, threat=short, watch=watch), checked, images, labels, device)
        rounds = rounds_for(steps, spent * steps / PARITY_STEPS, rounds, pytestconfig.getoption("budget"))
        attack, floor = PGD(model=own_network, threat=threat), direct_convolutions(own_network, ordered)
        times: dict[str, list[float]] = {name: [] for name in [*others, "direct_convolutions"]}

        def the_others() -> None:
            for name, other in others.items():
                times[name].append(seconds(lambda run=other: run(images, labels), device))  # type: ignore[misc]
            times["direct_convolutions"].append(steps * seconds(floor, device))

        def ours() -> Tensor:
            attacked = attack(images, labels)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            return attacked

        # on CUDA the first round captures the graph
        warm_up = 1 if device.type == "cuda" else 0
        attacked = benchmark.pedantic(ours, setup=the_others, rounds=rounds, warmup_rounds=warm_up)
        assert attacked.shape == images.shape

    own, parts = benchmark.stats.stats.median, watch.seconds
    medians = {name: statistics.median(found[-rounds:]) for name, found in times.items()}
    share = medians.pop("direct_convolutions") / own
    if medians and steps != LONG:
        FASTEST[network_name, norm] = min(medians, key=lambda name: medians[name])
    benchmark.extra_info |= {"precision": precision, "width": width, "batch": batch_size, "unit": "attack"}
    benchmark.extra_info["kernel_share"] = f"{parts['kernel'] / sum(parts.values()):.3f}"
    benchmark.extra_info["direct_conv_share"] = f"{share:.3f}"
    for name, median in medians.items():
        benchmark.extra_info |= {f"{name}_s": f"{median:.5g}", f"{name}_ratio": f"{median / own:.3f}"}


def rounds_for(steps: int, seconds_a_round: float, rounds: int, budget: float) -> int:
    """Return how often everybody attacks: ``rounds`` times, or as often as ``budget`` seconds allow."""
    least = 1 if steps == LONG else 2
    return min(rounds, max(least, int(budget / max(seconds_a_round, 1e-9))))


def agree(
    attack: Callable[[Tensor, Tensor], Tensor],
    others: dict[str, Callable[[Tensor, Tensor], Tensor]],
    images: Tensor,
    labels: Tensor,
    device: torch.device,
) -> float:
    """Return the seconds that all took together; fail unless all find the same perturbation.

    Rounding may turn the sign of a gradient that is nearly 0, and so move a few values by whole steps, and
    in low precision more of them.
    """
    watch = Stopwatch(device)
    watch.start()
    change = (attack(images, labels) - images).flatten(1)
    found = {name: (other(images, labels) - images).flatten(1) for name, other in others.items()}
    watch.stop()
    assert change.abs().amax() > 0.01
    for name, theirs in found.items():
        likeness = torch.cosine_similarity(change, theirs).min().item()
        assert likeness > 0.98, f"{name} finds another perturbation (cosine {likeness:.3f})"
    return watch.seconds
