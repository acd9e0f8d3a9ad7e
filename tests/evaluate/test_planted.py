"""Planted adversarial images are there, and tell attacks that find them from attacks that do not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from repro.attacks.balls import BALLS
from repro.attacks.threat_model import UNIT, Norm, ThreatModel
from repro.core.errors import ReproError
from repro.core.timing import SplitWatch
from repro.evaluate.planted import Features, PlantedOptions, hits_of, plant

OPTIONS = PlantedOptions(planted=12, planted_inner=99)


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.LeakyReLU(0.1), nn.Conv2d(16, 128, 3, stride=2), nn.LeakyReLU(0.1),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(512, 10),
    ).eval()  # fmt: skip


def images(n: int = 12, seed: int = 1) -> Tensor:
    return torch.rand(n, 3, 12, 12, generator=torch.Generator().manual_seed(seed))


def threat(
    norm: Norm = "linf", radius: float = 0.06, steps: int = 40, step: float | None = None
) -> ThreatModel:
    return ThreatModel(
        norm=norm, radius=radius, step_size=radius / 8 if step is None else step, steps=steps, bounds=UNIT
    )


def shares(model: nn.Module, attacker: ThreatModel) -> tuple[float, float]:
    """Return the shares of planted images that the attack and random points find."""
    streams = (torch.Generator().manual_seed(seed) for seed in (2, 3))
    hits = hits_of(
        model, images(), attacker, OPTIONS, **dict(zip(("starts", "points"), streams, strict=True))
    )
    assert hits.shape == (2, 12)
    found, drawn = hits.double().mean(dim=1).tolist()
    return found, drawn


class Quantised(nn.Module):
    """Hides the gradient of a network behind a staircase; ``honest`` lets it through (BPDA)."""

    def __init__(self, model: nn.Module, honest: bool) -> None:
        super().__init__()
        self.model, self.honest = model, honest

    def forward(self, x: Tensor) -> Tensor:
        stairs = (x * 255).round() / 255
        logits: Tensor = self.model(x + (stairs - x).detach() if self.honest else stairs)
        return logits


@pytest.mark.parametrize(("norm", "radius"), [("linf", 0.06), ("l2", 0.8)])
def test_what_is_planted_lies_in_the_ball_and_nothing_inside_it_does(norm: Norm, radius: float) -> None:
    attacker, stream = threat(norm, radius), torch.Generator().manual_seed(0)
    plants = plant(network(), images(), attacker, OPTIONS, stream)
    assert plants is not None
    assert torch.equal(plants.images, images())
    length = BALLS[norm].length(plants.planted - plants.images)
    assert (length <= radius * (1 + 1e-5)).all()
    assert (length > 0.95 * radius * (0.8 if norm == "l2" else 1)).all()  # the box shortens an L2 step
    assert plants.planted.aminmax().min >= 0
    assert plants.planted.aminmax().max <= 1
    assert (plants.network(plants.planted).argmax(1) == 1).all()
    inner = torch.empty_like(plants.images)
    BALLS[norm].start_(inner, plants.images, 0.95 * radius, UNIT, stream)
    assert (plants.network(plants.images).argmax(1) == 0).all()
    assert (plants.network(inner).argmax(1) == 0).double().mean() > 0.9  # points that no layer was fitted to


@pytest.mark.parametrize(("norm", "radius"), [("linf", 0.06), ("l2", 0.8)])
def test_projected_gradient_descent_passes_where_random_points_do_not(norm: Norm, radius: float) -> None:
    found, drawn = shares(network(), threat(norm, radius))
    assert found >= OPTIONS.planted_passes
    assert drawn < 0.5


def test_hidden_gradients_fail_and_an_attack_that_sees_through_them_passes() -> None:
    found, _ = shares(Quantised(network(), honest=False), threat())
    assert found == 0
    found, _ = shares(Quantised(network(), honest=True), threat())
    assert found >= OPTIONS.planted_passes


def test_the_attacks_time_is_counted() -> None:
    watch, streams = SplitWatch(torch.device("cpu")), [torch.Generator() for _ in range(2)]
    hits_of(network(), images(2), threat(), OPTIONS, starts=streams[0], points=streams[1], watch=watch)
    assert watch.seconds.keys() == {"network", "kernel"}


def test_one_tiny_step_fails() -> None:
    found, _ = shares(network(), threat(steps=1, step=0.002))
    assert found < 0.5


def test_features_are_what_the_last_layer_sees() -> None:
    model, x = network(), images(3)
    with torch.no_grad():
        torch.testing.assert_close(Features(model, x[0])(x), model[:-1](x))
        convolutional = nn.Sequential(*model[:4], nn.Conv2d(128, 7, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        torch.testing.assert_close(Features(convolutional, x[0])(x), model[:4](x).mean(dim=(2, 3)))


class Tokens(nn.Module):
    """Patches of four by four to as many tokens, whose logits are averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.head = nn.Conv2d(3, 20, 4, stride=4), nn.Linear(20, 10)

    def tokens(self, x: Tensor) -> Tensor:
        return self.patches(x).flatten(2).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.tokens(x)).mean(dim=1)  # type: ignore[no-any-return]


def test_features_of_tokens_are_averaged_over_the_tokens() -> None:
    model, x = Tokens(), images(3)
    with torch.no_grad():
        torch.testing.assert_close(Features(model, x[0])(x), model.tokens(x).mean(dim=1))


def test_where_no_layer_tells_the_points_apart_nothing_is_planted() -> None:
    constant = nn.Sequential(nn.Flatten(), nn.Linear(432, 2), nn.Linear(2, 5)).eval()
    nn.init.zeros_(constant[1].weight)
    assert plant(constant, images(), threat(), OPTIONS, torch.Generator().manual_seed(0)) is None


def test_a_network_without_a_layer_to_replace_is_refused() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Unflatten(1, (1, 432)), nn.Conv1d(1, 10, 432), nn.Flatten()).eval()
    with pytest.raises(ReproError, match="need a network with a linear layer") as caught:
        shares(model, threat())
    assert caught.value.remedy == "leave out the option planted"
