"""LP, AR, RFM and ASGAN's step against closed forms; weight clipping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import torch
from torch import nn

from attack_cases import LinearD
from method_cases import gan_of
from pretended_graphs import pretended_graphs
from repro.attacks.asgan_step import AsganStep
from repro.attacks.threat_model import SYMMETRIC
from repro.core.device import apply_precision
from repro.core.errors import ReproError
from repro.core.spec import Precision
from repro.methods.gan_base import GanMethod
from repro.methods.losses import make_loss
from repro.methods.optimisation import clip_weights
from repro.methods.registry import validate_options
from repro.methods.regularisers.base import Regulariser
from repro.methods.regularisers.registry import make_regulariser
from repro.methods.update_graph import WARM_UP
from repro.models import dcgan, robust_dcgan, sngan
from repro.models.modes import frozen_statistics
from small_run import small_run


def regulariser(name: str, loss: str = "wasserstein", **options: Any) -> Regulariser:
    made = make_regulariser(name, options, torch.Generator(), make_loss(loss))  # type: ignore[arg-type]
    assert made is not None
    return made


def trained(method: str = "gan", precision: Precision = "float32", **options: Any) -> GanMethod:
    given = {"n_dis": 1, "loss": "non_saturating", **options}
    spec = small_run(method=method, precision=precision, batch_size=6, width=0.03, options=given)
    return gan_of(spec)


@pytest.mark.parametrize(("norm", "expected"), [(1.5, 5 * 0.25), (0.6, 0.0)])
def test_lipschitz_penalty_costs_only_above_its_centre(norm: float, expected: float) -> None:
    weight = torch.randn(3, 4, 4)
    network = LinearD(weight * norm / weight.norm())
    images = torch.randn(6, 3, 4, 4)
    penalty = regulariser("lipschitz_penalty", weight=5.0)(network, images, -images)
    assert penalty.item() == pytest.approx(expected, abs=1e-4)
    twice = regulariser("lipschitz_penalty", weight=1.0, centre=0.25)(network, images, -images)
    assert twice.item() == pytest.approx((norm - 0.25) ** 2, rel=1e-3)


class SquareD(torch.nn.Module):
    """The slope at an image is the image."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1).square().sum(dim=1) / 2


def test_lipschitz_penalty_counts_each_slope_by_itself() -> None:
    """The mean of the squares of what is above 1, not of the mean slope's excess."""
    directions = torch.nn.functional.normalize(torch.randn(4, 48), dim=1)
    images = (directions * torch.tensor([[0.2], [0.9], [1.5], [3.0]])).view(4, 3, 4, 4)
    at_images = {"points": "real"}
    penalty = regulariser("lipschitz_penalty", weight=2.0, **at_images)(SquareD(), images, -images)
    assert penalty.item() == pytest.approx(2 * (0.5**2 + 2**2) / 4, rel=1e-5)


@pytest.mark.parametrize("side", ["both", "real", "fake"])
def test_ar_on_a_linear_discriminator(side: str) -> None:
    """Each logit changes by eps |w|: the batch norm of n changes is eps |w| sqrt(n), side by side."""
    weight = torch.randn(3, 4, 4)
    real, fake = torch.randn(6, 3, 4, 4), torch.randn(4, 3, 4, 4)
    sides = {"both": 6**0.5 + 4**0.5, "real": 6**0.5, "fake": 4**0.5}[side]
    network = LinearD(weight.clone())
    penalty = regulariser("ar", weight=3.0, radius=0.1, side=side)(network, real, fake)
    assert penalty.item() == pytest.approx(3 * 0.1 * weight.norm().item() * sides, rel=1e-4)
    penalty.backward()
    expected = 3 * 0.1 * sides * weight / weight.norm()  # the direction is a constant of the update
    torch.testing.assert_close(network.weight.grad, expected, rtol=1e-3, atol=1e-4)


def test_rfm_compares_feature_maps() -> None:
    """The map is 2 x: each image's moves by 2 eps, whatever w is."""
    real, fake = torch.randn(9, 3, 4, 4), torch.randn(4, 3, 4, 4)
    value = regulariser("rfm", radius=0.1)(LinearD(torch.randn(3, 4, 4)), real, fake)
    assert value.item() == pytest.approx(10 * 2 * 0.1 * (3 + 2), rel=1e-3)


