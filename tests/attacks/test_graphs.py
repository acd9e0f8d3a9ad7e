"""Attacks replayed from (pretended) CUDA graphs: equal to plain ones, kept no longer than needed."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from unittest import mock

import pytest
import torch
from torch import nn

from pretended_graphs import Graph, Machine, pretended_graphs
from repro.attacks import PGD, Execution, ThreatModel
from repro.attacks import engine as engines
from repro.attacks.execution import GRAPHED
from repro.attacks.threat_model import AttackLoss, Norm
from repro.core.graphs import Beside
from repro.models.gat_classifier import GATClassifier
from repro.models.heads import ClassView
from repro.models.preact_resnet18 import PreActResNet18

PLAIN = Execution(channels_last=False)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _graphs() -> Iterator[None]:
    """Pretend graphs, and let tensors on the CPU have them."""

    def eval_mode(network: nn.Module, images: torch.Tensor) -> bool:
        return not any(module.training for module in network.modules())

    with pretended_graphs(), mock.patch.object(engines, "can_be_graphed", eval_mode):
        yield
    assert not Machine.capturing
    assert Machine.current is Machine.main


def batch(size: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (size,), generator=random)
    return torch.rand(size, 3, 32, 32, generator=random), labels


def attack(network: nn.Module, threat: ThreatModel, execution: Execution = GRAPHED) -> PGD:
    starts = torch.Generator().manual_seed(1)
    return PGD(model=network, threat=threat, generator=starts, execution=execution)


def graphs_of(pgd: PGD) -> list[engines.GraphedClimb]:
    return [graph for graph in pgd.engine._graphs.values() if graph is not None]


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("loss", ["cross_entropy", "cw_margin", "joint"])
def test_a_graph_climbs_as_single_launches_do(norm: Norm, loss: AttackLoss) -> None:
    two_heads = PreActResNet18(10, width=0.05)
    network = two_heads if loss == "joint" else ClassView(two_heads)
    threat = ThreatModel(
        norm=norm, radius=0.1, step_size=0.03, steps=3, random_start=True, restarts=2, loss=loss
    )
    graphed, plain = attack(network, threat), attack(network, threat, PLAIN)
    for size in (4, 4, 3, 4):
        found, expected = graphed(*batch(size)), plain(*batch(size))
        torch.testing.assert_close(found, expected)
        assert (found - batch(size)[0]).flatten(1).norm(dim=1).min() > 0.01
        with torch.no_grad():
            for parameter in network.parameters():  # as an optimiser does, in place
                parameter.mul_(1.05)
    assert len(graphs_of(graphed)) == 2
    assert not graphs_of(plain)


class Reading(nn.Module):
    """Reads a value on the host, which no capture can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = GATClassifier(10, width=0.1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.inner(images) * (1.0 if images.sum().item() else 2.0)


def test_a_network_that_cannot_be_captured_is_attacked_all_the_same() -> None:
    network, threat = Reading(), ThreatModel(radius=0.1, step_size=0.03, steps=2)
    graphed = attack(network, threat)
    with pytest.warns(UserWarning, match="without a CUDA graph"):
        found = graphed(*batch(2))
    assert Machine.current is Machine.main  # torch itself leaves the capture's stream there
    assert torch.equal(found, attack(network, threat, PLAIN)(*batch(2)))
    graphed(*batch(2))  # neither tried nor warned again


def test_a_failed_capture_is_told_and_its_stream_left() -> None:
    with pytest.raises(RuntimeError), Beside(CPU).captured(Graph()):  # type: ignore[arg-type]
        torch.rand(1).item()
    assert Machine.current is Machine.main


def test_graphs_end_with_their_attack_and_are_few() -> None:
    network = GATClassifier(10, width=0.1)
    gc.collect()
    gc.disable()
    try:
        alive = []
        for radius in (0.1, 0.2, 0.3):
            pgd = attack(network, ThreatModel(radius=radius, step_size=0.03, steps=1))
            pgd(*batch(2))
            alive.append(weakref.ref(graphs_of(pgd)[0]))
        assert [graph() is None for graph in alive] == [True, True, False]
        for size in range(1, 9):
            pgd(*batch(size))
        assert len(graphs_of(pgd)) == engines.KEPT
        del pgd
        assert alive[-1]() is None
    finally:
        gc.enable()
