"""Describing a network: its layers and counts are right, and the network is left as it was."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from repro.draw.architectures import Architecture
from repro.models import sngan
from repro.models.describe import describe
from repro.models.spectral_norm import SpectralConv2d


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU())
        self.source = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 1))
        self.classes = nn.Linear(4, 10)
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images).sum((2, 3))
        return self.source(features)[:, 0], self.classes(features)


def test_layers_shapes_and_counts() -> None:
    found = Architecture.model_validate(describe(TwoHeads(), [torch.zeros(2, 3, 8, 8)]))
    assert found.inputs == ((3, 8, 8),)
    assert found.outputs == ((), (10,))
    assert found.parameters == (3 * 4 * 9 + 4) + 8 + 5 + 50 + 2
    assert [(layer.name, layer.type) for layer in found.layers] == [
        ("body.0", "Conv2d"),
        ("body.1", "BatchNorm2d"),
        ("body.2", "ReLU"),
        ("source", "Linear"),
        ("classes", "Linear"),
    ]
    assert found.layers[0].out_shape == (4, 4, 4)
    assert [(layer.kernel, layer.stride, layer.filters) for layer in found.layers[:2]] == [
        (3, 2, 4),
        (None, None, None),
    ]
    assert found.windows == found.layers[:1]
    assert (found.count("Conv2d"), found.count("Linear")) == (1, 2)


def test_the_network_is_left_as_it_was() -> None:
    net = TwoHeads().train()
    net.body[1].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    modes = [child.training for child in net.modules()]
    describe(net, [torch.randn(2, 3, 8, 8)])
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert [child.training for child in net.modules()] == modes
    assert all(weight.grad is None for weight in net.parameters())
    assert not any(child._forward_hooks for child in net.modules())


def test_a_networks_own_spectral_norm_is_part_of_its_layer() -> None:
    found = Architecture.model_validate(describe(SpectralConv2d(3, 8, 3, 1.0), [torch.zeros(1, 3, 8, 8)]))
    assert [layer.type for layer in found.layers] == ["Conv2d"]


@pytest.mark.parametrize("size", [32, 64])
def test_the_layers_of_sngan_have_all_its_parameters(size: int) -> None:
    latents, images = torch.zeros(2, 128), torch.zeros(2, 3, size, size)
    for network, given in ((sngan.Generator, latents), (sngan.Discriminator, images)):
        found = describe(network(size, width=0.03), [given])
        assert sum(layer["parameters"] for layer in found["layers"]) == found["parameters"]
    halved = next(layer for layer in found["layers"] if layer["name"] == "blocks.0.conv2")
    assert halved["out_shape"][1:] == [size // 2, size // 2]


def test_the_average_over_space_has_the_side_of_its_input_as_kernel() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    found = Architecture.model_validate(describe(net, [torch.zeros(2, 3, 8, 8)]))
    assert [(layer.type, layer.kernel, layer.filters) for layer in found.windows] == [
        ("Conv2d", 3, 4),
        ("AdaptiveAvgPool2d", 4, None),
    ]
