"""GAN losses and regularisers against closed forms."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attack_cases import LinearD
from repro.core.errors import ReproError
from repro.methods.losses import LossName, make_loss
from repro.methods.regularisers.base import Regulariser, RegulariserOptions
from repro.methods.regularisers.points import PenaltyAtPoints
from repro.methods.regularisers.registry import make_regulariser, parse_regulariser, regulariser_names

REAL, FAKE = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([-2.0, 0.25])


def test_discriminator_losses() -> None:
    bce = F.binary_cross_entropy_with_logits
    logistic = bce(REAL, torch.ones(3)) + bce(FAKE, torch.zeros(2))
    expected: dict[LossName, Tensor] = {
        "non_saturating": logistic,
        "saturating": logistic,
        "lsgan": (REAL - 1).square().mean() + FAKE.square().mean(),
        "wasserstein": FAKE.mean() - REAL.mean(),
        "hinge": torch.tensor((0 + 2 + 0.5) / 3 + (0 + 1.25) / 2),
    }
    assert set(expected) == set(get_args(LossName))
    for name, loss in expected.items():
        torch.testing.assert_close(make_loss(name).d(REAL, FAKE), loss, msg=name)


def test_generator_losses() -> None:
    bce = F.binary_cross_entropy_with_logits
    expected: dict[LossName, Tensor] = {
        "non_saturating": bce(FAKE, torch.ones(2)),
        "saturating": -bce(FAKE, torch.zeros(2)),
        "lsgan": (FAKE - 1).square().mean(),
        "wasserstein": -FAKE.mean(),
        "hinge": -FAKE.mean(),
    }
    assert set(expected) == set(get_args(LossName))
    for name, loss in expected.items():
        torch.testing.assert_close(make_loss(name).g(FAKE), loss, msg=name)
        assert make_loss(name).each_g(FAKE).shape == FAKE.shape


def test_logistic_losses_stay_finite() -> None:
    far = torch.tensor([-1e4, 1e4])
    for name in ("non_saturating", "saturating"):
        loss = make_loss(name)  # type: ignore[arg-type]
        assert torch.isfinite(loss.d(far, far))
        assert torch.isfinite(loss.g(far))


@pytest.mark.parametrize("points", ["interpolates", "real", "fake"])
def test_penalties_on_a_linear_discriminator(points: str) -> None:
    """|grad| is |w|: 5 (|w| - 0.5)^2 with slope 10 (|w| - 0.5) w / |w|; 2 |w|^2 with slope 4 w."""
    torch.manual_seed(0)
    weight = torch.randn(3, 4, 4)
    real, fake, noise = torch.randn(6, 3, 4, 4), torch.randn(6, 3, 4, 4), torch.Generator()
    norm = weight.norm()
    options = {"weight": 5.0, "centre": 0.5, "points": points}
    network = LinearD(weight.clone())
    penalty = make_regulariser("gradient_penalty", options, noise)(network, real, fake)  # type: ignore[misc]
    torch.testing.assert_close(penalty, 5 * (norm - 0.5) ** 2)
    penalty.backward()
    torch.testing.assert_close(network.weight.grad, 10 * (norm - 0.5) * weight / norm)

    network = LinearD(weight.clone())
    options = {"weight": 2.0, "points": points}
    penalty = make_regulariser("zero_gp", options, noise)(network, real, fake)  # type: ignore[misc]
    torch.testing.assert_close(penalty, 2 * norm**2)
    penalty.backward()
    torch.testing.assert_close(network.weight.grad, 4 * weight)


def test_penalty_takes_each_images_own_slope() -> None:
    """D(x) = sum x^2 has the slope 2x: the penalty is the mean of 4 |x|^2 over the real images."""

    class Quadratic(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.square().flatten(1).sum(1)

    real = torch.randn(5, 3, 2, 2)
    penalty = make_regulariser("zero_gp", {"weight": 1.0}, torch.Generator())
    assert penalty is not None
    expected = 4 * real.square().flatten(1).sum(1).mean()
    torch.testing.assert_close(penalty(Quadratic(), real, real).detach(), expected)


def test_gradient_penalty_is_finite_where_the_slope_is_zero() -> None:
    network = LinearD(torch.zeros(3, 2, 2))
    penalty = make_regulariser("gradient_penalty", {}, torch.Generator())
    assert penalty is not None
    value = penalty(network, torch.randn(2, 3, 2, 2), torch.randn(2, 3, 2, 2))
    value.backward()
    assert value.item() == pytest.approx(10, rel=1e-4)
    assert network.weight.grad is not None
    assert torch.isfinite(network.weight.grad).all()


def test_interpolates_lie_between_with_one_share_an_image() -> None:
    real, fake = torch.ones(8, 3, 4, 4), torch.zeros(8, 3, 4, 4)
    penalty = make_regulariser("gradient_penalty", {}, torch.Generator())
    assert isinstance(penalty, PenaltyAtPoints)
    points = penalty.points(real, fake)
    shares = points[:, 0, 0, 0]
    torch.testing.assert_close(points, shares[:, None, None, None].expand_as(points))
    assert shares.unique().numel() == 8
    assert ((shares >= 0) & (shares <= 1)).all()


def test_a_penalty_that_draws_must_say_so() -> None:
    """Else its update could become a CUDA graph, which repeats the numbers of its capture."""

    class Jittered(Regulariser):
        def penalty(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
            return discriminator(real + torch.randn(real.shape, generator=self.noise)).mean()

    class Honest(Jittered):
        def draws(self) -> bool:
            return True

    batch, options = torch.zeros(2, 3, 2, 2), RegulariserOptions()
    with pytest.raises(RuntimeError, match=r"Jittered draws random numbers: let its draws\(\) return True"):
        Jittered(options, torch.Generator())(LinearD(torch.ones(3, 2, 2)), batch, batch)
    assert Honest(options, torch.Generator())(LinearD(torch.ones(3, 2, 2)), batch, batch).isfinite()


def test_registry_lists_and_refuses() -> None:
    assert set(regulariser_names()) >= {"gradient_penalty", "zero_gp"}
    assert parse_regulariser("none", {}) is None
    with pytest.raises(ReproError, match=r"lipschitz_penalty\? choose one of ar, banach_penalty"):
        parse_regulariser("lipschitz", {})
    with pytest.raises(ReproError, match=r"has no option 'wieght'\n.*options of zero_gp: weight, points"):
        parse_regulariser("zero_gp", {"wieght": 1})
    with pytest.raises(ValueError, match="without a regulariser"):
        parse_regulariser("none", {"weight": 1})
