"""WGAN-GP's ResNet: parameter counts by hand, the discriminator against plain torch calls, its norms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from method_cases import count
from repro.core.errors import ReproError
from repro.models import wgan_gp_resnet_acgan as with_classes
from repro.models.sngan import DiscriminatorBlock, FirstBlock
from repro.models.wgan_gp_resnet import Discriminator, Generator


@pytest.mark.parametrize(("size", "base"), [(32, 4), (48, 6)])
def test_parameters_are_those_of_the_published_structure(size: int, base: int) -> None:
    c, z = 128, 128
    conv3, conv1 = 9 * c * c + c, c * c + c
    up = 2 * 2 * c + 2 * conv3 + conv1
    generator = (z + 1) * c * base**2 + 3 * up + 2 * c + 27 * c + 3
    first = (27 * c + c) + conv3 + (3 * c + c)
    discriminator = first + (2 * conv3 + conv1) + 2 * 2 * conv3 + (c + 1)
    with torch.device("meta"):
        assert (count(Generator(size)), count(Discriminator(size))) == (generator, discriminator)
        norms = count(Discriminator(size, norm="layer")) - discriminator
        assert norms == 3 * 2 * 2 * c  # a scale and a shift for each channel before six of the ReLUs
        scales = count(Discriminator(size, norm="weight")) - discriminator
        assert scales == 10 * c + 1  # one for each output of ten convolutions and of the last layer
        # with ten classes: six conditional norms have a scale and a shift for each, and D a class head
        grown = count(with_classes.Generator(10, size)) - generator
        assert grown == 6 * 2 * c * (10 - 1)
        assert count(with_classes.Discriminator(10, size)) - discriminator == (c + 1) * 10


@pytest.mark.parametrize("size", [32, 48])
def test_images_go_through_both(size: int) -> None:
    generator = Generator(size, width=0.05, latent_dim=7)
    images = generator(torch.randn(3, 7))
    assert images.shape == (3, 3, size, size)
    assert Discriminator(size, width=0.05)(images).shape == (3,)
    assert all(not layer.bias.any() for layer in generator.modules() if isinstance(layer, nn.Conv2d))
    with pytest.raises(ReproError, match="30 px"):
        Generator(30)


def reference(network: Discriminator, images: Tensor, *, layer_norm: bool) -> Tensor:
    """Gulrajani's discriminator as its code writes it: convolution, then the mean of each square."""

    def conv(layer: nn.Conv2d, maps: Tensor) -> Tensor:
        return F.conv2d(maps, layer.weight, layer.bias, padding=layer.kernel_size[0] // 2)

    def norm(layer: nn.Module, maps: Tensor) -> Tensor:
        if not layer_norm:
            return maps
        mean, var = (f(maps, dim=(1, 2, 3), keepdim=True) for f in (torch.mean, torch.var))
        var = var * (1 - 1 / maps[0].numel())
        scaled = (maps - mean) / (var + 1e-5).sqrt()
        return scaled * layer.weight[:, None, None] + layer.bias[:, None, None]

    first, *others = network.blocks
    assert isinstance(first, FirstBlock)
    maps = F.avg_pool2d(conv(first.conv2, F.relu(conv(first.conv1, images))), 2)
    maps = maps + conv(first.shortcut, F.avg_pool2d(images, 2))
    for block in others:
        assert isinstance(block, DiscriminatorBlock)
        hidden = conv(block.conv1, F.relu(norm(block.norm1, maps)))
        hidden = conv(block.conv2, F.relu(norm(block.norm2, hidden)))
        if block.halve:
            maps = F.avg_pool2d(hidden, 2) + F.avg_pool2d(conv(block.shortcut, maps), 2)
        else:
            maps = hidden + maps
    return network.last(F.relu(maps).mean(dim=(2, 3))).squeeze(1)


@pytest.mark.parametrize("norm", ["none", "layer"])
def test_the_discriminator_is_the_published_one(norm: str) -> None:
    torch.manual_seed(0)
    network = Discriminator(32, width=0.1, norm=norm).double()  # type: ignore[arg-type]
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    torch.testing.assert_close(network(images), reference(network, images, layer_norm=norm == "layer"))


def test_weight_norm_starts_as_the_plain_network_and_keeps_lengths_apart_from_directions() -> None:
    images = torch.randn(2, 3, 32, 32)
    torch.manual_seed(0)
    plain = Discriminator(32, width=0.1)
    torch.manual_seed(0)
    normed = Discriminator(32, width=0.1, norm="weight")
    torch.testing.assert_close(normed(images), plain(images))
    before = normed.last.weight.clone()
    normed.last.parametrizations.weight.original1.data *= 3  # the direction's own length has no effect
    torch.testing.assert_close(normed.last.weight, before)
    normed(images).sum().backward()
    assert all(parameter.grad is not None for parameter in normed.parameters())
