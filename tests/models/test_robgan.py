"""Rob-GAN's generators, ResNet discriminators and conditional batch norm."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from method_cases import count
from repro.core.errors import ReproError
from repro.models.conditional_batch_norm import ConditionalBatchNorm2d
from repro.models.heads import ClassView, SourceView
from repro.models.robgan_generator import RobGANGenerator
from repro.models.robgan_resnet import RobGANDiscriminator
from repro.models.vgg16 import VGG16


@pytest.mark.parametrize(
    ("size", "classes", "expected"), [(32, 10, 12_272_515), (64, 143, 13_038_595), (128, 143, 10_606_339)]
)
def test_generator_has_the_codes_parameter_count(size: int, classes: int, expected: int) -> None:
    with torch.device("meta"):
        assert count(RobGANGenerator(classes, size)) == expected


@pytest.mark.parametrize(
    ("size", "classes", "batch_norm", "expected"),
    [
        (32, 10, True, 1_056_395),
        (64, 143, False, 10_283_024),
        (128, 143, False, 8_570_896),
        (128, 143, True, 8_579_344),
    ],
)
def test_discriminator_has_the_codes_parameter_count(
    size: int, classes: int, batch_norm: bool, expected: int
) -> None:
    with torch.device("meta"):
        for spectral in (False, True):
            network = RobGANDiscriminator(
                classes, image_size=size, batch_norm=batch_norm, spectral_norm=spectral
            )
            assert count(network) == expected


def test_spectral_norm_is_of_every_layer() -> None:
    """After many power iterations no layer stretches by more than 1, whatever its weight."""
    torch.manual_seed(0)
    network = RobGANDiscriminator(5, width=0.05, batch_norm=False, spectral_norm=True)
    images = torch.randn(2, 3, 32, 32)
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        for layer in layers:
            layer.weight.mul_(7)
        for _ in range(300):
            network(images)
    assert len(layers) == 12
    for layer in layers:
        weight = layer.spectral(layer.weight).flatten(1)  # type: ignore[operator]
        assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("size", [32, 64, 128])
def test_generator_makes_images_of_its_size_that_depend_on_noise_and_class(size: int) -> None:
    torch.manual_seed(0)
    network = RobGANGenerator(3, size, width=0.0625).eval()
    with torch.no_grad():  # the class scales are all 1 at first; make the classes differ
        for module in network.modules():
            if isinstance(module, ConditionalBatchNorm2d):
                module.scale.weight.normal_(1, 0.5)
    z = torch.randn(2, network.latent_dim)
    images = network(z, torch.tensor([0, 1]))
    assert images.shape == (2, 3, size, size)
    assert images.abs().max() <= 1
    assert not torch.allclose(images, network(z.flip(0), torch.tensor([0, 1])))
    assert not torch.allclose(images, network(z, torch.tensor([1, 0])))


def test_discriminator_sums_over_space_and_its_views_show_one_head_each() -> None:
    torch.manual_seed(0)
    network = RobGANDiscriminator(5, width=0.0625).eval()
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    features = network.features(images)
    torch.testing.assert_close(features, network.body(images).clamp_min(0).sum(dim=(2, 3)))
    source, classes = network(images)
    torch.testing.assert_close(SourceView(network)(images), source)
    torch.testing.assert_close(ClassView(network)(images), classes)


def test_conditional_batch_norm_normalises_then_scales_by_class() -> None:
    layer = ConditionalBatchNorm2d(4, 2)
    with torch.no_grad():
        layer.scale.weight[1] = 3.0
        layer.shift.weight[1] = -1.0
    torch.manual_seed(0)
    x = torch.randn(6, 4, 5, 5) * 7 + 2
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    std = x.var(dim=(0, 2, 3), keepdim=True, unbiased=False).add(2e-5).sqrt()
    normal = (x - mean) / std
    result = layer(x, labels)
    torch.testing.assert_close(result[0::2], normal[0::2])
    torch.testing.assert_close(result[1::2], normal[1::2] * 3 - 1)


def test_conditional_batch_norm_follows_the_newest_batch() -> None:
    layer = ConditionalBatchNorm2d(1, 1, momentum=0.9)
    layer(torch.full((4, 1, 2, 2), 10.0), torch.zeros(4, dtype=torch.int64))
    assert layer.normalise.running_mean.item() == pytest.approx(9.0)


def test_vgg16_has_the_common_parameter_count() -> None:
    with torch.device("meta"):
        assert count(VGG16(10)) == 14_728_266
    network = VGG16(7, width=0.1).eval()
    for size in (32, 64):
        assert network(torch.randn(2, 3, size, size)).shape == (2, 7)


def test_a_size_without_layout_is_refused() -> None:
    with pytest.raises(ReproError, match="48 x 48"):
        RobGANGenerator(10, 48)
    with pytest.raises(ReproError, match="48 x 48"):
        RobGANDiscriminator(10, image_size=48)