def test_neighbours_raise_the_losses_own_value() -> None:
    """LSGAN: a real logit above 1 rises further, one below falls; the logistic loss lowers both."""
    weight = torch.randn(3, 4, 4)
    network = LinearD(weight / weight.square().sum())
    real = torch.tensor([3.0, 0.0])[:, None, None, None] * weight  # logits 3 and 0
    for loss, signs in (("lsgan", [1, -1]), ("non_saturating", [-1, -1])):
        made = regulariser("ar", loss, radius=1.0)
        moved = made.neighbours(network, real, real=True)  # type: ignore[attr-defined]
        assert (network(moved) - network(real)).sign().tolist() == signs, loss
    fake = torch.tensor([0.5, -0.5])[:, None, None, None] * weight
    moved = regulariser("ar", "lsgan", radius=0.1).neighbours(network, fake, real=False)  # type: ignore[attr-defined]
    assert (network(moved) - network(fake)).sign().tolist() == [1, -1]  # away from the 0 that D wants


@pytest.fixture
def tf32() -> Iterator[None]:
    with mock.patch.object(torch.cuda, "get_device_capability", return_value=(8, 0)):
        apply_precision("tf32", torch.device("cuda"))
    yield
    apply_precision("float32", torch.device("cpu"))


@pytest.mark.usefixtures("tf32")
@pytest.mark.parametrize(
    ("method", "options", "exact"),
    [
        ("gan", {"network": "robust_dcgan", "regulariser": "ar"}, True),
        ("gan", {"network": "robust_dcgan", "regulariser": "rfm"}, True),
        ("gan", {"network": "robust_dcgan", "regulariser": "zero_gp"}, False),
        ("dat", {"reduction": "batch_mean"}, True),
        ("dat", {"reduction": "batch_mean", "position": "all"}, True),
        ("dat", {}, False),
    ],
)
def test_networks_are_updated_without_tf32_where_a_change_is_smaller_than_its_rounding(
    method: str, options: dict[str, Any], exact: bool
) -> None:
    """Forward and backward, at a graph's capture too; the rest of the training keeps the run's format."""
    seen: list[bool] = []
    with pretended_graphs():
        made = trained(method, **options)
        made.make_optimisers(graphs=True)
        made.D.register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
        weight = next(made.D.parameters())
        weight.register_hook(lambda _: seen.append(torch.backends.cuda.matmul.allow_tf32))
        for _ in range(WARM_UP + 2):
            made.discriminator_step()
            made.generator_step()
            assert torch.backends.cudnn.allow_tf32
        assert made.graphs._captured
    assert len(seen) >= 3 * (WARM_UP + 1)
    assert set(seen) == {not exact}


@pytest.mark.parametrize(
    ("method", "options", "precision", "coarsest"),
    [
        ("gan", {"network": "robust_dcgan", "regulariser": "ar"}, "bf16", "float32"),
        ("dat", {"reduction": "batch_mean"}, "bf16", "float32"),
        ("rgan", {}, "bf16", "tf32"),
        ("rgan", {"regulariser": "ar", "network": "robust_dcgan"}, "bf16", "float32"),
        ("rgan", {"mode": "d_only"}, "bf16", None),
        ("rgan", {"noise_radius": 1.0}, "bf16", None),
        ("rgan", {}, "tf32", None),
        ("dat", {}, "bf16", None),
    ],
)
def test_a_format_that_rounds_small_changes_away_is_refused(
    method: str, options: dict[str, Any], precision: Precision, coarsest: str | None
) -> None:
    checked = validate_options(method, options)
    if coarsest is None:
        checked.check_precision(precision)
        return
    with pytest.raises(ReproError, match="rounds away") as error:
        checked.check_precision(precision)
    assert f"precision: {coarsest}" in error.value.remedy
    with pytest.raises(ReproError, match="rounds away"):
        trained(method, precision, **options)


@pytest.mark.parametrize("name", ["ar", "rfm"])
def test_both_answers_are_of_one_discriminator(name: str) -> None:
    """Each free pass moves spectral norm, by more than a change of radius 1e-4 moves an answer."""
    network = sngan.Discriminator(width=0.06)
    real, fake = torch.randn(2, 6, 3, 32, 32)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    free = regulariser(name)(network, real, fake).item()
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    with frozen_statistics(network):
        assert free == regulariser(name)(network, real, fake).item()
    assert 0 < free < 0.1


def test_a_gradient_penalty_leaves_batch_norm_the_averages_of_what_d_is_trained_on() -> None:
    network = dcgan.Discriminator(width=0.06)
    real, fake = torch.randn(2, 6, 3, 32, 32)
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    regulariser("gradient_penalty")(network, real, fake).backward()
    assert all(torch.equal(buffer, before[name]) for name, buffer in network.named_buffers())


@pytest.mark.parametrize("network", ["wgan_gp_resnet", "acgan_dcgan"])
def test_features_that_a_network_does_not_show_cannot_be_matched(network: str) -> None:
    with pytest.raises(ReproError, match=f"network {network} has no feature_map"):
        trained(network=network, regulariser="rfm")
    trained(network="sngan_projection", regulariser="rfm").discriminator_step()


