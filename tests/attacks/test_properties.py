"""What must hold for every attack, driven by one table of attacks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attack_cases import CASES, Case, Rescaled, Smooth
from repro.attacks.balls import BALLS
from repro.attacks.objective import losses
from repro.attacks.threat_model import SYMMETRIC, UNIT, Bounds, Norm

RADII = st.floats(0.001, 1.0)
SEEDS = st.integers(0, 10_000)
BOUNDS = st.sampled_from([UNIT, SYMMETRIC])
every_attack = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
few = settings(max_examples=15)


def batch(seed: int, bounds: Bounds = UNIT, n: int = 5) -> tuple[Tensor, Tensor]:
    """Random images in the bounds, some values on the edge, and random labels."""
    generator = torch.Generator().manual_seed(seed)
    images = (torch.rand(n, 3, 4, 4, generator=generator) * 1.2 - 0.1).clamp(0, 1)
    return UNIT.to(bounds, images), torch.randint(4, (n,), generator=generator)


@every_attack
@given(seed=SEEDS, radius=RADII, bounds=BOUNDS)
@few
def test_result_stays_in_ball_and_box(case: Case, seed: int, radius: float, bounds: Bounds) -> None:
    images, labels = batch(seed, bounds)
    attacked = case.make(Rescaled(Smooth(), bounds), radius, bounds)(images, labels)
    assert attacked.shape == images.shape
    assert attacked.dtype == torch.float32
    assert not attacked.requires_grad
    assert BALLS[case.norm].length(attacked - images).max() <= radius * (1 + 1e-5) + 1e-6
    assert attacked.min() >= bounds.low
    assert attacked.max() <= bounds.high


@every_attack
@given(seed=SEEDS)
@few
def test_radius_zero_is_the_identity(case: Case, seed: int) -> None:
    images, labels = batch(seed)
    assert torch.equal(case.make(Smooth(), 0.0, UNIT)(images, labels), images)


@every_attack
@given(seed=SEEDS)
@few
def test_a_tiny_radius_is_nearly_the_identity_and_still_moves(case: Case, seed: int) -> None:
    images, labels = batch(seed)
    attacked = case.make(Smooth(), 1e-3, UNIT)(images, labels)
    distance = BALLS[case.norm].length(attacked - images)
    assert distance.max() <= 1e-3 + 1e-6
    assert distance.min() > 0


@every_attack
@given(seed=SEEDS, radius=st.floats(0.001, 0.05))
@few
def test_a_small_step_raises_every_images_loss(case: Case, seed: int, radius: float) -> None:
    network = Smooth()
    images, labels = batch(seed)
    attacked = case.make(network, radius, UNIT)(images, labels)
    kind = "cw_margin" if "margin" in case.name else "cross_entropy"
    with torch.no_grad():
        before = losses(network(images), labels, kind)
        after = losses(network(attacked), labels, kind)
    rising = after > before
    # with a saturated tanh or at a corner of the box there may be nothing to gain, but never much to lose
    assert rising.float().mean() >= 0.5
    assert (after >= before - 1e-4).all()


@pytest.mark.parametrize("case", [case for case in CASES if not case.random], ids=lambda case: case.name)
@given(seed=SEEDS, radius=RADII)
@few
def test_permuting_the_batch_permutes_the_result(case: Case, seed: int, radius: float) -> None:
    images, labels = batch(seed)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    network = Smooth()
    attacked = case.make(network, radius, UNIT)(images, labels)
    permuted = case.make(network, radius, UNIT)(images[order], labels[order])
    assert torch.equal(permuted, attacked[order])


@every_attack
@given(seed=SEEDS, radius=st.floats(0.01, 0.5))
@few
def test_the_pixel_range_does_not_matter(case: Case, seed: int, radius: float) -> None:
    images, labels = batch(seed)
    network = Smooth()
    attacked = case.make(network, radius, UNIT)(images, labels)
    wide = case.make(Rescaled(network, SYMMETRIC), 2 * radius, SYMMETRIC)
    back = SYMMETRIC.to(UNIT, wide(UNIT.to(SYMMETRIC, images), labels))
    torch.testing.assert_close(back, attacked, atol=2e-4, rtol=0)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@given(seed=SEEDS, radius=RADII, size=st.floats(0, 10))
@few
def test_projection_is_idempotent_and_leaves_the_inside_alone(
    norm: Norm, seed: int, radius: float, size: float
) -> None:
    ball = BALLS[norm]
    generator = torch.Generator().manual_seed(seed)
    perturbation = torch.randn(6, 3, 4, 4, generator=generator) * size
    zero = torch.zeros_like(perturbation)
    ball.step_(once := perturbation.clone(), zero, zero, 0.0, radius, None)
    ball.step_(twice := once.clone(), zero, zero, 0.0, radius, None)
    torch.testing.assert_close(twice, once)
    assert ball.length(once).max() <= radius * (1 + 1e-5)
    inside = ball.length(perturbation) <= radius
    torch.testing.assert_close(once[inside], perturbation[inside])


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_random_points_fill_the_ball(norm: Norm) -> None:
    points = torch.empty(4000, 1, 1, 2)
    wide, generator = Bounds(low=-9.0, high=9.0), torch.Generator().manual_seed(0)
    BALLS[norm].start_(points, torch.zeros_like(points), 2.0, wide, generator)
    lengths = BALLS[norm].length(points)
    assert lengths.max() <= 2.0 + 1e-6
    # in two dimensions the share within radius r is (r / 2) ** 2, for the square as for the disc
    for r in (0.5, 1.0, 1.5):
        assert (lengths <= r).float().mean().item() == pytest.approx((r / 2) ** 2, abs=0.03)
    assert points.mean().abs() < 0.05


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_direction_survives_gradients_too_small_to_square(norm: Norm) -> None:
    def direction(gradient: torch.Tensor) -> torch.Tensor:
        moved = torch.zeros_like(gradient)
        BALLS[norm].step_(moved, torch.zeros_like(moved), gradient, 1.0, 9.0, None)
        return moved

    gradient = torch.randn(3, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(direction(gradient * 1e-25), direction(gradient))
    torch.testing.assert_close(BALLS[norm].length(direction(gradient)), torch.ones(3))
    assert not direction(torch.zeros(1, 3, 4, 4)).any()
