"""Power iterations taken together are those that each layer takes on its own."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from repro.models import infomax_gan, sngan
from repro.models.modes import frozen_statistics
from repro.models.spectral_blocks import SpectralBlocks, iterate_together
from repro.models.spectral_norm import SpectralConv2d, SpectralLinear

WIDTH = 0.125


def vectors(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.named_buffers() if ".spectral." in name}


def alone(network: nn.Module) -> nn.Module:
    """Return a copy of the network whose layers iterate each in its own pass."""
    other = copy.deepcopy(network)
    other.blocks = nn.Sequential(*other.blocks)
    return other


@pytest.mark.parametrize("size", [32, 48])
def test_a_network_s_layers_iterate_together_as_alone(size: int) -> None:
    torch.manual_seed(0)
    together = sngan.Discriminator(size, width=WIDTH)
    separate = alone(together)
    together.blocks.joined = True
    before = vectors(together)
    images = torch.rand(4, 3, size, size) * 2 - 1
    for _ in range(3):
        logits = together(images)
        torch.testing.assert_close(logits, separate(images))
    expected, found = vectors(separate), vectors(together)
    torch.testing.assert_close(found, expected)
    assert not any(torch.equal(before[name], found[name]) for name in found if "last" not in name)
    gradients = torch.autograd.grad(logits.sum(), list(together.parameters()))
    others = torch.autograd.grad(separate(images).sum(), list(separate.parameters()))
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert [g.shape for g in gradients] == [g.shape for g in others]


def test_vectors_rest_in_eval_mode_and_when_frozen() -> None:
    network = sngan.Discriminator(32, width=WIDTH)
    network.blocks.joined = True
    images, before = torch.rand(2, 3, 32, 32), vectors(network)
    network.eval()(images)
    network.train()
    with frozen_statistics(network):
        network(images)
    assert all(torch.equal(before[name], value) for name, value in vectors(network).items())
    network(images)  # and they move again afterwards
    assert not torch.equal(before["blocks.1.conv1.spectral.u"], network.blocks[1].conv1.spectral.u)


def test_blocks_that_a_pass_leaves_out_do_not_move() -> None:
    network = infomax_gan.Discriminator(32, width=WIDTH)
    but_the_last = network.blocks[:-1]
    but_the_last.joined = True  # a slice is new blocks
    before = vectors(network)
    but_the_last(torch.rand(2, 3, 32, 32))
    moved = {name for name, value in vectors(network).items() if not torch.equal(value, before[name])}
    assert moved
    assert all(name.startswith(("blocks.0", "blocks.1", "blocks.2")) for name in moved)


def test_layers_iterate_alone_on_the_cpu_where_stacking_costs_more() -> None:
    network, images = sngan.Discriminator(32, width=WIDTH), torch.rand(2, 3, 32, 32)
    assert isinstance(network.blocks, SpectralBlocks)
    counts = []
    for network.blocks.joined in (None, True):
        with Counter() as counter:
            network(images)
        counts.append(counter.names.count("aten::bmm"))
    assert counts == [0, 2]


def test_iterations_are_exact_to_float64_and_those_of_one_shape_are_one_batch() -> None:
    torch.manual_seed(0)
    layers = [SpectralConv2d(6, 8, 3, 1.0) for _ in range(3)]
    layers[0].weight.data = layers[0].weight.data.contiguous(memory_format=torch.channels_last)
    odd = SpectralLinear(5, 3)
    expected = []
    for layer in [*layers, odd]:
        matrix, u = layer.weight.detach().flatten(1).double(), layer.spectral.u.double()
        v = matrix.T @ u
        v /= v.norm()
        u = matrix @ v
        expected.append((u / u.norm(), v))
    counter = Counter()
    with counter:
        iterate_together([*layers, odd])
    for layer, (u, v) in zip([*layers, odd], expected, strict=True):
        torch.testing.assert_close(layer.spectral.u.double(), u, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(layer.spectral.v.double(), v, rtol=1e-5, atol=1e-6)
    assert counter.names.count("aten::bmm") == 2  # one there, one back, for three layers
    assert counter.names.count("aten::mv") == 2


class Counter(TorchDispatchMode):
    """Notes the operations that run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.name().partition(".")[0])
        return func(*args, **(kwargs or {}))