@pytest.mark.parametrize("shape", [(3, 8), (8, 3)])
def test_orthonormal_is_what_singular_values_miss_of_one(shape: tuple[int, int]) -> None:
    """|W'W - I|^2 over the smaller side is the sum of (sigma^2 - 1)^2, and 0 for orthonormal rows."""
    layer, images = nn.Linear(*shape, bias=False), torch.zeros(1, 3, 2, 2)
    network = nn.Sequential(layer, nn.ReLU(), nn.Conv2d(3, 2, 2))
    made = regulariser("orthonormal", weight=2.0)
    expected = [(torch.linalg.svdvals(network[i].weight.flatten(1)) ** 2 - 1).square().sum() for i in (0, 2)]
    torch.testing.assert_close(made(network, images, images), 2 * (expected[0] + expected[1]))
    nn.init.orthogonal_(layer.weight)
    nn.init.orthogonal_(network[2].weight)
    assert made(network, images, images).item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", ["ar", "rfm", "lipschitz_penalty"])
@pytest.mark.parametrize("family", [sngan, dcgan, robust_dcgan])
def test_penalties_reach_the_parameters_of_real_networks(name: str, family: Any) -> None:
    network = family.Discriminator(32, width=0.03)
    images = torch.rand(4, 3, 32, 32) * 2 - 1
    # a fresh network's slopes may lie below 1, where they would cost nothing
    options = {"centre": 0.0} if name == "lipschitz_penalty" else {}
    value = regulariser(name, "hinge", **options)(network, images, images.flip(0) * 0.5)
    value.backward()
    first = next(network.parameters())
    assert first.grad is not None
    assert torch.isfinite(first.grad).all()
    assert first.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("family", "options", "shape"),
    [
        (sngan, {}, (32, 8, 8)),
        (dcgan, {"discriminator_norm": "batch"}, (64, 4, 4)),
        (dcgan, {"discriminator_norm": "none"}, (64, 4, 4)),
        (robust_dcgan, {"discriminator_norm": "batch"}, (128, 4, 4)),
        (robust_dcgan, {"discriminator_norm": "none"}, (128, 4, 4)),
    ],
)
def test_the_feature_map_is_the_last_convolutions(
    family: Any, options: dict[str, str], shape: tuple[int, ...]
) -> None:
    network = family.Discriminator(width=0.25, **options)
    images = torch.randn(2, 3, 32, 32)
    found = network.feature_map(images)
    assert found.shape[1:] == shape
    if family is not sngan:
        rest = network.layers[-network.after_maps :]
        assert not any(isinstance(layer, nn.Conv2d) for layer in rest[:-1])
        torch.testing.assert_close(rest(found).flatten(), network(images))


@pytest.mark.parametrize("loss", ["non_saturating", "lsgan", "wasserstein"])
def test_asgan_steps_against_ds_gain(loss: str) -> None:
    """Real images go against sign(w), fake ones along it, every value by epsilon; D stays as it is."""
    weight = torch.randn(3, 4, 4)
    network = LinearD(weight / weight.square().sum())
    real, fake = torch.zeros(5, 3, 4, 4), 0.5 * weight.expand(2, 3, 4, 4)  # logits 0 and 0.5
    step = AsganStep(make_loss(loss), radius=1 / 255, clip=False, bounds=SYMMETRIC)  # type: ignore[arg-type]
    out = step(network, real, fake)
    torch.testing.assert_close(out.real, real - weight.sign() / 255)
    torch.testing.assert_close(out.fake, fake + weight.sign() / 255)
    assert network.weight.grad is None
    assert network.weight.requires_grad


@pytest.mark.parametrize(("value", "sign"), [("gain", 1.0), ("loss", -1.0)])
def test_asgan_stays_in_the_box_and_steps_the_other_way_on_ds_loss(value: str, sign: float) -> None:
    weight = torch.randn(3, 4, 4)
    real, fake = torch.zeros(5, 3, 4, 4), 0.5 * weight.expand(2, 3, 4, 4).clamp(-2, 2)
    step = AsganStep(make_loss("wasserstein"), radius=0.7, clip=True, bounds=SYMMETRIC, value=value)  # type: ignore[arg-type]
    out = step(LinearD(weight), real, fake)
    torch.testing.assert_close(out.real, (real - sign * 0.7 * weight.sign()).clamp(-1, 1))
    torch.testing.assert_close(out.fake, (fake + sign * 0.7 * weight.sign()).clamp(-1, 1))


def test_clipped_weights_lie_in_the_box_and_small_ones_stay() -> None:
    network = nn.Linear(4, 3)
    with torch.no_grad():
        network.weight.copy_(torch.linspace(-1, 1, 12).view(3, 4))
    before = network.weight.detach().clone()
    clip_weights(network, 0.5)
    torch.testing.assert_close(network.weight.detach(), before.clamp(-0.5, 0.5))
