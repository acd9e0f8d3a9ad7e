"""The same perturbations as foolbox on the same network and steps; torchattacks is in test_any_network.py."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import repro.core.vision  # noqa: F401  in case foolbox imports torchvision
from repro.attacks import FGL2, FGSM, PGD, ThreatModel

foolbox: Any = pytest.importorskip("foolbox", reason="foolbox is not installed (extra 'peers')")

RADII = {"linf": (0.1, 0.03), "l2": (1.0, 0.3)}


@pytest.fixture
def setting() -> tuple[nn.Module, Tensor, Tensor]:
    """A smooth convolutional network, images that reach the box's edges, labels that it gives in part."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Softplus(), nn.Conv2d(8, 8, 3, stride=2), nn.Softplus()
    )
    network = nn.Sequential(network, nn.Flatten(), nn.Linear(8 * 6 * 6, 5)).eval()
    images = (torch.rand(16, 3, 16, 16) * 1.2 - 0.1).clamp(0, 1)
    return network, images, torch.arange(16) % 5


def ours(network: nn.Module, norm: str, steps: int, images: Tensor, labels: Tensor) -> Tensor:
    radius, step_size = RADII[norm]
    threat = ThreatModel(norm=norm, radius=radius, step_size=step_size, steps=steps)  # type: ignore[arg-type]
    return PGD(model=network, threat=threat)(images, labels)


def same(found: Tensor, expected: Tensor, images: Tensor) -> None:
    """Equal up to rounding; a sign of a gradient that is nearly 0 may differ in one value of ten thousand."""
    far = (found - expected).abs() > 2e-5
    assert far.double().mean() < 1e-4
    assert (expected - images).abs().amax() > 0.02


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("steps", [1, 7])
def test_pgd_equals_foolbox(norm: str, steps: int, setting: tuple[nn.Module, Tensor, Tensor]) -> None:
    network, images, labels = setting
    radius, step_size = RADII[norm]
    wrapped = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
    peer: Any = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[norm]
    attack = peer(abs_stepsize=step_size, steps=steps, random_start=False)
    expected = attack(wrapped, images, labels, epsilons=radius)[1]
    same(ours(network, norm, steps, images, labels), expected, images)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_targeted_attack_equals_foolbox(norm: str, setting: tuple[nn.Module, Tensor, Tensor]) -> None:
    network, images, labels = setting
    radius, step_size = RADII[norm]
    threat = ThreatModel(norm=norm, radius=radius, step_size=step_size, steps=5, targeted=True)  # type: ignore[arg-type]
    aims = (labels + 2) % 5
    peer: Any = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[norm]
    expected = peer(abs_stepsize=step_size, steps=5, random_start=False)(
        foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu"),
        images,
        foolbox.criteria.TargetedMisclassification(aims),
        epsilons=radius,
    )[1]
    same(PGD(model=network, threat=threat)(images, aims), expected, images)


@pytest.mark.parametrize("attack", [FGSM, FGL2])
def test_fast_gradients_equal_foolbox(
    attack: type[FGSM] | type[FGL2], setting: tuple[nn.Module, Tensor, Tensor]
) -> None:
    network, images, labels = setting
    radius = {FGSM: 0.07, FGL2: 0.9}[attack]
    peer = {FGSM: foolbox.attacks.FGSM, FGL2: foolbox.attacks.FGM}[attack](random_start=False)
    wrapped = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
    expected = peer(wrapped, images, labels, epsilons=radius)[1]
    same(attack(model=network, radius=radius)(images, labels), expected, images)
