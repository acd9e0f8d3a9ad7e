"""DAT's step and RGAN's directions on linear discriminators, and what they must leave alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from attack_cases import LinearD
from repro.attacks.dat_step import DatStep, PerturbedImages
from repro.attacks.kernels.unit_direction import unit_direction
from repro.attacks.rgan_directions import (
    DirectionSearch,
    image_directions,
    noise_directions,
    random_directions,
)
from repro.attacks.threat_model import SYMMETRIC
from repro.core.errors import ReproError
from repro.methods.losses import make_loss
from repro.methods.registry import validate_options
from repro.models import dcgan, sngan

HINGE = make_loss("hinge")


def setting() -> tuple[LinearD, Tensor, Tensor]:
    """A linear D, real images with logits of 0.6 and fake ones of -0.6, give or take 0.2."""
    torch.manual_seed(0)
    weight = torch.randn(3, 4, 4) / 7
    along = weight / weight.square().sum()
    real_logits, fake_logits = torch.tensor([0.4, 0.6, 0.8, 0.6]), torch.tensor([-0.4, -0.6, -0.8, -0.6])
    return LinearD(weight), real_logits[:, None, None, None] * along, fake_logits[:, None, None, None] * along


def attack(**options: Any) -> DatStep:
    return DatStep(options.pop("loss", HINGE), bounds=SYMMETRIC, **{"clip_fake": False, **options})


@pytest.mark.parametrize("targets", ["eq10", "algorithm1", "raw"])
@pytest.mark.parametrize("epsilon", [1.0, 0.6])
def test_every_image_moves_against_its_own_sign(targets: str, epsilon: float) -> None:
    """All hinge functions are on their slopes of +-1 here.

    Eq. 10: g1(real) - mean g1(fake) = D(x_r) + 0.6 > 0, so that the real image moves by -eps w; and
    g2(fake) - mean g2(real) = 0.6 - D(x_f) > 0 with slope -w: the fake one moves by +eps w.
    """
    network, real, fake = setting()
    out = attack(targets=targets, epsilon=epsilon)(network, real, fake)
    step = epsilon * network.weight.detach()
    torch.testing.assert_close(out.real, real - step.expand_as(real))
    torch.testing.assert_close(out.fake, fake + step.expand_as(fake))


def test_one_sign_a_sample_or_one_for_the_batch() -> None:
    """Eq. 13: an image on the wrong side is pushed further, which the batch mean of the code cannot do."""
    network, real, fake = setting()
    real[0] = fake[2] * 1.1  # logit -0.88, below the mean of the fakes
    step = network.weight.detach()
    out = attack(targets="raw")(network, real, fake)
    torch.testing.assert_close(out.real[0], real[0] + step)
    torch.testing.assert_close(out.real[1], real[1] - step)
    out = attack(targets="raw", reduction="batch_mean")(network, real, fake)
    torch.testing.assert_close(out.real, real - (step / 4).expand_as(real))


def test_eq10_and_algorithm1_differ_where_the_hinge_is_flat() -> None:
    """g1 is flat above 1, so eq. 10 leaves a confident real image alone; g2 of Algorithm 1 moves it."""
    network, real, fake = setting()
    real = 5 * real
    untouched = attack(targets="eq10")(network, real, fake)
    torch.testing.assert_close(untouched.real, real)
    swapped = attack(targets="algorithm1")(network, real, fake)
    torch.testing.assert_close(swapped.real, real - network.weight.detach().expand_as(real))


@pytest.mark.parametrize(("target_mean", "sign"), [("of_functions", -1), ("of_logits", 1)])
def test_the_target_is_a_mean_of_functions_or_the_function_of_a_mean(target_mean: str, sign: int) -> None:
    """A real image of logit -0.75, where g1 = -1.75, and fake ones of -3 and 2.

    Their mean g1 is (-4 + 0) / 2 = -2, below the image, which moves down; g1 of their mean -0.5 is -1.5,
    above it. With all signs turned, g2 gives the same for a fake image of 0.75 and real ones of 3 and -2.
    """
    network, real, _ = setting()
    step = network.weight.detach()
    one, two = (torch.tensor(t)[:, None, None, None] * real[1] / 0.6 for t in ([-0.75, -2.0], [-3.0, 2.0]))
    moved = attack(target_mean=target_mean)(network, one, two).real
    torch.testing.assert_close(moved[0], one[0] + sign * step)
    moved = attack(target_mean=target_mean)(network, -two, -one).fake
    torch.testing.assert_close(moved[0], -one[0] - sign * step)


def test_a_reading_refuses_what_has_no_effect() -> None:
    for name in ("dat", "asgan", "toy_dat"):
        with pytest.raises(ReproError, match="for ssgan_dat and infomax_gan_dat"):
            validate_options(name, {"auxiliary_images": "clean"})
    for name in ("ssgan_dat", "infomax_gan_dat"):
        validate_options(name, {"auxiliary_images": "perturbed"})


@pytest.mark.parametrize("targets", ["eq10", "algorithm1", "raw"])
def test_batch_mean_is_one_mth_of_the_sample_step(targets: str) -> None:
    network, real, fake = setting()
    whole = attack(targets=targets, reduction="sample")(network, real, fake)
    mean = attack(targets=targets, reduction="batch_mean")(network, real, fake)
    torch.testing.assert_close(mean.real - real, (whole.real - real) / 4)
    torch.testing.assert_close(mean.fake - fake, (whole.fake - fake) / 4)


def test_zero_epsilon_is_the_identity() -> None:
    network, images = sngan.Discriminator(width=0.03), torch.rand(4, 3, 32, 32) * 2 - 1
    out = attack(epsilon=0.0, steps=2, clip_fake=True, clip_real=True)(network, images, -images)
    assert torch.equal(out.real, images)
    assert torch.equal(out.fake, -images)


def test_steps_refresh_and_division() -> None:
    """Each step of a linear D moves logits by eps |w|^2; raw targets, so the sign may change."""
    network, real, fake = setting()
    w = network.weight.detach()
    drop = w.square().sum().item()

    def logit(out: PerturbedImages) -> float:
        return network(out.real)[1].item()

    epsilon = 1.0 / drop  # one step lowers the logit by 1: 0.6 -> -0.4, two to -1.4
    assert logit(attack(targets="raw", epsilon=epsilon)(network, real, fake)) == pytest.approx(-0.4, abs=1e-5)
    two = attack(targets="raw", epsilon=epsilon, steps=2)(network, real, fake)
    assert logit(two) == pytest.approx(
        -1.4, abs=1e-5
    )  # still above the clean target -0.6 before the second step
    # Refreshed, the target is the moved fakes' mean, +0.4: the second step goes up again.
    fresh = attack(targets="raw", epsilon=epsilon, steps=2, refresh_targets=True)(network, real, fake)
    assert logit(fresh) == pytest.approx(0.6, abs=1e-5)
    divided = attack(targets="raw", epsilon=epsilon, steps=4, divide_epsilon=True)(network, real, fake)
    assert logit(divided) == pytest.approx(-0.4, abs=1e-5)


def test_clamp_and_clips() -> None:
    network, real, fake = setting()
    out = attack(epsilon=100.0, clamp=0.25)(network, real, fake)
    assert (out.real - real).abs().max() <= 0.25 + 1e-6
    wild = attack(epsilon=100.0)(network, real, fake)
    assert wild.real.abs().max() > 1
    assert wild.fake.abs().max() > 1
    boxed = attack(epsilon=100.0, clip_real=True, clip_fake=True)(network, real, fake)
    torch.testing.assert_close(boxed.real, wild.real.clamp(-1, 1))
    torch.testing.assert_close(boxed.fake, wild.fake.clamp(-1, 1))


@settings(max_examples=25)
@given(seed=st.integers(0, 2**31), epsilon=st.floats(0, 1e3), steps=st.integers(1, 3))
def test_the_box_holds_and_the_order_of_images_does_not_matter(seed: int, epsilon: float, steps: int) -> None:
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(3, 2, 3), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(18, 1), nn.Flatten(0)
    )
    real, fake = torch.rand(2, 4, 3, 5, 5) * 2 - 1
    step = attack(epsilon=epsilon, steps=steps, clip_real=True, clip_fake=True)
    out = step(network, real, fake)
    assert max(out.real.abs().max(), out.fake.abs().max()) <= 1
    order = torch.randperm(4)
    shuffled = step(network, real[order], fake)
    torch.testing.assert_close(shuffled.real, out.real[order], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("freeze", [True, False])
def test_the_discriminator_is_left_alone(freeze: bool) -> None:
    """No parameter gradient, no batch statistics moved; spectral-norm vectors move unless they are frozen."""
    images = torch.rand(4, 3, 32, 32) * 2 - 1
    for network in (sngan.Discriminator(width=0.03), dcgan.Discriminator(width=0.03)):
        before = {name: buffer.clone() for name, buffer in network.named_buffers()}
        out = attack(freeze_spectral_norm=freeze)(network, images, -images)
        assert not out.real.requires_grad
        assert all(p.grad is None and p.requires_grad for p in network.parameters())
        assert all(module.training for module in network.modules())
        for name, buffer in network.named_buffers():
            if ".spectral." not in name or freeze:
                assert torch.equal(before[name], buffer), name
            elif not name.startswith("last"):  # vectors of a one-row matrix are exact at once
                assert not torch.equal(before[name], buffer), name


def test_inputs_are_not_changed_in_place_and_no_grad_is_overruled() -> None:
    network, real, fake = setting()
    copies = real.clone(), fake.clone()
    with torch.no_grad():
        out = attack(clip_real=True, clip_fake=True)(network, real, fake)
    assert torch.equal(real, copies[0])
    assert torch.equal(fake, copies[1])
    assert not real.requires_grad
    assert not torch.equal(out.real, real)


# RGAN


def test_directions_have_unit_length() -> None:
    """Also where squares overflow; attacks/test_kernels.py has smaller vectors, and those of length 0."""
    vectors = unit_direction(torch.randn(16, 3, 8, 8) * 1e25)
    torch.testing.assert_close(vectors.flatten(1).norm(dim=1), torch.ones(16))
    noise = random_directions(vectors, torch.Generator())
    torch.testing.assert_close(noise.flatten(1).norm(dim=1), torch.ones(16))


def test_a_zero_gradient_gives_a_zero_direction() -> None:
    network, images = LinearD(torch.zeros(3, 2, 2)), torch.randn(3, 3, 2, 2)
    first, second = image_directions(network, HINGE, images, images)
    assert torch.equal(first, torch.zeros_like(images))
    assert torch.equal(second, torch.zeros_like(images))


@pytest.mark.parametrize("loss", ["non_saturating", "hinge", "wasserstein", "saturating"])
def test_directions_of_a_linear_discriminator(loss: str) -> None:
    """Real images go against w, fake ones along it (Eq. 10)."""
    network, real, fake = setting()
    direction = network.weight.detach() / network.weight.detach().norm()
    first, second = image_directions(network, make_loss(loss), real, fake)  # type: ignore[arg-type]
    torch.testing.assert_close(first, -direction.expand_as(real))
    torch.testing.assert_close(second, direction.expand_as(fake))


@pytest.mark.parametrize("loss", ["non_saturating", "saturating", "hinge"])
def test_noise_direction_and_its_sign(loss: str) -> None:
    """G(z) = A z: the worst noise lowers the logit, along -A'w (Eq. 9); Algorithm 1 as printed raises it."""
    torch.manual_seed(0)
    network, _, _ = setting()

    class LinearG(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.matrix = nn.Parameter(torch.randn(48, 6))

        def forward(self, z: Tensor) -> Tensor:
            return (z @ self.matrix.T).view(-1, 3, 4, 4)

    generator, z = LinearG(), torch.randn(5, 6)
    chosen = make_loss(loss)  # type: ignore[arg-type]
    worst = noise_directions(generator, network, chosen, z)
    pulled = generator.matrix.detach().T @ network.weight.detach().flatten()
    torch.testing.assert_close(worst, (-pulled / pulled.norm()).expand_as(z))
    literal = DirectionSearch(sign="literal_algorithm")
    easiest = noise_directions(generator, network, chosen, z, search=literal)
    torch.testing.assert_close(easiest, -worst)
    assert all(p.grad is None and p.requires_grad for p in (*generator.parameters(), *network.parameters()))


def test_several_steps_from_a_random_start_find_what_one_from_the_clean_point_cannot() -> None:
    """At 0 the slope of x'Ax is 0; from beside it each step is one of the power method on A."""
    draw = torch.Generator().manual_seed(2)
    vectors, _ = torch.linalg.qr(torch.randn(6, 6, generator=draw, dtype=torch.float64))
    matrix = vectors @ torch.diag(torch.tensor([4.0, 1, 1, 0.5, 0.2, 0.1]).double()) @ vectors.T
    points = torch.zeros(5, 6, dtype=torch.float64)

    def objective(x: Tensor) -> Tensor:
        return (x @ matrix * x).sum(1)

    assert not DirectionSearch().climb(objective, points).any()
    found = DirectionSearch(30, 0.1, draw).climb(objective, points)
    torch.testing.assert_close((found @ vectors[:, 0]).abs(), torch.ones(5, dtype=torch.float64))
    # one step from the clean point is the first of several
    other = points + torch.randn(5, 6, generator=draw, dtype=torch.float64)
    first = DirectionSearch().climb(objective, other)
    torch.testing.assert_close(
        DirectionSearch(2, 0.3).climb(objective, other),
        DirectionSearch().climb(objective, other + 0.3 * first),
    )


def critic(seed: int) -> tuple[nn.Module, Tensor, Tensor]:
    """A curved D in float64, real and fake images (5,3,5,5)."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.Softplus(), nn.Flatten(), nn.Linear(36, 1), nn.Flatten(0)
    ).double()
    real, fake = torch.rand(2, 5, 3, 5, 5, dtype=torch.float64) * 2 - 1
    return network, real, fake


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**31),
    loss=st.sampled_from(["non_saturating", "saturating", "wasserstein"]),
    steps=st.integers(1, 3),
)
def test_slopes_of_logit_and_loss_point_alike_where_the_loss_has_no_margin(
    seed: int, loss: str, steps: int
) -> None:
    network, real, fake = critic(seed)
    found = [
        image_directions(
            network,
            make_loss(loss),
            real,
            fake,
            search=DirectionSearch(steps, 0.5, of=of),  # type: ignore[arg-type]
        )
        for of in ("logit", "loss")
    ]
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_beyond_the_hinges_margin_images_still_move_against_d() -> None:
    network, real, fake = critic(3)
    network[3].weight.data *= 20  # type: ignore[index, operator]
    last = network[3].bias  # type: ignore[index]
    with torch.no_grad():
        logits = network(torch.cat([real, fake]))
    for side, at in (("real", 1.5 - logits.min()), ("fake", -1.5 - logits.max())):
        last.data += at  # type: ignore[union-attr, operator]
        images, index = (real, 0) if side == "real" else (fake, 1)
        flat = image_directions(network, HINGE, real, fake, search=DirectionSearch(of="loss"))[index]
        assert not flat.any()
        direction = image_directions(network, HINGE, real, fake)[index]
        torch.testing.assert_close(direction.flatten(1).norm(dim=1), torch.ones(5, dtype=torch.float64))
        with torch.no_grad():
            change = network(images + 0.05 * direction) - network(images)
        assert ((change < 0) if side == "real" else (change > 0)).all()
        last.data -= at  # type: ignore[union-attr, operator]


def test_saturated_discriminators_still_give_a_direction() -> None:
    """At a logit of 60 the slope of log sigmoid is 1e-26; its square is zero in float32."""
    network, real, fake = setting()
    search = DirectionSearch(of="loss")
    first, _ = image_directions(network, make_loss("non_saturating"), 100 * real, fake, search=search)
    torch.testing.assert_close(first.flatten(1).norm(dim=1), torch.ones(4))


def test_rgan_leaves_all_statistics_alone() -> None:
    generator, network = dcgan.Generator(width=0.05, latent_dim=5), sngan.Discriminator(width=0.03)
    parts = nn.ModuleDict({"g": generator, "d": network})
    before = {name: buffer.clone() for name, buffer in parts.named_buffers()}
    noise_directions(generator, network, HINGE, torch.randn(4, 5))
    image_directions(network, HINGE, torch.randn(4, 3, 32, 32), torch.randn(4, 3, 32, 32))
    assert all(torch.equal(before[name], buffer) for name, buffer in parts.named_buffers())


@pytest.mark.parametrize("refresh", [False, True])
@pytest.mark.parametrize("steps", [1, 3])
def test_targets_of_their_own_cost_passes_and_change_nothing_else(steps: int, refresh: bool) -> None:
    """Without spectral norm the published code's second pass of the clean images repeats the first."""
    draw = torch.Generator().manual_seed(5)
    real, fake = (torch.rand(6, 3, 4, 4, generator=draw) * 2 - 1 for _ in range(2))
    critic = nn.Sequential(nn.Flatten(), nn.Linear(48, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))
    passes: list[bool] = []
    critic.register_forward_hook(lambda *_: passes.append(True))
    made = []
    for separate in (False, True):
        passes.clear()
        options = {"steps": steps, "refresh_targets": refresh, "separate_targets": separate}
        made.append(attack(**options)(critic, real, fake))
        assert len(passes) == 2 * steps + (2 * (steps if refresh else 1) if separate else 0)
    for one, other in zip(*made, strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(made[0].real, real)
