"""GAT's input gradient, its scalings and its attack."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attack_cases import Smooth
from repro.attacks.gat_generator import GATAttack, probability_gradient, scale_delta
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
