"""The fast loop trains as a plain eager one does: equal losses and weights up to rounding."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

from method_cases import gan_of
from peers import peers
from plain_gan import Discriminator, Generator, PlainLoop, Recipe, adopt
from repro.attacks import ThreatModel
from repro.core.device import set_deterministic
from repro.core.spec import RunSpec
from repro.methods.gan_base import GanMethod
from small_run import small_run

SPEC = small_run("gan", seed=1, width=0.1, options={"network": "sngan", "n_dis": 2})
RECIPE = Recipe(n_dis=2, steps=SPEC.steps)


class SameFeed:
    """What the method's own streams and batches would give."""

    def __init__(self, method: GanMethod) -> None:
        self.method = method

    def images(self) -> Tensor:
        return self.method.real_images()

    def latents(self, n: int) -> Tensor:
        return self.method.latents(n)

    def shares(self, n: int) -> Tensor:
        assert self.method.regulariser is not None
        return torch.rand(n, 1, 1, 1, generator=self.method.regulariser.noise)


def made(spec: RunSpec = SPEC) -> GanMethod:
    return gan_of(spec, images=40)


def plain_copy(method: GanMethod, feed: GanMethod) -> PlainLoop:
    generator = Generator(method.G.first.out_features // 16).to(method.device)
    discriminator = Discriminator(method.D.last.in_features).to(method.device)
    adopt(generator, method.G)
    adopt(discriminator, method.D)
    return PlainLoop(generator, discriminator, SameFeed(feed), SPEC.batch_size, RECIPE)


def test_equal_loss_trace_to_the_plain_loop() -> None:
    fast, feed = made(), made()
    plain = plain_copy(fast, feed)
    for step in range(SPEC.steps):
        ours, theirs = fast.step(step), plain.step()
        for name, value in theirs.items():
            assert float(ours[name]) == pytest.approx(value, rel=1e-3, abs=1e-4), (step, name)
    torch.testing.assert_close(fast.D.last.spectral.u, plain.D.last.weight_u, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "recipe"),
    [
        (
            {"network": "dcgan", "loss": "non_saturating", "n_dis": 1, "beta1": 0.5, "decay": "none"},
            Recipe("non_saturating", betas=(0.5, 0.9), n_dis=1),
        ),
        (
            {
                "network": "wgan_gp_resnet",
                "loss": "wasserstein",
                "regulariser": "gradient_penalty",
                "n_dis": 2,
            },
            Recipe("wasserstein", penalty=10.0, n_dis=2, steps=SPEC.steps),
        ),
    ],
    ids=["dcgan", "wgan_gp_resnet"],
)
def test_equal_loss_trace_on_the_same_networks(options: dict[str, Any], recipe: Recipe) -> None:
    spec = small_run("gan", seed=1, width=0.1, options=options)
    fast, feed = made(spec), made(spec)
    copies = deepcopy(fast.G), deepcopy(fast.D)
    plain = PlainLoop(*copies, SameFeed(feed), spec.batch_size, recipe)
    for step in range(spec.steps):
        ours, theirs = fast.step(step), plain.step()
        for name, value in theirs.items():
            assert float(ours[name]) == pytest.approx(value, rel=1e-3, abs=1e-4), (step, name)


def test_the_comparison_would_see_another_training() -> None:
    fast, feed = made(), made()
    plain = plain_copy(fast, feed)
    plain.recipe = Recipe(n_dis=1, steps=SPEC.steps)
    fast.step(0), plain.step()
    assert float(fast.step(1)["d_loss"]) != pytest.approx(plain.step()["d_loss"], rel=1e-3, abs=1e-4)


def test_what_is_compared_with_runs_as_its_users_do() -> None:
    """Deterministic mode is ours: on CUDA it makes a bilinear doubling's gradient several times slower."""
    seen: list[tuple[bool, bool]] = []

    def note(*_: object) -> None:
        seen.append((torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark))

    set_deterministic()
    fast, plain = made(), plain_copy(made(), made())
    fast.D.register_forward_hook(note)
    fast.step(0)
    assert {*seen} == {(True, False)}
    seen.clear()
    plain.D.register_forward_hook(note)
    plain.step()
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3)).eval()
    network.register_forward_hook(note)
    for attack in peers(network, ThreatModel(radius=0.1, step_size=0.05, steps=1)).values():
        attack(torch.rand(2, 3, 2, 2), torch.tensor([0, 1]))
    assert {*seen} == {(False, True)}
    note()
    assert seen[-1] == (True, False)
