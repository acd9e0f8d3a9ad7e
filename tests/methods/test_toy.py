"""The toy GAN on nine Gaussians: networks, what training reaches, DAT on points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from method_cases import equal, gan_of, weights
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.methods.gan_base import GanMethod
from repro.methods.registry import validate_options
from repro.models import mlp
from repro.train.run import train_run
from small_run import small_run


def make(method: str, **options: Any) -> GanMethod:
    return gan_of(small_run(method, dataset="gaussians", source="real", batch_size=64, options=options))


def after(method: str, **options: Any) -> dict[str, Tensor]:
    made = make(method, **options)
    for step in range(3):
        made.step(step)
    return weights(made)


def test_both_networks_have_four_layers_of_64() -> None:
    for network, inputs, outputs in ((mlp.Generator(), 2, 2), (mlp.Discriminator(), 2, 1)):
        layers = [layer for layer in network.layers if isinstance(layer, nn.Linear)]
        assert [layer.in_features for layer in layers] == [inputs, 64, 64, 64]
        assert layers[-1].out_features == outputs
        assert isinstance(network.layers[-1], nn.Linear)
    points = torch.randn(5, 2)
    network = mlp.Discriminator(width=0.25)
    assert network(points).shape == (5,)
    assert network.feature_map(points).shape == (5, 16)


def test_dat_without_epsilon_is_the_plain_gan() -> None:
    assert equal(after("toy_dat", epsilon=0.0), after("toy_gan"))
    assert not equal(after("toy_dat"), after("toy_gan"))


def test_the_gan_finds_where_the_points_lie() -> None:
    """From points within 0.3 of each other to the mixture's place and spread, sqrt(2/3 + 0.1) = 0.88."""
    method = make("toy_gan")
    latent = torch.Generator()
    assert method.sample(2000, latent.manual_seed(0)).std(0).max() < 0.3
    for step in range(300):
        method.step(step)
    points = method.sample(2000, latent.manual_seed(0))
    assert points.mean(0).abs().max() < 0.5
    assert (points.std(0) - 0.88).abs().max() < 0.4


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("toy_gan", {"flip": True}, "flips and crops are for images"),
        ("toy_gan", {"network": "sngan"}, "choose one of mlp"),
        ("toy_dat", {"clip_fake": True}, "points have no range"),
        ("toy_dat", {"mixture": "ring"}, "mixture"),
    ],
)
def test_what_makes_no_sense_on_points_is_refused(method: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ReproError) as error:
        validate_options(method, options)
    assert message in str(error.value)


def test_the_toy_network_refuses_images(tmp_path: Path) -> None:
    spec, layout = small_run("toy_gan", train_limit=64), Layout(tmp_path, "test")
    with pytest.raises(ReproError, match="toy_gan takes points, not images of 32 px"):
        train_run(spec, layout, device=torch.device("cpu"), data_root=None, progress=False)
