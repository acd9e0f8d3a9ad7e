"""Conditional networks: parameter counts against hand formulas, and what the class does in them."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from method_cases import count
from repro.core.errors import ReproError
from repro.models import acgan_dcgan, conditional_dcgan, dcgan, sngan, sngan_projection
from repro.models.labelled import Labelled, LabelledSides, of_side
from repro.models.robgan_generator import RobGANGenerator
from repro.models.robgan_resnet import RobGANDiscriminator


@pytest.mark.parametrize("classes", [10, 143])
@pytest.mark.parametrize("size", [32, 48, 64, 128])
def test_projection_adds_a_scale_and_a_shift_per_class_and_an_embedding(size: int, classes: int) -> None:
    plan = sngan.layout(size)
    inputs = [plan.first, *plan.generator[:-1]]
    normalised = sum(inputs) + sum(plan.generator)  # channels of both norms of every block
    with torch.device("meta"):
        plain, conditional = sngan.Generator(size), sngan_projection.Generator(classes, size)
        assert count(conditional) - count(plain) == 2 * (classes - 1) * normalised
        added = count(sngan_projection.Discriminator(classes, size)) - count(sngan.Discriminator(size))
    assert added == classes * plan.discriminator[-1]


def test_the_small_layout_of_128_pixels_is_rob_gans_in_size() -> None:
    """The discriminator has biases, and an embedding in place of Rob-GAN's second head."""
    with torch.device("meta"):
        generator = sngan_projection.Generator(143, 128, layout="small")
        discriminator = sngan_projection.Discriminator(143, 128, layout="small")
        ours = count(RobGANGenerator(143, 128)), count(RobGANDiscriminator(143, image_size=128))
        large = sngan_projection.Generator(143, 128), sngan_projection.Discriminator(143, 128)
    outputs = [64, 128, 256, 256, 512, 512]
    biases = sum(3 * 64 if a is None else a + 2 * b for a, b in zip([None, *outputs], outputs, strict=False))
    biases -= outputs[-1]  # the last block neither halves nor widens: its shortcut is the identity
    assert count(generator) == ours[0] == 10_606_339
    assert count(discriminator) == ours[1] + biases - 143 == 8_574_977
    assert [count(network) for network in large] == [33_550_339, 29_164_289]
    with pytest.raises(ReproError, match="no small layout for images of 64 px") as caught:
        sngan_projection.Generator(143, 64, layout="small")
    assert "128 px" in caught.value.remedy


def test_the_small_layout_makes_and_judges_images_of_128_pixels() -> None:
    generator = sngan_projection.Generator(3, 128, width=0.05, latent_dim=5, layout="small")
    discriminator = sngan_projection.Discriminator(3, 128, width=0.05, layout="small")
    classes = torch.tensor([0, 2])
    images = generator(torch.randn(2, 5), classes)
    assert images.shape == (2, 3, 128, 128)
    assert discriminator(images, classes).shape == (2,)


@pytest.mark.parametrize(("size", "inner", "base"), [(32, 256, 4), (48, 256, 6), (64, 512, 4)])
def test_concatenation_widens_the_first_layers_and_two_heads_the_last(
    size: int, inner: int, base: int
) -> None:
    with torch.device("meta"):
        generator, discriminator = dcgan.Generator(size), dcgan.Discriminator(size)
        wide = conditional_dcgan.Generator(10, size), conditional_dcgan.Discriminator(10, size)
        heads = acgan_dcgan.Discriminator(10, size)
    assert count(wide[0]) - count(generator) == 10 * inner * base**2
    assert count(wide[1]) - count(discriminator) == 10 * dcgan.OUTER * 4**2
    assert count(heads) - count(discriminator) == 10 * (inner * base**2 + 1)


@pytest.mark.parametrize("family", [sngan_projection, conditional_dcgan])
def test_both_networks_depend_on_the_class(family: object) -> None:
    torch.manual_seed(0)
    generator = family.Generator(3, width=0.1, latent_dim=5).eval()  # type: ignore[attr-defined]
    discriminator = family.Discriminator(3, width=0.1).eval()  # type: ignore[attr-defined]
    for name, parameter in generator.named_parameters():
        if name.endswith("scale.weight"):  # all 1 at first; make the classes differ
            nn.init.normal_(parameter, 1, 0.5)
    z, classes = torch.randn(4, 5), torch.tensor([0, 1, 2, 0])
    images = generator(z, classes)
    assert images.shape == (4, 3, 32, 32)
    assert images.abs().max() <= 1
    others = classes.roll(1)
    changed = (classes != others).tolist()
    for a, b in (
        (images, generator(z, others)),
        (discriminator(images, classes), discriminator(images, others)),
    ):
        assert [not torch.allclose(one, two) for one, two in zip(a, b, strict=True)] == changed
    with pytest.raises(ValueError, match="needs labels"):
        generator(z)


def test_projection_is_the_inner_product_with_the_classes_vector() -> None:
    torch.manual_seed(0)
    network = sngan_projection.Discriminator(3, width=0.1).eval()
    for _ in range(100):  # the estimate of the largest singular value converges
        network.embedding.spectral.iterate(network.embedding.weight)
    images, classes = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 0])
    features = F.relu(network.feature_map(images)).sum(dim=(2, 3))
    vectors = network.embedding.weight / torch.linalg.matrix_norm(network.embedding.weight, 2)
    expected = network.last(features).squeeze(1) + torch.einsum("nc,nc->n", features, vectors[classes])
    torch.testing.assert_close(network(images, classes), expected)


def test_concatenation_is_linear_in_the_planes_of_the_class() -> None:
    """The first layer sees image and planes: its maps are those of the image plus a map of the class."""
    torch.manual_seed(0)
    network = conditional_dcgan.Discriminator(3, width=0.1).eval()
    first = network.layers[0]
    images, classes = torch.randn(2, 3, 32, 32), torch.tensor([2, 0])
    expected = F.conv2d(images, first.weight[:, :3], first.bias, 2, 1)
    for n, k in enumerate(classes.tolist()):
        expected[n] += F.conv2d(torch.ones(1, 1, 32, 32), first.weight[:, 3 + k, None], None, 2, 1)[0]
    torch.testing.assert_close(first(network._with_planes(images, classes)), expected)


def test_a_view_knows_whose_classes_are_meant() -> None:
    class Scaled(nn.Module):
        def forward(self, images: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
            return images.flatten(1).sum(1) * classes

    plain, images = nn.Identity(), torch.ones(2, 1, 1, 1)
    sides = LabelledSides(Scaled(), torch.tensor([1, 2]), torch.tensor([3, 4]))
    assert of_side(plain, "fake") is plain
    assert of_side(sides, "real")(images).tolist() == [1, 2]
    assert of_side(sides, "fake")(images).tolist() == [3, 4]
    assert of_side(sides, "both")(torch.cat([images, images])).tolist() == [1, 2, 3, 4]
    assert Labelled(Scaled(), torch.tensor([5, 6]))(images).tolist() == [5, 6]
    with pytest.raises(ReproError, match="without their classes") as caught:
        sides(images)
    assert "of_side" in caught.value.remedy
