"""GAT's input gradient, its scalings and its attack."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from attack_cases import Smooth
from repro.attacks.gat_generator import GATAttack, probability_gradient, scale_delta
from repro.core.errors import ReproError
from repro.models.gat_generator import GATGenerator


def test_delta_is_the_gradient_of_the_true_classs_probability() -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(5, 48, generator=generator)
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 5, bias=False))
    network[1].weight.data.copy_(weight)
    images = torch.rand(3, 3, 4, 4, generator=generator)
    labels = torch.tensor([0, 2, 4])
    # dp_y/dx = p_y (w_y - sum_k p_k w_k) for a softmax of linear scores
    p = torch.softmax(images.flatten(1) @ weight.T, dim=1)
    expected = p[[0, 1, 2], labels, None] * (weight[labels] - p @ weight)
    delta = probability_gradient(network, images, labels)
    torch.testing.assert_close(delta.flatten(1), expected)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_delta_can_be_differentiated_through_when_asked() -> None:
    network = Smooth()
    images, labels = torch.rand(2, 3, 4, 4), torch.tensor([0, 1])
    assert not probability_gradient(network, images, labels).requires_grad
    delta = probability_gradient(network, images, labels, create_graph=True)
    (second,) = torch.autograd.grad(delta.square().sum(), network.first)
    assert second.any()


@pytest.mark.parametrize("size", [1.0, 1e-25])
def test_scalings_have_the_size_in_their_name(size: float) -> None:
    gradient = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * size
    ones = torch.ones(4)
    rms = scale_delta(gradient, "unit_rms").flatten(1)
    torch.testing.assert_close(rms.square().mean(dim=1).sqrt(), ones)
    torch.testing.assert_close(scale_delta(gradient, "unit_l2").flatten(1).norm(dim=1), ones)
    torch.testing.assert_close(scale_delta(gradient, "unit_max").flatten(1).abs().amax(dim=1), ones)
    assert scale_delta(gradient, "none") is gradient
    assert not scale_delta(torch.zeros(1, 3, 2, 2), "unit_rms").any()


def test_the_attack_adds_what_its_network_makes_of_delta() -> None:
    torch.manual_seed(0)
    network, perturber = Smooth(), GATGenerator(width=0.25)
    images, labels = torch.rand(3, 3, 4, 4), torch.tensor([0, 1, 2])
    delta = scale_delta(probability_gradient(network, images, labels), "unit_max")
    with torch.no_grad():
        expected = images + perturber(delta)
    free = GATAttack(model=network, perturber=perturber, delta_scale="unit_max", clip=False)(images, labels)
    clipped = GATAttack(model=network, perturber=perturber, delta_scale="unit_max")(images, labels)
    torch.testing.assert_close(free, expected)
    torch.testing.assert_close(clipped, expected.clamp(0, 1))
    assert not torch.equal(free, images)


class Pair(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.network(images), images


class Rooted(Smooth):
    """Its gradient at black images is infinity times 0."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) + (images.sum(dim=(1, 2, 3)) * 0).sqrt()[:, None]


PERTURBER = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Tanh())
IMAGES, LABELS = torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(5)), torch.tensor([0, 1, 2])


@pytest.mark.parametrize(
    ("network", "images", "labels", "message"),
    [
        (Pair(Smooth()), IMAGES, LABELS, "returns a tuple of 2"),
        (Smooth(), IMAGES, torch.full((3,), -100), "labels contain -100"),
        (Smooth(classes=2), IMAGES, LABELS, "labels go up to 2, the network has 2 classes"),
        (Smooth(), IMAGES, LABELS.int(), "labels of 3 images are"),
        (Smooth(), IMAGES, LABELS[:2], "labels of 3 images are"),
        (Smooth(), IMAGES * float("nan"), LABELS, "contain NaN"),
        (Smooth(), IMAGES * 255, LABELS, r"images for an attack in \[0, 1\]"),
        (Smooth().double(), IMAGES, LABELS, "perturbations are float32"),
        (nn.Sequential(nn.Flatten(), nn.Linear(48, 1)), IMAGES, LABELS, "one number an image"),
        (Rooted(), IMAGES * 0, LABELS, "gradient of the network's loss contains NaN"),
    ],
)
def test_what_the_attack_cannot_mean_is_refused(
    network: nn.Module, images: Tensor, labels: Tensor, message: str
) -> None:
    with pytest.raises(ReproError, match=message):
        GATAttack(model=network, perturber=PERTURBER)(images, labels)


def test_logits_are_read_from_whatever_a_network_in_any_format_returns() -> None:
    network = Smooth()
    plain = GATAttack(model=network, perturber=PERTURBER)(IMAGES, LABELS)
    read = GATAttack(model=Pair(network), perturber=PERTURBER, logits=lambda outputs: outputs[0])
    assert torch.equal(read(IMAGES, LABELS), plain)
    half = GATAttack(model=copy.deepcopy(network).bfloat16(), perturber=PERTURBER)(IMAGES, LABELS)
    torch.testing.assert_close(half, plain, rtol=0, atol=0.05)


def test_no_image_gives_no_image() -> None:
    assert GATAttack(model=Smooth(), perturber=PERTURBER)(IMAGES[:0], LABELS[:0]).shape == (0, 3, 4, 4)
