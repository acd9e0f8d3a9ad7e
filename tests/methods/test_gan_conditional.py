"""Conditional GANs in the one alternating training: whose labels go where, losses, penalties, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from method_cases import gan_of
from repro.attacks.rgan_directions import image_directions
from repro.core.errors import ReproError
from repro.core.streams import Streams
from repro.methods.gan_base import GanMethod, Labels
from repro.methods.losses import make_loss
from repro.methods.registry import validate_options
from repro.methods.regularisers.registry import make_regulariser
from repro.models.labelled import LabelledSides
from small_run import small_run

DCGAN = {"network": "conditional_dcgan", "loss": "non_saturating", "n_dis": 2}
ACGAN = {"network": "acgan_dcgan", "loss": "non_saturating", "n_dis": 1, "discriminator_norm": "none"}


def make(name: str, dataset: str = "cifar10", **options: Any) -> GanMethod:
    return gan_of(small_run(name, dataset=dataset, batch_size=6, width=0.1, options=options))


@pytest.mark.parametrize("name", ["gan", "rgan"])
def test_d_gets_the_real_images_classes_and_those_that_g_was_given(name: str) -> None:
    method, twin = make(name, **DCGAN), make(name, **DCGAN)
    seen: dict[str, list[Tensor]] = {"g": [], "d": []}
    method.G.register_forward_pre_hook(lambda _, given: seen["g"].append(given[1]))
    method.D.register_forward_pre_hook(lambda _, given: seen["d"].append(given[1]))
    method.discriminator_step()
    real = twin.real_batch()[1]
    drawn = torch.randint(10, (6,), generator=Streams(0).generator("labels"))
    assert len(seen["g"]) == 1
    assert torch.equal(seen["g"][0], drawn)
    assert not torch.equal(real, drawn)
    passes = {tuple(classes.tolist()) for classes in seen["d"]}
    assert passes == {tuple(real.tolist()), tuple(drawn.tolist())}
    seen["g"].clear()
    seen["d"].clear()
    method.generator_step()
    of_step = {tuple(classes.tolist()) for classes in (*seen["g"], *seen["d"])}
    assert len(of_step) == 1
    assert of_step.isdisjoint(passes)


def test_drawn_classes_are_uniform() -> None:
    method = make("gan", **DCGAN)
    (classes,) = method.random_classes(20_000)
    counts = classes.bincount(minlength=10).double()
    assert len(counts) == 10
    assert ((counts - 2000).square() / 2000).sum() < 33.7  # chi-square, 9 degrees of freedom: p = 0.0001


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (0.5, 0.0, 0.1)])
def test_an_auxiliary_classifier_learns_beside_the_adversarial_loss(weights: tuple[float, ...]) -> None:
    on_real, on_fake, in_g = weights
    method = make("gan", **ACGAN, class_real=on_real, class_fake=on_fake, class_generator=in_g)
    real, classes = method.real_batch()
    z, (drawn,) = method.latents(6), method.random_classes(6)
    with torch.no_grad():
        fake = method.G(z, drawn)
        (of_real, real_classes), (of_fake, fake_classes) = method.D(real), method.D(fake)
        loss = method.loss.d(of_real, of_fake) + on_real * F.cross_entropy(real_classes, classes)
        loss = loss + on_fake * F.cross_entropy(fake_classes, drawn)
        found, record = method.discriminator_loss(real, fake, Labels(classes, drawn))
        torch.testing.assert_close(found, loss)
        right = (real_classes.argmax(1) == classes).float().mean()
        torch.testing.assert_close(record["accuracy"], right)
        fooled = method.loss.g(of_fake) + in_g * F.cross_entropy(fake_classes, drawn)
        torch.testing.assert_close(method.generator_loss(z, drawn), fooled)
        torch.testing.assert_close(method.discriminator()(real), of_real)
        torch.testing.assert_close(method.classifier()(real), real_classes)


class LinearD(nn.Module):
    """D(x, y) = <w_y, x>."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)

    def feature_map(self, images: Tensor, classes: Tensor) -> Tensor:
        return images * self.weights[classes]

    def forward(self, images: Tensor, classes: Tensor) -> Tensor:
        return (images * self.weights[classes]).flatten(1).sum(1)


@pytest.fixture
def setting() -> tuple[LabelledSides, Tensor, Tensor, Tensor, Tensor]:
    """D bound to both sides' classes, real and fake images, and the norm of w_y for each of them."""
    draw = torch.Generator().manual_seed(0)
    network = LinearD(torch.randn(10, 3, 4, 4, generator=draw))
    real, fake = (torch.randn(6, 3, 4, 4, generator=draw) for _ in range(2))
    classes = torch.randint(10, (2, 6), generator=draw)
    norms = network.weights.detach().flatten(1).norm(dim=1)
    return LabelledSides(network, *classes), real, fake, norms[classes[0]], norms[classes[1]]


