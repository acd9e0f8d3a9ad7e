"""Rob-GAN: its loss tables, its schedule, its samples, and fine-tuning from a finished run."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from method_cases import changed_modules, make, train, weights
from repro.core.errors import ReproError
from repro.data.minibatches import scale
from repro.methods.gan_base import Labels
from repro.methods.held_out import ends_epoch
from repro.methods.robgan import RobGAN
from repro.methods.robgan_finetune import RobGANFinetune
from repro.models.heads import ClassView


def bce(logits: torch.Tensor, target: float) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def robgan(**options: object) -> RobGAN:
    method, _ = make("robgan", **options)
    assert isinstance(method, RobGAN)
    return method


def fill(network: torch.nn.Module, seed: int) -> None:
    """Give a network weights that do not depend on the order in which networks are made."""
    draw = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        scale = 0.3 if parameter.dim() > 1 else 0.1
        shift = 1.0 if parameter.dim() == 2 and parameter.shape[0] == 10 else 0.0
        parameter.data = torch.randn(parameter.shape, generator=draw) * scale + shift


# Losses of G, losses of D and accuracies of three steps, and the sum of squares of D's weights after them, as
# the loop of its own gave them that Rob-GAN had before it stood on the one GAN training
TRACES = [
    (
        {"halve_every": 1, "n_dis": 2},
        [(66.623032, 422.80627, 0.0), (52.135159, 273.98257, 0.125), (37.711578, 333.1394, 0.0)],
        1192.476928,
    ),
    (
        {"network": "robgan_resnet", "class_loss": "acgan", "weights": "paper", "loss": "saturating"},
        [(32.758602, 71.275429, 0.125), (20.149736, 76.974098, 0.125), (25.157925, 85.938705, 0.125)],
        961.306206,
    ),
    (
        {"attacker": False, "dequantisation": False, "flip": False, "crop_padding": 0},
        [(66.623032, 82.672516, 0.125), (69.764206, 102.2212, 0.125), (88.598984, 53.49958, 0.0)],
        1192.724148,
    ),
]


@pytest.mark.parametrize(("options", "expected", "squares"), TRACES)
def test_the_training_is_the_recorded_one(
    options: dict[str, object], expected: list[tuple[float, ...]], squares: float
) -> None:
    method = robgan(**options)
    fill(method.G, 1)
    fill(method.D, 2)
    for step, losses in enumerate(expected):
        record = method.step(step)
        assert [record[name].item() for name in ("g_loss", "d_loss", "accuracy")] == pytest.approx(
            losses, rel=1e-5
        )
    found = sum(value.double().square().sum().item() for value in method.D.state_dict().values())
    assert found == pytest.approx(squares, rel=1e-6)


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
    method = robgan(class_loss=loss, weights=kind)
    real, fake = torch.rand(2, 8, 3, 32, 32) * 2 - 1
    labels = Labels(torch.arange(8), torch.arange(8).flip(0))
    (real_source, real_class), (fake_source, fake_class) = method.D(real), method.D(fake)
    terms = (
        bce(real_source, 1.0),
        F.cross_entropy(real_class, labels.real),
        bce(fake_source, 0.0),
        F.cross_entropy(fake_class, labels.fake),
    )
    total = sum(weight * term for weight, term in zip(expected, terms, strict=True))
    torch.testing.assert_close(method.discriminator_loss(real, fake, labels)[0], total, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["non_saturating", "saturating"])
def test_generator_loss_is_the_named_one(kind: str) -> None:
    method = robgan(loss=kind)
    z, (labels,) = method.latents(8), method.random_classes(8)
    source, classes = method.D(method.G(z, labels))
    realism = bce(source, 1.0) if kind == "non_saturating" else -bce(source, 0.0)
    expected = 0.5 * (realism + F.cross_entropy(classes, labels))
    torch.testing.assert_close(method.generator_loss(z, labels), expected, rtol=1e-4, atol=1e-5)


def test_each_update_trains_one_network() -> None:
    method = robgan()
    before = weights(method)
    method.generator_step()
    after = weights(method)
    assert changed_modules(before, after) == {"generator"}
    method.discriminator_step()
    parameters = {f"generator.{name}" for name, _ in method.G.named_parameters()}
    moved = {name for name, value in weights(method).items() if not torch.equal(value, after[name])}
    assert any(name.startswith("discriminator") for name in moved)
    assert not moved & parameters


@pytest.mark.parametrize("kind", ["joint", "class"])
def test_reals_are_attacked_with_the_named_loss_in_eval_mode(kind: str) -> None:
    method = robgan(network="robgan_resnet", attacked_loss=kind)
    images, labels = torch.rand(8, 3, 32, 32) * 2 - 1, torch.arange(8)
    method.D.train()
    attacked = method.attack(images, labels)
    assert method.D.training
    assert (attacked - images).abs().max() == pytest.approx(5 * 0.0078, abs=1e-5)

    def loss(x: torch.Tensor) -> torch.Tensor:
        source, classes = method.D(x)
        of_class = F.cross_entropy(classes, labels)
        return of_class if kind == "class" else 0.5 * bce(source, 1.0) + 0.5 * of_class

    method.D.eval()
    assert loss(attacked) > loss(images)
    once = robgan(network="robgan_resnet", attacked_loss=kind, steps=1)
    once.D.load_state_dict(method.D.state_dict())
    leaf = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(leaf), leaf)
    torch.testing.assert_close(once.attack(images, labels), (images + 0.0078 * slope.sign()).clamp(-1, 1))


def test_the_training_sees_attacked_images_and_without_the_attacker_the_plain_ones() -> None:
    quiet = {"dequantisation": False, "flip": False, "crop_padding": 0}
    method, plain = robgan(**quiet), robgan(**quiet, attacker=False)
    attacked, labels = method.real_batch()
    images, same = plain.real_batch()
    assert torch.equal(labels, same)
    assert 0 < (attacked - images).abs().max() <= 5 * 0.0078 + 1e-6
    torch.testing.assert_close(attacked, method.attack(images, labels))


def test_watching_held_out_images_changes_no_weight_and_looks_at_each_epochs_end() -> None:
    plain = robgan(steps=1)
    watching = robgan(steps=1, held_out="test", held_out_images=10, held_out_steps=2)
    assert watching.validation_split(watching.spec) == "test"
    assert plain.validation_split(plain.spec) is None
    assert RobGAN.validation_split(robgan(held_out="test", attacker=False).spec) is None
    watching.validation = plain.data
    assert plain.batches["real"].batches_per_epoch == 2
    looked = []
    for step in range(4):
        expected, got = plain.step(step), watching.step(step)
        if got.pop("held_out_accuracy", None) is not None:
            looked.append(step)
        assert got.keys() == expected.keys()
        assert all(torch.equal(got[name], expected[name]) for name in expected)
    assert looked == [1, 3]
    theirs = weights(plain)
    assert all(torch.equal(ours, theirs[name]) for name, ours in weights(watching).items())


@pytest.mark.parametrize("order", ["cyclic", "by class"])
def test_images_of_all_classes_are_watched(order: str) -> None:
    method = robgan(held_out="test", held_out_images=10, held_out_steps=1)
    looked, attack = [], method.watched.attack

    def noting(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        looked.append(labels)
        return attack(images, labels)

    noting.threat = attack.threat  # type: ignore[attr-defined]
    method.watched.attack = noting  # type: ignore[assignment]
    labels = torch.arange(10).repeat(2) if order == "cyclic" else torch.arange(10).repeat_interleave(2)
    method.watched.accuracy(replace(method.data, labels=labels))
    assert torch.cat(looked).tolist() == list(range(10))


def test_what_is_watched_is_the_accuracy_under_the_attack_that_training_can_reach() -> None:
    """As torchattacks' PGD gives it on the class head, within one image in 20."""
    torchattacks = pytest.importorskip("torchattacks")
    method = robgan(steps=3, step_size=0.002, radius=0.5, held_out="test", held_out_images=20)
    view = ClassView(method.D).eval()
    images = scale(method.data.images, (0.0, 1.0))
    with torch.no_grad():
        labels = Halved(view)(images).argmax(1)  # so that all are right until they are attacked
    reach = 3 * 0.002 / 2  # three steps in [-1,1], in torchattacks' [0,1]
    other = torchattacks.PGD(Halved(view), eps=reach, alpha=reach / 4, steps=10, random_start=False)
    expected = (Halved(view)(other(images, labels)).argmax(1) == labels).float().mean()
    assert 0.2 < float(expected) < 0.8
    watched = float(method.watched.accuracy(replace(method.data, labels=labels)))
    assert watched == pytest.approx(float(expected), abs=1 / 19)


