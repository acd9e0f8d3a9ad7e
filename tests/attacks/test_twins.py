"""Twins of generated images and iterations to flip, against what is known exactly of linear networks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from attack_cases import LinearD
from repro.attacks.balls import BALLS
from repro.attacks.flips import iterations_to_flip
from repro.attacks.threat_model import SYMMETRIC, Norm, ThreatModel
from repro.attacks.twins import TwinSearch, latent_twins
from repro.attacks.two_classes import REAL, TwoClasses
from repro.core.errors import ReproError

SHAPE = (3, 2, 2)
SIZE = 12


def plain_generator(z: Tensor) -> Tensor:
    """Show the latent itself as an image."""
    return z.view(-1, *SHAPE)


def steepest(slope: Tensor, norm: Norm) -> float:
    """By how much a step of length 1 can raise d: the dual norm of its slope."""
    return (slope.abs().sum() if norm == "linf" else slope.norm()).item()


def latents_at(values: Tensor, slope: Tensor) -> Tensor:
    """Latents at which d = a . x has the given values."""
    noise = torch.randn(len(values), SIZE, generator=torch.Generator().manual_seed(3))
    along = slope / slope.square().sum()
    return noise - (noise @ slope)[:, None] * along + values[:, None] * along


def twins(network: TwoClasses, z: Tensor, **fields: object) -> Tensor:
    search = TwinSearch.model_validate(fields)
    return latent_twins(plain_generator, network, z, search, torch.Generator().manual_seed(0)).found


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_which_latents_have_a_twin_is_known_of_a_linear_discriminator(norm: Norm) -> None:
    """A twin exists exactly where d lies less than delta times the slope's dual norm below 0."""
    slope = torch.linspace(-1, 2, SIZE)
    most = 0.1 * steepest(slope, norm)
    shares = torch.cat([torch.linspace(0.05, 0.9, 40), torch.linspace(1.01, 3, 40)])
    z = latents_at(-most * shares, slope)
    network = TwoClasses(LinearD(slope))
    found = twins(network, z, norm=norm, delta=0.1, steps=40)
    assert found[:40].all()
    assert not found[40:].any()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_what_is_found_is_near_and_taken_for_real(norm: Norm) -> None:
    torch.manual_seed(1)
    generator = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, SIZE), nn.Tanh())
    critic = nn.Sequential(nn.Flatten(), nn.Linear(SIZE, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0))
    z = torch.randn(200, 6)
    threshold = critic(plain_generator(generator(z))).quantile(0.8).item()
    network = TwoClasses(critic, threshold)
    before = [parameter.clone() for parameter in critic.parameters()]
    search = TwinSearch(norm=norm, delta=0.2, starts=2)
    found, latents = latent_twins(
        lambda z: plain_generator(generator(z)), network, z, search, torch.Generator().manual_seed(0)
    )
    images, moved = plain_generator(generator(z)), plain_generator(generator(latents))
    own = network.verdicts(images) == REAL
    assert own.sum() == 40
    assert found[own].all()
    assert torch.equal(latents[own], z[own])
    assert (found & ~own).sum() > 10
    assert (network.verdicts(moved)[found] == REAL).all()
    assert BALLS[norm].length(moved - images).max() <= 0.2 * (1 + 1e-5)
    assert torch.equal(latents[~found], z[~found])
    assert all(parameter.requires_grad and parameter.grad is None for parameter in critic.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, critic.parameters(), strict=True))


def test_a_larger_ball_or_budget_finds_more() -> None:
    slope = torch.linspace(-1, 2, SIZE)
    z = latents_at(-torch.linspace(0.1, 3, 60), slope)
    network = TwoClasses(LinearD(slope))
    small, large = (twins(network, z, delta=delta) for delta in (0.05, 0.1))
    assert large[small].all()
    assert large.sum() > small.sum()
    assert twins(network, z, delta=0.1, steps=1).sum() < large.sum()


