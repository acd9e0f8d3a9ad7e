"""The losses of the GAT slice equal their equations, and the classifiers learn."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from attack_cases import Smooth
from method_cases import CPU, make, spec_of, tiny_data, train, weights
from repro.attacks.gat_generator import probability_gradient, scale_delta
from repro.core.errors import ReproError
from repro.core.streams import Streams
from repro.data.load import load_images
from repro.data.minibatches import scale
from repro.methods.adversarial_training import AdversarialTraining
from repro.methods.classifier import Classifier
from repro.methods.fast_gradient_training import FastGradientTraining
from repro.methods.gat import GAT
from repro.methods.optimisation import descend
from repro.methods.perturber import true_class
from repro.methods.random_perturbation import Noise, RandomPerturbation, of_length


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    data = tiny_data()
    return scale(data.images[:8], (0.0, 1.0)), data.labels[:8]


def train_g(method: GAT, images: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
    return method.train_perturber(images, labels, method.delta(images, labels))


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_fast_gradient_loss_is_equation_2_or_4(norm: str) -> None:
    method, _ = make("fast_gradient_training", norm=norm, eps=0.2, alpha=0.3)
    assert isinstance(method, FastGradientTraining)
    images, labels = batch()
    network = copy.deepcopy(method.network)
    leaf = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(F.cross_entropy(network(leaf), labels), leaf)
    if norm == "linf":
        eta = 0.2 * gradient.sign()
    else:
        eta = 0.2 * gradient / gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    expected = 0.3 * F.cross_entropy(network(images), labels)
    expected = expected + 0.7 * F.cross_entropy(network(images + eta), labels)
    loss = method.losses(images, labels)[1].mean()
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("noise", ["gaussian", "random_sign"])
def test_random_perturbations_have_the_length_asked_for_and_no_common_direction(noise: Noise) -> None:
    images, _ = batch()
    drawn = of_length(torch.randn_like(images), noise, 0.7)
    torch.testing.assert_close(drawn.flatten(1).norm(dim=1), torch.full((8,), 0.7))
    assert drawn.mean().abs() < 1e-3
    cosines = F.cosine_similarity(drawn[:-1].flatten(1), drawn[1:].flatten(1))
    assert cosines.abs().max() < 0.1  # 3,072 dimensions: some 0.02 is usual
    if noise == "random_sign":
        torch.testing.assert_close(drawn.abs(), torch.full_like(drawn, 0.7 / 3072**0.5))


def test_random_perturbations_loss_mixes_clean_and_perturbed_images() -> None:
    method, _ = make("random_perturbation", length=2.0, alpha=0.3)
    twin, streams = make("random_perturbation", length=2.0, alpha=0.3)
    assert isinstance(method, RandomPerturbation)
    assert isinstance(twin, RandomPerturbation)
    images, labels = batch()
    noisy = images + of_length(streams.normal("noise", images), "gaussian", 2.0)
    expected = 0.3 * F.cross_entropy(twin.network(images), labels)
    expected = expected + 0.7 * F.cross_entropy(twin.network(noisy), labels)
    torch.testing.assert_close(method.losses(images, labels)[1].mean(), expected)


@pytest.mark.parametrize("through_delta", [False, True])
def test_gat_losses_are_equations_9_and_10(through_delta: bool) -> None:
    method, _ = make("gat", c_g=0.7, alpha=0.2, delta_scale="unit_rms", gradient_through_delta=through_delta)
    assert isinstance(method, GAT)
    images, labels = batch()
    network, perturber = copy.deepcopy(method.network), copy.deepcopy(method.perturber)
    delta = scale_delta(probability_gradient(network, images, labels), "unit_rms")
    with torch.no_grad():
        perturbation = perturber(delta)
        attacked = network(images + perturbation)
        power = perturbation.square().flatten(1).sum(dim=1)
        equation_9 = (torch.softmax(attacked, dim=1)[torch.arange(8), labels] + 0.7 * power).mean()
        equation_10 = 0.2 * F.cross_entropy(network(images), labels)
        equation_10 += 0.8 * F.cross_entropy(attacked, labels)
    loss = method.losses(images, labels)[1].mean()
    torch.testing.assert_close(loss.detach(), equation_10, rtol=1e-4, atol=1e-5)
    record = train_g(method, images, labels)
    torch.testing.assert_close(record["generator_loss"], equation_9, rtol=1e-4, atol=1e-4)


def test_gats_generator_learns_to_fool_a_fixed_classifier() -> None:
    method, _ = make("gat", width=0.25, c_g=0.0, delta_scale="unit_rms", generator_learning_rate=3e-3)
    assert isinstance(method, GAT)
    images, _ = batch()
    network = Smooth(classes=10, size=32)  # sure of its answers, unlike an untrained classifier
    network.first.data.mul_(0.03)
    method.modules["classifier"] = network
    labels = network(images).argmax(dim=1)
    first = float(train_g(method, images, labels)["generator_loss"])
    for _ in range(40):
        last = float(train_g(method, images, labels)["generator_loss"])
    assert last < 0.5 * first  # the true class's mean probability, as there is no price on power


def test_a_heavy_price_on_power_shrinks_gats_perturbations() -> None:
    method, _ = make("gat", width=0.25, c_g=100.0, delta_scale="unit_rms", generator_learning_rate=3e-3)
    assert isinstance(method, GAT)
    images, labels = batch()
    first = float(train_g(method, images, labels)["perturbation_power"])
    for _ in range(20):
        last = float(train_g(method, images, labels)["perturbation_power"])
    assert last < 0.5 * first


def test_gats_attack_is_the_generator_that_was_trained() -> None:
    method, _ = make("gat", delta_scale="unit_rms", clip=True)
    assert isinstance(method, GAT)
    images, labels = batch()
    delta = scale_delta(probability_gradient(method.network.eval(), images, labels), "unit_rms")
    with torch.no_grad():
        expected = (images + method.perturber(delta)).clamp(0, 1)
    torch.testing.assert_close(method.attack()(images, labels), expected, rtol=1e-4, atol=1e-5)


def test_adversarial_training_divides_the_rate_at_its_milestones() -> None:
    method, _ = make("adversarial_training", milestones=(0.5, 0.75), learning_rate=1e-2)
    rates = []
    for step in range(4):
        method.step(step)
        rates.append(method.optimisers["classifier"].param_groups[0]["lr"])
    assert rates == pytest.approx([1e-2, 1e-2, 1e-3, 1e-4])


def test_adversarial_training_minimises_the_loss_of_attacked_images() -> None:
    method, _ = make("adversarial_training", radius=0.2)
    assert isinstance(method, AdversarialTraining)
    images, labels = batch()
    images = images * 2 - 1
    clean = F.cross_entropy(method.classifier()(images), labels)
    loss, _ = method.attacked_loss(images, labels)
    attacked = method.attack(images, labels)
    torch.testing.assert_close(loss, F.cross_entropy(method.classifier()(attacked), labels))
    assert loss > clean
    assert (attacked - images).abs().max() == pytest.approx(0.2, abs=1e-5)
    assert method.attack.threat.step_size == pytest.approx(0.04)  # a fifth of the radius where none is given


def test_a_data_set_without_classes_is_refused() -> None:
    data = load_images("lsun_bedroom", "train", source="synthetic", limit=8, root=None)
    with pytest.raises(ReproError, match="has no classes"):
        Classifier(spec_of("classifier", network="embedding"), data, Streams(0), CPU)


def test_the_embedding_network_learns_within_thirty_steps() -> None:
    data = load_images("cifar10", "train", source="synthetic", limit=320, root=None)
    spec = spec_of("classifier", width=0.25, network="embedding", learning_rate=3e-3)
    method = Classifier(spec.model_copy(update={"batch_size": 32}), data, Streams(0), CPU)
    losses = [float(method.step(step)["loss"]) for step in range(30)]
    assert sum(losses[-5:]) / 5 < 0.8 * sum(losses[:3]) / 3


def test_gats_classifier_learns_a_few_images_by_heart() -> None:
    # without normalisation it takes longer than the embedding network to get going
    method, _ = make("classifier", width=0.25, learning_rate=3e-3)
    losses = [float(method.step(step)["loss"]) for step in range(100)]
    assert sum(losses[-10:]) / 10 < 0.85 * sum(losses[:3]) / 3


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fast_gradient_training", {"eps": 0.3}),
        ("gat", {"delta_scale": "unit_rms", "generator_learning_rate": 1e-3}),
        ("gat", {"delta_scale": "unit_rms", "separate_minibatches": False, "k": 2}),
    ],
)
def test_sharing_a_pass_between_attack_and_training_changes_nothing(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sharing = train(name, updates=3, **options)
    monkeypatch.setattr("repro.methods.classifier.depends_on_mode", lambda network: True)
    apart = train(name, updates=3, **options)
    assert isinstance(sharing, Classifier)
    before = weights(make(name, **options)[0])
    for key, value in weights(sharing).items():
        torch.testing.assert_close(value, weights(apart)[key], rtol=1e-4, atol=1e-6)
        assert "bias" in key or not torch.equal(value, before[key])


def test_with_dropout_the_attack_sees_the_whole_network_and_training_does_not() -> None:
    method, _ = make("gat", dropout=0.5)
    assert isinstance(method, GAT)
    images, labels = batch()
    clean = method.clean_pass(images, labels, true_class)
    assert clean.logits is None
    expected = probability_gradient(method.network.eval(), images, labels)
    torch.testing.assert_close(clean.gradient, expected)
    logits, _ = method.losses(images, labels)
    assert not torch.allclose(logits, method.network.eval()(images))


def test_a_frozen_parameter_of_a_network_is_left_as_it_is() -> None:
    network = nn.Linear(3, 1)
    network.bias.requires_grad_(False)
    before = network.bias.clone(), network.weight.clone()
    descend(torch.optim.Adam(network.parameters()), network(torch.rand(4, 3)).sum())
    assert torch.equal(network.bias, before[0])
    assert not torch.equal(network.weight, before[1])