class Halved(torch.nn.Module):
    """A network of images in [-1,1] as one of images in [0,1]."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(2 * images - 1)
        return logits


@pytest.mark.parametrize(
    ("batches", "per_epoch", "looks"), [(1, 3, [2, 5, 6]), (2, 3, [1, 2, 4, 5, 6]), (5, 2, range(7))]
)
def test_an_epoch_ends_where_its_last_batch_is_taken(batches: int, per_epoch: int, looks: list[int]) -> None:
    assert [step for step in range(7) if ends_epoch(step, 7, batches, per_epoch)] == list(looks)


def test_rate_halves_at_epoch_ends_and_optimisers_begin_anew() -> None:
    # 20 images in batches of 8: an epoch is two discriminator updates
    method = robgan(halve_every=1, learning_rate=1e-3)
    rates, moments = [], []
    for step in range(5):
        rates.append(method.optimisers["discriminator"].param_groups[0]["lr"])
        method.step(step)
        moments.append(int(next(iter(method.optimisers["discriminator"].state.values()))["step"]))
    assert rates == pytest.approx([1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4])
    assert moments == [1, 2, 1, 2, 1]


def test_dequantisation_noise_is_one_grey_level_at_most() -> None:
    noise = robgan().dequantised(torch.zeros(4, 3, 32, 32))
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


def test_a_snapshot_of_fine_tuning_holds_the_classifier() -> None:
    method, _ = make("robgan_finetune")
    assert set(method.snapshot_state()) == {"generator", "classifier"}


def test_a_snapshot_holds_both_networks_and_brings_them_back() -> None:
    first, second = train("robgan"), train("robgan", seed=1)
    snapshot = first.snapshot_state()
    assert set(snapshot) == {"generator", "discriminator"}
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


def test_fine_tuning_adds_lambda_times_the_loss_of_fakes() -> None:
    """Eq. 11."""
    method, _ = make("robgan_finetune", fake_weight=0.5)
    assert isinstance(method, RobGANFinetune)
    record: dict[str, torch.Tensor] = {}
    total = method.extra_loss(torch.tensor(2.0), record)
    assert record["fake_loss"] > 0
    assert total.item() == pytest.approx(2 + 0.5 * record["fake_loss"].item())


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
