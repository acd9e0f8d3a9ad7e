"""GAT's networks, the CIFAR pre-activation ResNet, the embedding network, and dropout from a stream."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from method_cases import count
from repro.core.streams import Streams
from repro.models.dropout import StreamDropout
from repro.models.embedding import FEATURES, EmbeddingNetwork
from repro.models.gat_classifier import GATClassifier
from repro.models.gat_generator import GATGenerator
from repro.models.initialise import xavier_
from repro.models.preact_resnet18 import PreActResNet18
from repro.models.width import channels


def test_parameter_counts_are_those_of_the_papers_tables() -> None:
    assert count(GATClassifier(10)) == 240_058
    assert count(GATClassifier(100)) == 248_788
    assert count(GATGenerator()) == 107_763
    assert count(PreActResNet18(10)) == 11_164_875


@pytest.mark.parametrize(
    ("base", "width", "expected"), [(48, 1.0, 48), (48, 0.25, 12), (64, 0.01, 4), (3, 1.0, 3), (100, 0.5, 48)]
)
def test_width_gives_multiples_of_four_and_leaves_one_alone(base: int, width: float, expected: int) -> None:
    assert channels(base, width) == expected


@pytest.mark.parametrize("size", [32, 48, 64, 128])
def test_embedding_network_has_features_of_one_width_for_every_image_size(size: int) -> None:
    network = EmbeddingNetwork(7, width=0.25).eval()
    images = torch.rand(2, 3, size, size)
    features = network.features(images)
    assert features.shape == (2, FEATURES)
    assert 128 <= FEATURES <= 256
    assert network(images).shape == (2, 7)
    torch.testing.assert_close(network(images), network.classes(features))


def test_gat_classifier_subsamples_twice_and_averages_over_the_8x8_map() -> None:
    network = GATClassifier(10, width=0.25)
    images = torch.rand(2, 3, 32, 32)
    maps = network.layers(images)
    assert maps.shape == (2, 10, 8, 8)
    torch.testing.assert_close(network(images), maps.flatten(2).mean(dim=2))


def test_gat_scores_may_be_negative_because_the_last_convolution_has_no_relu() -> None:
    torch.manual_seed(0)
    scores = GATClassifier(10)(torch.rand(8, 3, 32, 32))
    assert (scores < 0).any()


def test_gat_generator_keeps_the_shape_and_stays_inside_one() -> None:
    perturbations = GATGenerator(width=0.25)(torch.randn(2, 3, 32, 32) * 100)
    assert perturbations.shape == (2, 3, 32, 32)
    assert perturbations.abs().max() <= 1


def test_xavier_variants_have_one_variance_and_two_shapes() -> None:
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(600, 400))
    expected = (2 / 1000) ** 0.5
    tails = {}
    for kind in ("xavier_uniform", "xavier_normal"):
        xavier_(layer, kind)  # type: ignore[arg-type]
        weight, bias = layer[0].weight, layer[0].bias
        assert weight.std().item() == pytest.approx(expected, rel=0.02)
        assert not bias.any()
        tails[kind] = weight.abs().max().item()
    assert tails["xavier_uniform"] <= expected * 3**0.5 + 1e-6 < tails["xavier_normal"]


def test_preact_resnet_returns_two_heads_of_one_feature_vector() -> None:
    torch.manual_seed(0)
    network = PreActResNet18(10, width=0.125)
    images = torch.rand(3, 3, 32, 32) * 2 - 1
    source, classes = network(images)
    features = network.features(images)
    assert source.shape == (3,)
    assert classes.shape == (3, 10)
    torch.testing.assert_close(source, network.source(features)[:, 0])
    torch.testing.assert_close(classes, network.classes(features))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert not list(network.buffers())


def test_dropout_draws_from_its_own_stream_only() -> None:
    x = torch.ones(50, 200)
    layer = StreamDropout(0.25, torch.Generator().manual_seed(3))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, second = layer(x), layer(x)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(first, second)
    again = StreamDropout(0.25, torch.Generator().manual_seed(3))
    assert torch.equal(again(x), first)
    assert first.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert (first == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)


def test_dropout_is_the_identity_in_eval_mode_and_draws_nothing() -> None:
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    x = torch.ones(4, 4)
    assert StreamDropout(0.5, generator).eval()(x) is x
    assert torch.equal(generator.get_state(), before)


def test_dropout_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="not in"):
        StreamDropout(1.0, torch.Generator())
    with pytest.raises(ValueError, match="stream"):
        StreamDropout(0.5, None)


@pytest.mark.parametrize(("place", "layers"), [("downsampling", 2), ("last_hidden", 1)])
def test_dropout_sits_where_the_option_says(place: str, layers: int) -> None:
    network = GATClassifier(
        10,
        width=0.25,
        dropout=0.3,
        dropout_place=place,  # type: ignore[arg-type]
        streams=Streams(0),
    )
    assert sum(isinstance(layer, StreamDropout) for layer in network.layers) == layers
