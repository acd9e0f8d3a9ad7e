"""K seeds trained as one batch of models equal each seed trained alone, within rounding."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from method_cases import make, weights
from repro.core.streams import Streams
from repro.methods.classifier import Classifier
from repro.methods.seed_batch import JointStreams, can_be_joined, joined
from repro.models.spectral_norm import SpectralConv2d
from repro.models.stacked import stackable

STEPS = 8
CASES: list[tuple[str, dict[str, Any]]] = [
    ("classifier", {}),
    ("classifier", {"dropout": 0.3}),
    ("random_perturbation", {"length": 1.0}),
    ("fast_gradient_training", {"norm": "l2", "eps": 0.3}),
    ("fast_gradient_training", {"norm": "linf", "eps": 0.02}),
    ("gat", {"delta_scale": "unit_rms", "generator_learning_rate": 1e-3}),
    ("gat", {"delta_scale": "unit_rms", "separate_minibatches": False, "dropout": 0.3}),
    ("gat", {"delta_scale": "unit_rms", "gradient_through_delta": True}),
]


def seeds(name: str, options: dict[str, Any], count: int = 3) -> list[Classifier]:
    found = []
    for seed in range(count):
        method, _ = make(name, seed=seed, width=0.1, **options)
        assert isinstance(method, Classifier)
        found.append(method)
    return found


@pytest.mark.parametrize(("name", "options"), CASES)
def test_each_seed_of_a_batch_ends_as_if_trained_alone(name: str, options: dict[str, Any]) -> None:
    alone, members = seeds(name, options), seeds(name, options)
    together = joined(members)
    for step in range(STEPS):
        metrics = together.step(step)
        for k, single in enumerate(alone):
            for key, value in single.step(step).items():
                torch.testing.assert_close(metrics[key][k], value, rtol=1e-3, atol=1e-4)
    first = weights(seeds(name, options)[0])
    for single, member in zip(alone, members, strict=True):
        for key, value in weights(single).items():
            # a sign step of FG may flip at a gradient of about 0, hence no tighter bound
            torch.testing.assert_close(weights(member)[key], value, rtol=1e-3, atol=2e-4)
    assert any(not torch.equal(weights(members[0])[key], first[key]) for key in first)
    assert not torch.equal(*(weights(member)["classifier.layers.0.weight"] for member in members[:2]))


def test_a_batch_goes_on_from_saved_members() -> None:
    options = {"delta_scale": "unit_rms", "generator_learning_rate": 1e-3}
    through, first, second = (seeds("gat", options, 2) for _ in range(3))
    whole, before = joined(through), joined(first)
    for step in range(4):
        whole.step(step)
        if step < 2:
            before.step(step)
    for old, new in zip(first, second, strict=True):
        new.load_state_dict(old.state_dict())
        new.streams.load_state_dict(old.streams.state_dict())
    after = joined(second)
    for step in range(2, 4):
        after.step(step)
    for one, other in zip(through, second, strict=True):
        for key, value in weights(one).items():
            assert torch.equal(weights(other)[key], value), key


def test_a_batch_of_seeds_draws_from_no_single_stream() -> None:
    streams = JointStreams([Streams(0), Streams(1)])
    with pytest.raises(RuntimeError, match="no single stream"):
        streams.generator("noise")
    drawn = streams.normal("noise", torch.empty(4, 3))
    assert torch.equal(drawn[2:], Streams(1).normal("noise", torch.empty(2, 3)))


def test_networks_that_are_no_chain_of_layers_cannot_be_joined() -> None:
    assert can_be_joined(seeds("gat", {}, 1)[0])
    assert not can_be_joined(seeds("classifier", {"network": "embedding"}, 1)[0])


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(3, 4, 3, dilation=2),
        nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(3, 4, 3, bias=False),
        nn.Conv2d(3, 6, 3, groups=3),
        nn.BatchNorm2d(3),
        nn.BatchNorm2d(3, affine=False),
        nn.Linear(3, 4),
        nn.Softmax(1),
        SpectralConv2d(3, 4, 3, 1.0),
        nn.Conv2d(3, 4, 3).requires_grad_(False),
    ],
)
def test_layers_without_a_grouped_form_are_trained_in_turn(layer: nn.Module) -> None:
    class Chain(nn.Module):
        def __init__(self, *layers: nn.Module) -> None:
            super().__init__()
            self.layers = nn.ModuleList(layers)

        def stages(self) -> list[nn.Module]:
            return list(self.layers)

    plain = nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.AvgPool2d(2)
    assert stackable(Chain(*plain))
    assert not stackable(Chain(layer, *plain))
