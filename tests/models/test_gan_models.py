"""SNGAN, DCGAN, spectral normalisation, upsampling, and passes that leave no trace."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from method_cases import count
from repro.core.errors import ReproError
from repro.models import dcgan, sngan
from repro.models.modes import frozen, frozen_parameters, frozen_statistics
from repro.models.spectral_norm import SpectralConv2d, SpectralLinear
from repro.models.upsampling import _double_by_slices, double

MIMICRY = {  # parameters of mimicry's SNGAN: generator, discriminator
    32: (4_276_739, 1_053_825),
    48: (4_878_083, 10_141_441),
    64: (12_220_675, 10_141_441),
    128: (32_150_787, 29_017_857),
}


@pytest.mark.parametrize("size", MIMICRY)
def test_sngan_has_mimicrys_parameter_counts(size: int) -> None:
    with torch.device("meta"):
        assert (count(sngan.Generator(size)), count(sngan.Discriminator(size))) == MIMICRY[size]


@pytest.mark.parametrize("size", [32, 48, 64])
@pytest.mark.parametrize("family", [sngan, dcgan])
def test_images_go_through_both_networks(family: object, size: int) -> None:
    generator = family.Generator(size, width=0.05, latent_dim=7)  # type: ignore[attr-defined]
    discriminator = family.Discriminator(size, width=0.05)  # type: ignore[attr-defined]
    images = generator(torch.randn(3, generator.latent_dim))
    assert images.shape == (3, 3, size, size)
    assert images.abs().max() <= 1
    assert discriminator(images).shape == (3,)
    assert generator.n_classes == 0


def test_unknown_image_sizes_are_refused() -> None:
    with pytest.raises(ReproError, match="33 px"):
        sngan.Generator(33)
    with pytest.raises(ReproError, match="33 px"):
        dcgan.Discriminator(33)


def test_shortcut_sees_relu_or_raw() -> None:
    torch.manual_seed(0)
    block = sngan.DiscriminatorBlock(4, 4, False, "relu").eval()
    maps = torch.randn(2, 4, 5, 5)
    hidden = block(F.relu(maps)) - F.relu(maps)  # the residual branch is the same for maps and ReLU(maps)
    torch.testing.assert_close(block(maps), hidden + F.relu(maps))
    block.shortcut_input = "raw"
    torch.testing.assert_close(block(maps), hidden + maps)


def test_a_halving_blocks_shortcut_is_convolution_then_pooling() -> None:
    """mimicry convolves first; the block here pools first, which is the same map."""
    torch.manual_seed(0)
    block = sngan.DiscriminatorBlock(4, 8, True, "raw").eval()
    maps = torch.randn(2, 4, 6, 6)
    residual = F.avg_pool2d(block.conv2(F.relu(block.conv1(F.relu(maps)))), 2)
    torch.testing.assert_close(block(maps), residual + F.avg_pool2d(block.shortcut(maps), 2))


def test_doubling_equals_torchs_and_both_paths_agree() -> None:
    maps = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    expected = F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(double(maps, "bilinear"), expected)
    torch.testing.assert_close(_double_by_slices(_double_by_slices(maps, 2), 3), expected)
    torch.testing.assert_close(double(maps, "nearest")[:, :, ::2, 1::2], maps)


def test_estimate_converges_to_the_largest_singular_value() -> None:
    torch.manual_seed(0)
    layer = SpectralLinear(6, 5)
    before = layer.spectral.u.clone()
    for _ in range(200):
        layer(torch.randn(2, 6))
    true = torch.linalg.matrix_norm(layer.weight, 2)
    vectors, weight = layer.spectral, layer.weight.detach()
    torch.testing.assert_close(torch.dot(vectors.u, weight @ vectors.v), true)
    normalised = layer.spectral(layer.weight).detach()
    assert torch.linalg.matrix_norm(normalised, 2).item() == pytest.approx(1, abs=1e-5)
    assert not torch.equal(before, layer.spectral.u)


def test_one_training_pass_is_one_power_iteration() -> None:
    torch.manual_seed(0)
    layer = SpectralConv2d(3, 4, 3, 1.0)
    layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
    matrix, u = layer.weight.detach().flatten(1).double(), layer.spectral.u.double()
    layer(torch.randn(1, 3, 5, 5))
    v = F.normalize(matrix.T @ u, dim=0)
    u = F.normalize(matrix @ v, dim=0)
    torch.testing.assert_close(layer.spectral.v.double(), v, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(layer.spectral.u.double(), u, rtol=1e-5, atol=1e-6)


def test_gradient_goes_through_the_estimate() -> None:
    """With u, v constant, <R, W / u'Wv> has the slope (R - <R, W> / sigma * u v') / sigma."""
    torch.manual_seed(0)
    layer = SpectralLinear(3, 4).eval()
    weights = torch.randn(4, 3)
    (layer.spectral(layer.weight) * weights).sum().backward()
    matrix, u, v = layer.weight.detach(), layer.spectral.u, layer.spectral.v
    sigma = u @ matrix @ v
    expected = (weights - (weights * matrix).sum() / sigma * torch.outer(u, v)) / sigma
    torch.testing.assert_close(layer.weight.grad, expected)


def buffers(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: buffer.clone() for name, buffer in network.named_buffers()}


def moved(before: dict[str, torch.Tensor], network: nn.Module) -> bool:
    return any(not torch.equal(before[name], buffer) for name, buffer in network.named_buffers())


def of_a_user(norm: Callable[[nn.Module], nn.Module]) -> nn.Module:
    return nn.Sequential(
        norm(nn.Conv2d(3, 4, 3)),
        nn.InstanceNorm2d(4, track_running_stats=True),
        nn.Flatten(),
        nn.Linear(3600, 1),
    )


@pytest.mark.parametrize(
    "network",
    [
        sngan.Discriminator(width=0.03),
        dcgan.Discriminator(width=0.03),
        of_a_user(nn.utils.spectral_norm),
        of_a_user(nn.utils.parametrizations.spectral_norm),
    ],
)
def test_only_free_training_passes_move_buffers(network: nn.Module) -> None:
    images = torch.randn(4, 3, 32, 32)
    before = buffers(network)
    network.eval()(images)
    assert not moved(before, network)
    with frozen_statistics(network.train()):
        inside = network(images)
    assert not moved(before, network)
    assert all(module.training for module in network.modules())
    free = network(images)
    assert moved(before, network)
    # Batch norm still used the batch's statistics inside: the outputs differ by one power iteration at most.
    if isinstance(network, dcgan.Discriminator):
        torch.testing.assert_close(inside, free)


def test_frozen_parameters_let_gradients_through() -> None:
    network = sngan.Discriminator(width=0.03)
    frozen = next(network.parameters()).requires_grad_(False)
    images = torch.randn(2, 3, 32, 32, requires_grad=True)
    with frozen_parameters(network):
        logits = network(images)
    logits.sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.parameters())
    assert [p.requires_grad for p in network.parameters()].count(False) == 1
    assert not frozen.requires_grad


def test_frozen_restores_after_an_error() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), SpectralConv2d(4, 4, 1, 1.0))
    with pytest.raises(ZeroDivisionError), frozen(network):
        raise ZeroDivisionError
    assert all(parameter.requires_grad for parameter in network.parameters())
    before = buffers(network)
    network(torch.randn(2, 3, 4, 4))
    assert not torch.equal(before["1.running_mean"], network[1].running_mean)
    assert not torch.equal(before["2.spectral.u"], network[2].spectral.u)


def test_weights_are_initialised_as_the_sources_say() -> None:
    torch.manual_seed(0)
    network = sngan.Discriminator()
    assert isinstance(network.blocks[1], sngan.DiscriminatorBlock)
    weight = network.blocks[1].conv1.weight  # Xavier-uniform, gain sqrt(2), 128 x 9 in and out
    assert weight.abs().max().item() == pytest.approx((2 * 6 / (2 * 128 * 9)) ** 0.5, rel=0.01)
    deconvolution = dcgan.Generator().layers[0]
    assert deconvolution.weight.std().item() == pytest.approx(0.02, rel=0.05)
