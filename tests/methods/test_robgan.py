"""Rob-GAN: its loss tables, its schedule, its samples, and fine-tuning from a finished run."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn import functional as F

from method_cases import changed_modules, make, train, weights
from repro.core.errors import ReproError
from repro.methods.fakes import random_classes, random_latents
from repro.methods.robgan import RobGAN
from repro.methods.robgan_finetune import RobGANFinetune


def draw_fakes(method: RobGAN, generator: torch.nn.Module, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    classes = random_classes(method, generator, n)
    return generator(random_latents(method, generator, n), classes), classes


def bce(logits: torch.Tensor, target: float) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


@pytest.mark.parametrize(
    ("loss", "kind", "expected"),
    [
        ("split", "code", (0.5, 0.5, 1.0, 0.0)),
        ("acgan", "code", (0.5, 0.5, 0.5, 0.5)),
        ("split", "paper", (1.0, 1.0, 1.0, 0.0)),
        ("acgan", "paper", (1.0, 1.0, 1.0, 1.0)),
    ],
)
def test_discriminator_loss_has_the_declared_terms(
    loss: str, kind: str, expected: tuple[float, float, float, float]
) -> None:
    method, streams = make("robgan", loss=loss, weights=kind, attacker=False)
    assert isinstance(method, RobGAN)
    d, state = copy.deepcopy(method.d), streams.state_dict()
    images, labels = torch.rand(8, 3, 32, 32) * 2 - 1, torch.arange(8)
    with torch.no_grad():
        fakes, fake_labels = draw_fakes(method, method.g, 8)
        streams.load_state_dict(state)
        (real_source, real_class), (fake_source, fake_class) = d(images), d(fakes)
        terms = (
            bce(real_source, 1.0),
            F.cross_entropy(real_class, labels),
            bce(fake_source, 0.0),
            F.cross_entropy(fake_class, fake_labels),
        )
        total = sum(weight * term for weight, term in zip(expected, terms, strict=True))
    record = method._train_discriminator(images, labels)
    torch.testing.assert_close(record["discriminator_loss"], total, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["non_saturating", "saturating"])
def test_generator_loss_is_the_named_one(kind: str) -> None:
    method, streams = make("robgan", generator_loss=kind)
    assert isinstance(method, RobGAN)
    state = streams.state_dict()
    with torch.no_grad():
        fakes, labels = draw_fakes(method, method.g, 8)
        source, classes = method.d(fakes)
        realism = bce(source, 1.0) if kind == "non_saturating" else -bce(source, 0.0)
        expected = 0.5 * (realism + F.cross_entropy(classes, labels))
    streams.load_state_dict(state)
    record = method._train_generator()
    torch.testing.assert_close(record["generator_loss"], expected, rtol=1e-4, atol=1e-5)


def test_each_update_trains_one_network() -> None:
    method, _ = make("robgan")
    assert isinstance(method, RobGAN)
    before = weights(method)
    method._train_generator()
    after = weights(method)
    assert changed_modules(before, after) == {"generator"}
    method._train_discriminator(torch.rand(8, 3, 32, 32), torch.arange(8))
    parameters = {f"generator.{name}" for name, _ in method.g.named_parameters()}
    moved = {name for name, value in weights(method).items() if not torch.equal(value, after[name])}
    assert any(name.startswith("discriminator") for name in moved)
    assert not moved & parameters


def test_reals_are_attacked_with_the_joint_loss_in_eval_mode() -> None:
    method, _ = make("robgan", network="robgan_resnet")
    assert isinstance(method, RobGAN)
    images, labels = torch.rand(8, 3, 32, 32) * 2 - 1, torch.arange(8)
    method.d.train()
    attacked = method.attack(images, labels)
    assert method.d.training
    assert (attacked - images).abs().max() == pytest.approx(5 * 0.0078, abs=1e-5)

    def joint(x: torch.Tensor) -> torch.Tensor:
        source, classes = method.d(x)
        return 0.5 * bce(source, 1.0) + 0.5 * F.cross_entropy(classes, labels)

    method.d.eval()
    with torch.no_grad():
        assert joint(attacked) > joint(images)


def test_rate_halves_at_epoch_ends_and_optimisers_begin_anew() -> None:
    # 20 images in batches of 8: an epoch is two discriminator updates
    method, _ = make("robgan", halve_every=1, learning_rate=1e-3)
    rates, moments = [], []
    for step in range(5):
        method.step(step)
        optimiser = method.optimisers["discriminator"]
        rates.append(optimiser.param_groups[0]["lr"])
        moments.append(int(next(iter(optimiser.state.values()))["step"]))
    assert rates == pytest.approx([1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4])
    assert moments == [1, 2, 1, 2, 1]


def test_dequantisation_noise_is_one_grey_level_at_most() -> None:
    method, _ = make("robgan")
    assert isinstance(method, RobGAN)
    images = torch.zeros(4, 3, 32, 32)
    noise = method._dequantise(images)
    assert 0 <= noise.min() < noise.max() < 1 / 128
    assert noise.mean().item() == pytest.approx(1 / 256, rel=0.05)


def test_samples_depend_on_nothing_but_weights_and_latents() -> None:
    method = train("robgan")
    before = weights(method)
    labels = torch.arange(6)
    first = method.sample(6, torch.Generator().manual_seed(1), labels)
    again = method.sample(6, torch.Generator().manual_seed(1), labels, batch_size=4)
    other = method.sample(6, torch.Generator().manual_seed(2), labels)
    assert first.shape == (6, 3, 32, 32)
    assert first.abs().max() <= 1
    torch.testing.assert_close(first, again)
    assert not torch.allclose(first, other)
    assert method.modules["generator"].training
    assert changed_modules(before, weights(method)) == set()


def test_a_snapshot_holds_the_generator_and_brings_it_back() -> None:
    first, second = train("robgan"), train("robgan", seed=1)
    snapshot = first.snapshot_state()
    assert set(snapshot) == {"generator"}
    second.load_snapshot_state(snapshot)
    torch.testing.assert_close(
        first.sample(3, torch.Generator().manual_seed(0)), second.sample(3, torch.Generator().manual_seed(0))
    )


def test_fine_tuning_starts_from_the_parents_networks() -> None:
    parent = train("robgan")
    method, _ = make("robgan_finetune")
    assert isinstance(method, RobGANFinetune)
    method.start_from(parent.state_dict())
    images = torch.rand(3, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(method.classifier()(images), parent.classifier()(images))
    before = weights(method)
    method.step(0)
    moved = {name for name, value in weights(method).items() if not torch.equal(value, before[name])}
    assert any(name.startswith("classifier.body") for name in moved)
    assert not any(name.startswith("classifier.source") for name in moved)  # discrimination is over
    assert changed_modules(weights(parent), weights(train("robgan"))) == set()  # and the parent is untouched


def test_fine_tuning_without_fakes_is_adversarial_training() -> None:
    method, _ = make("robgan_finetune", fake_weight=0.0, eval_mode=False)
    plain, _ = make("adversarial_training")
    plain.modules["classifier"].load_state_dict(method.modules["classifier"].state_dict())
    for step in range(2):
        method.step(step)
        plain.step(step)
    theirs = plain.modules["classifier"].state_dict()
    for name, value in method.modules["classifier"].state_dict().items():
        assert torch.equal(value, theirs[name]), name


def test_fine_tuning_says_what_is_wrong_with_its_parent() -> None:
    method, _ = make("robgan_finetune")
    with pytest.raises(ReproError, match="does not hold"):
        method.start_from(train("classifier").state_dict())
    with pytest.raises(ReproError, match="does not hold"):
        method.start_from(train("robgan", network="robgan_resnet").state_dict())
    with pytest.raises(ReproError, match="no run to start from"):
        type(method)(
            method.spec.model_copy(update={"parent": None}), method.data, method.streams, method.device
        )
