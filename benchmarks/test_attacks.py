"""Whole attacks against other libraries: PGD of 10 steps, as a user gets it by default, on eight networks.

In each round every library attacks the same batch once, one after the other, so that a machine that slows
down slows all of them. Before a time counts, all must have found the same perturbation, which also warms them
up. The row is this package's time; ``details`` has the others' medians, the median over rounds of their time
over it, the share that the attack's own kernel takes, and in which order of memory it ran. The papers' sizes:
``--width 1 --batch 128``; ``--width`` counts for this project's two networks alone.

A case takes ``--rounds`` rounds, fewer where they would take more than ``--budget`` seconds, but at least 3.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from copy import deepcopy
from importlib import import_module

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn

from peers import peers
from repro.attacks import PGD, ThreatModel
from repro.attacks.execution import GRAPHED
from repro.core.device import autocast
from repro.core.spec import Precision
from repro.core.timing import SplitWatch, Stopwatch
from repro.methods.optimisation import place
from repro.models.gat_classifier import GATClassifier
from repro.models.heads import ClassView
from repro.models.preact_resnet18 import PreActResNet18
from subjects import seconds

models = import_module("torchvision.models")  # after ``peers``, which makes it importable beside a CPU torch
CLASSES, PARITY_STEPS, STEPS, LEAST_ROUNDS = 10, 3, 10, 3


def not_in_place(network: nn.Module) -> nn.Module:
    """Return ``network`` with activations that write to memory of their own."""
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return network


def vision_transformer() -> nn.Module:
    """Return a ViT for 32 x 32 pixels: patches of 4, six layers of width 192."""
    return models.VisionTransformer(
        image_size=32,
        patch_size=4,
        num_layers=6,
        num_heads=3,
        hidden_dim=192,
        mlp_dim=768,
        num_classes=CLASSES,
    )


OWN: dict[str, Callable[[float], nn.Module]] = {
    "gat_classifier": lambda width: GATClassifier(CLASSES, width=width),
    "preact_resnet18": lambda width: ClassView(PreActResNet18(CLASSES, width=width)),
}
OTHERS: dict[str, Callable[[], nn.Module]] = {
    "resnet18": lambda: models.resnet18(num_classes=CLASSES),
    "resnet18_not_in_place": lambda: not_in_place(models.resnet18(num_classes=CLASSES)),
    "vgg11_bn": lambda: models.vgg11_bn(num_classes=CLASSES),
    "densenet121": lambda: models.densenet121(num_classes=CLASSES),
    "mobilenet_v3_small": lambda: models.mobilenet_v3_small(num_classes=CLASSES),
    "vit": vision_transformer,
}
LENGTHS = {"linf": (8 / 255, 2 / 255), "l2": (0.5, 0.1)}


def threat_model(norm: str, steps: int) -> ThreatModel:
    radius, step_size = LENGTHS[norm]
    return ThreatModel(norm=norm, radius=radius, step_size=step_size, steps=steps)  # type: ignore[arg-type]


@pytest.mark.benchmark(group="attacks")
@pytest.mark.parametrize("network_name", [*OWN, *OTHERS])
@pytest.mark.parametrize("norm", LENGTHS)
def test_pgd(
    network_name: str,
    norm: str,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    device: torch.device,
    precision: Precision,
    rounds: int,
) -> None:
    torch.manual_seed(0)
    width, batch_size = pytestconfig.getoption("width"), pytestconfig.getoption("batch")
    network = OWN[network_name](width) if network_name in OWN else OTHERS[network_name]()
    network = settled(network.to(device), torch.rand(batch_size, 3, 32, 32, device=device))
    plain = deepcopy(network)  # in the usual order of memory, which the others' attacks take alone
    if device.type == "cuda" and network_name in OWN:
        network = place(network, device, precision)  # as runs have theirs
    execution = GRAPHED if network_name in OWN else None
    images = torch.rand(batch_size, 3, 32, 32, device=device)
    labels = torch.randint(CLASSES, (batch_size,), device=device)
    short, threat = threat_model(norm, PARITY_STEPS), threat_model(norm, STEPS)

    with autocast(precision, device):
        others = peers(plain, threat)
        watch = SplitWatch(device)
        checked = PGD(model=network, threat=short, execution=execution, watch=watch)
        spent = agree(checked, peers(plain, short), images, labels, device)
        affordable = int(pytestconfig.getoption("budget") / max(spent * STEPS / PARITY_STEPS, 1e-9))
        rounds = min(rounds, max(LEAST_ROUNDS, affordable))
        attack = PGD(model=network, threat=threat, execution=execution)
        with attack.engine.climb(network, attack.step, images, labels) as climb:
            last = climb.images.is_contiguous(memory_format=torch.channels_last)
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

    if benchmark.stats is None:  # nothing is timed without --benchmark-enable
        return
    parts = watch.seconds
    medians = {name: statistics.median(found[-rounds:]) for name, found in times.items()}
    rates = {name: median_ratio(found[-rounds:], benchmark.stats.stats.data) for name, found in times.items()}
    benchmark.extra_info |= {"precision": precision, "width": width, "batch": batch_size, "unit": "attack"}
    benchmark.extra_info["kernel_share"] = f"{parts['kernel'] / sum(parts.values()):.3f}"
    benchmark.extra_info["order"] = "channels_last" if last else "as_given"
    for name, median in medians.items():
        benchmark.extra_info |= {f"{name}_s": f"{median:.5g}", f"{name}_ratio": f"{rates[name]:.3f}"}


def settled(network: nn.Module, images: Tensor) -> nn.Module:
    """Return ``network`` with a head that is not 0 and statistics of activations, as a training leaves it.

    A fresh vision transformer has a head of zeros, and batch norms that have seen nothing shrink a fresh
    MobileNet's gradients to 1e-10: there is nothing to attack.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear) and not module.weight.any():
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the average of all batches seen
    network.train()
    with torch.no_grad():
        network(images)
    return network.eval()


def median_ratio(theirs: list[float], ours: list[float]) -> float:
    """Return the median over rounds of another library's time over ours, which were one after the other."""
    return statistics.median(other / own for other, own in zip(theirs, ours, strict=True))


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
