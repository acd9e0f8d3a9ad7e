"""On a CUDA device: graphs and Triton kernels give what the plain code gives."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch
from torch import nn

from repro.attacks import PGD, AutoAttack, Execution, ThreatModel
from repro.attacks.execution import GRAPHED
from repro.core.timing import SplitWatch
from repro.models.gat_classifier import GATClassifier

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
EAGER = Execution(channels_last=False)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("random_start", [False, True])
def test_a_graph_gives_the_same_perturbations(norm: str, channels_last: bool, random_start: bool) -> None:
    torch.manual_seed(0)
    network = GATClassifier(10, width=0.5).cuda()
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    threat = ThreatModel(norm=norm, radius=0.1, step_size=0.03, steps=5, random_start=random_start)  # type: ignore[arg-type]

    def attack(execution: Execution) -> PGD:
        starts = torch.Generator("cuda").manual_seed(1)
        return PGD(model=network, threat=threat, generator=starts, execution=execution)

    graphed, eager = attack(GRAPHED), attack(EAGER)
    for size in (16, 16, 7, 16):
        images, labels = torch.rand(size, 3, 32, 32, device="cuda"), torch.randint(10, (size,), device="cuda")
        found, expected = graphed(images, labels), eager(images, labels)
        assert ((found - expected).abs() > 1e-4).double().mean() < 1e-3
        length = torch.linalg.vector_norm(
            (found - images).flatten(1), 2 if norm == "l2" else torch.inf, dim=1
        )
        assert length.min() > 0.05
        # an optimiser's update in place, which the graph must see
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1.05)
    assert any(value is not None for value in graphed.engine._graphs.values())


def test_time_is_split_under_graphs() -> None:
    network = GATClassifier(10, width=0.5).cuda()
    watch = SplitWatch(torch.device("cuda"))
    threat = ThreatModel(radius=0.1, step_size=0.03, steps=5)
    images, labels = torch.rand(16, 3, 32, 32, device="cuda"), torch.randint(10, (16,), device="cuda")
    PGD(model=network, threat=threat, execution=GRAPHED, watch=watch)(images, labels)
    assert set(watch.seconds) == {"network", "kernel"}
    assert all(seconds > 0 for seconds in watch.seconds.values())


def test_a_network_that_cannot_be_captured_is_attacked_all_the_same() -> None:
    class Reading(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = GATClassifier(10, width=0.25)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.inner(images) * (1.0 if images.sum().item() else 2.0)

    network = Reading().cuda()
    threat = ThreatModel(radius=0.1, step_size=0.03, steps=3)
    images, labels = torch.rand(4, 3, 32, 32, device="cuda"), torch.randint(10, (4,), device="cuda")
    with pytest.warns(UserWarning, match="without a CUDA graph"):
        found = PGD(model=network, threat=threat, execution=GRAPHED)(images, labels)
    expected = PGD(model=network, threat=threat, execution=EAGER)(images, labels)
    assert ((found - expected).abs() > 1e-4).double().mean() < 1e-3


@pytest.mark.skipif(find_spec("torchattacks") is None, reason="torchattacks is not installed (auditor.txt)")
@pytest.mark.filterwarnings("ignore:.*does not have a deterministic implementation")
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_an_audit_runs_in_deterministic_mode(norm: str) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3072, 32), nn.Tanh(), nn.Linear(32, 10)).cuda().eval()
    images = torch.rand(8, 3, 32, 32, device="cuda")
    labels = network(images).argmax(1)
    threat = ThreatModel(norm=norm, radius=1e-3, step_size=1e-3)  # type: ignore[arg-type]
    attack = AutoAttack(model=network, threat=threat, steps=3, queries=5)
    try:
        torch.use_deterministic_algorithms(True)
        audit = attack.audit(images, labels)
        assert torch.get_deterministic_debug_mode() == 2
    finally:
        torch.use_deterministic_algorithms(False)
    assert audit.accuracy["apgd_t"] > 0, "FAB met no image"