def test_further_starts_find_what_the_first_cannot() -> None:
    """D is flat at the latent itself (a closed ReLU), so that only a start elsewhere has a slope to climb."""
    kink = nn.Sequential(nn.Flatten(), nn.Linear(SIZE, 1), nn.ReLU(), nn.Flatten(0))
    with torch.no_grad():
        kink[1].weight.fill_(1.0)  # type: ignore[union-attr, operator]
        kink[1].bias.fill_(-0.05)  # type: ignore[union-attr, operator]
    network = TwoClasses(kink, threshold=0.3)
    z = torch.zeros(50, SIZE)
    assert not twins(network, z, delta=0.1, starts=1).any()
    assert twins(network, z, delta=0.1, starts=8).sum() > 25


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_iterations_to_flip_a_linear_discriminator(norm: Norm) -> None:
    """Each step changes d by step times the dual norm, so the count is the distance over that, rounded up."""
    slope = torch.linspace(-1, 2, SIZE)
    wanted = torch.arange(1, 9).repeat(2)
    values = (wanted - 0.5) * 0.03 * steepest(slope, norm) * torch.tensor([1.0, -1.0]).repeat_interleave(8)
    images = 0.2 * latents_at(5 * values, slope).view(-1, *SHAPE)
    threat = ThreatModel(norm=norm, radius=2, step_size=0.03, steps=20, bounds=SYMMETRIC, loss="cw_margin")
    assert images.abs().max() < 1 - 9 * 0.03  # the box stops no pixel
    network = TwoClasses(LinearD(slope))
    flips = iterations_to_flip(network, images, threat)
    assert flips.flipped.all()
    assert torch.equal(flips.iterations, wanted)
    assert (network.verdicts(flips.attacked) != network.verdicts(images)).all()
    short = iterations_to_flip(network, images, threat.model_copy(update={"steps": 5}))
    assert torch.equal(short.flipped, wanted <= 5)
    assert torch.equal(short.iterations, wanted.clamp_max(5))


def test_an_image_that_has_flipped_moves_no_more() -> None:
    slope = torch.linspace(-1, 2, SIZE)
    images = latents_at(torch.tensor([0.01, 0.5]), slope).view(-1, *SHAPE) * 0.1
    threat = ThreatModel(radius=2, step_size=0.02, steps=9, bounds=SYMMETRIC, loss="cw_margin")
    flips = iterations_to_flip(TwoClasses(LinearD(slope)), images, threat)
    assert flips.iterations[0] == 1
    moved = (flips.attacked - images).flatten(1).abs().amax(dim=1)
    assert moved == pytest.approx(0.02 * flips.iterations.float(), abs=1e-6)


@settings(max_examples=20)
@given(st.floats(-1, 1), st.floats(-2, 2))
def test_the_two_classes_are_the_sides_of_the_threshold(threshold: float, bias: float) -> None:
    slope = torch.linspace(-1, 2, SIZE)
    critic = LinearD(slope, bias)
    network = TwoClasses(critic, threshold)
    images = torch.randn(20, *SHAPE, generator=torch.Generator().manual_seed(0))
    outputs = critic(images) - threshold
    assert torch.equal(network.verdicts(images) == REAL, outputs > 0)
    share = network(images).softmax(dim=1)[:, REAL]
    torch.testing.assert_close(share, torch.sigmoid(outputs), rtol=1e-4, atol=1e-5)


def test_attacks_that_cannot_be_counted_are_refused() -> None:
    network, images = TwoClasses(LinearD(torch.ones(SIZE))), torch.zeros(1, *SHAPE)
    random = ThreatModel(radius=1, step_size=0.1, random_start=True, bounds=SYMMETRIC)
    with pytest.raises(ValueError, match="from the image itself"):
        iterations_to_flip(network, images, random)
    plain = ThreatModel(radius=1, step_size=0.1, bounds=SYMMETRIC)
    with pytest.raises(ReproError, match=r"values in \[3, 3\]"):
        iterations_to_flip(network, images + 3, plain)


def test_batch_statistics_are_refused() -> None:
    """The batch shrinks as images flip, so that a verdict would depend on which others are left."""
    network, images = TwoClasses(LinearD(torch.ones(SIZE))), torch.zeros(2, *SHAPE)
    threat = ThreatModel(radius=1, step_size=0.1, bounds=SYMMETRIC, batch_norm_mode="train")
    with pytest.raises(ReproError, match="which images are left") as caught:
        iterations_to_flip(network, images, threat)
    assert caught.value.remedy == "leave batch_norm_mode at 'eval'"
    assert iterations_to_flip(network, images, threat.model_copy(update={"batch_norm_mode": "eval"}))


def test_a_gradient_that_is_no_number_is_refused() -> None:
    class Rooted(LinearD):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images) + (images.sum(dim=(1, 2, 3)) * 0).sqrt()

    threat = ThreatModel(radius=1, step_size=0.1, steps=3, bounds=SYMMETRIC)
    with pytest.raises(ReproError, match="gradient of the network's loss contains NaN"):
        iterations_to_flip(TwoClasses(Rooted(torch.ones(SIZE))), torch.zeros(2, *SHAPE), threat)