@pytest.mark.parametrize("points", ["interpolates", "real", "fake", "both"])
def test_penalties_of_slopes_see_each_images_class(
    setting: tuple[LabelledSides, Tensor, Tensor, Tensor, Tensor], points: str
) -> None:
    judge, real, fake, of_real, of_fake = setting
    norms = {"fake": of_fake, "both": torch.cat([of_real, of_fake])}.get(points, of_real)
    options = {"points": points, "weight": 1.0}
    for name, expected in (
        ("gradient_penalty", (norms - 1).square().mean()),
        ("zero_gp", norms.square().mean() * (2 if points == "both" else 1)),
    ):
        made = make_regulariser(name, options, torch.Generator(), make_loss("wasserstein"))
        assert made is not None
        torch.testing.assert_close(made(judge, real, fake).detach(), expected)


@pytest.mark.parametrize("name", ["ar", "rfm"])
def test_consistency_sees_each_images_class(
    setting: tuple[LabelledSides, Tensor, Tensor, Tensor, Tensor], name: str
) -> None:
    """Along w / |w| a logit changes by eps |w|, the map x * w_y by eps w^2 / |w|."""
    judge, real, fake, *norms = setting
    options = {"weight": 1.0, "radius": 0.5, "distance": "mean_square"}
    made = make_regulariser(name, options, torch.Generator(), make_loss("wasserstein"))
    assert made is not None
    expected = torch.zeros(())
    for classes, norm in zip((judge.real, judge.fake), norms, strict=True):
        squares = judge.network.weights.detach()[classes].square()  # type: ignore[union-attr, index, operator]
        change = squares.flatten(1).norm(dim=1) / norm if name == "rfm" else norm
        expected = expected + (0.5 * change).square().mean()
    torch.testing.assert_close(made(judge, real, fake).detach(), expected)


def test_rgans_directions_see_each_images_class(
    setting: tuple[LabelledSides, Tensor, Tensor, Tensor, Tensor],
) -> None:
    judge, real, fake, of_real, of_fake = setting
    first, second = image_directions(judge, make_loss("hinge"), 0 * real, 0 * fake)
    weights = judge.network.weights.detach()  # type: ignore[union-attr, operator]
    torch.testing.assert_close(first, -weights[judge.real] / of_real.view(-1, 1, 1, 1))
    torch.testing.assert_close(second, weights[judge.fake] / of_fake.view(-1, 1, 1, 1))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ReproError, match="no discriminator that judges an image without its class"):
        make("gan", **DCGAN).discriminator()
    with pytest.raises(ReproError, match="has no classes"):
        make("gan", dataset="celeba", network="conditional_dcgan")
    with pytest.raises(ReproError, match="no network 'sngan_projection'"):
        validate_options("dat", {"network": "sngan_projection"})
    with pytest.raises(ReproError, match="has no classifier"):
        make("gan", **DCGAN).classifier()


def test_samples_of_a_conditional_generator_are_of_given_or_uniform_classes() -> None:
    method = make("gan", **DCGAN)
    labels = torch.arange(6)
    given = method.sample(6, torch.Generator().manual_seed(1), labels)
    other = method.sample(6, torch.Generator().manual_seed(1), labels + 1)
    assert given.shape == (6, 3, 32, 32)
    assert not torch.allclose(given, other)
    seen: list[Tensor] = []
    method.G.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    method.sample(5000, torch.Generator().manual_seed(1))
    counts = torch.cat(seen).bincount(minlength=10).double()
    assert len(counts) == 10
    assert ((counts - 500).square() / 500).sum() < 33.7  # as above


@pytest.mark.parametrize("option", ["class_real", "class_fake", "class_generator"])
def test_a_weight_of_a_class_loss_without_a_classifier_is_refused_and_the_remedies_work(option: str) -> None:
    for network in ("sngan", "conditional_dcgan"):
        with pytest.raises(ReproError, match=f"no option '{option}' with network {network}") as caught:
            validate_options("gan", {"network": network, option: 0.5})
        assert "leave it out, or choose network acgan_dcgan" in caught.value.remedy
        validate_options("gan", {"network": network})
    assert getattr(validate_options("gan", {"network": "acgan_dcgan", option: 0.5}), option) == 0.5
    assert getattr(validate_options("robgan", {option: 0.5}), option) == 0.5  # its network has one
