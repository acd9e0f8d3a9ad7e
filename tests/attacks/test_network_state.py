"""What a network may do to itself, and an attack must not make permanent, or must go along with."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize

from attack_networks import CLASSES, SIZE, Head, convolution, differences, images_for, traces
from repro.attacks import FGSM, PGD, AutoAttack, GATAttack, ThreatModel, Transfer
from repro.attacks.attack_mode import attack_mode
from repro.attacks.flips import iterations_to_flip
from repro.attacks.gat_generator import probability_gradient
from repro.attacks.kept_state import switches_itself
from repro.core.errors import ReproError

THREAT = ThreatModel(radius=0.06, step_size=0.02, steps=3)
VALUES = 3 * SIZE * SIZE

Attack = Callable[[nn.Module, Tensor, Tensor], Any]
ATTACKS: dict[str, Attack] = {
    "pgd": lambda network, x, y: PGD(model=network, threat=THREAT)(x, y),
    "fgsm": lambda network, x, y: FGSM(model=network, radius=0.06)(x, y),
    "auto_attack": lambda network, x, y: AutoAttack(model=network, threat=THREAT, steps=2, queries=3)(x, y),
    "flips": lambda network, x, y: iterations_to_flip(network, x, THREAT).attacked,
    "gat": lambda network, x, y: GATAttack(model=network, perturber=nn.Hardtanh(-0.01, 0.01))(x, y),
}
EACH = pytest.mark.parametrize("name", ATTACKS)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def attacked(name: str, network: nn.Module) -> Tensor:
    if name == "auto_attack":
        pytest.importorskip("torchattacks", reason="torchattacks is not installed (auditor.txt)")
    result: Tensor = ATTACKS[name](network, *images_for("hooks"))
    return result


class LoRA(nn.Linear):
    """Adds its low-rank part to the weight itself in eval mode, as loralib does."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.down, self.up = nn.Parameter(torch.randn(2, inputs)), nn.Parameter(torch.randn(outputs, 2))
        self.weight.requires_grad_(False)
        self.notes = [{"merged": False}]  # where no copy of attributes reaches

    def train(self, mode: bool = True) -> LoRA:
        super().train(mode)
        if self.notes[0]["merged"] == mode:
            self.weight.data += (-0.1 if mode else 0.1) * self.up @ self.down
            self.notes[0]["merged"] = not mode
        return self

    def forward(self, images: Tensor) -> Tensor:
        outputs = super().forward(images)
        merged = self.notes[0]["merged"]
        return outputs if merged else outputs + 0.1 * images @ self.down.T @ self.up.T


@EACH
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_weights_that_a_mode_edits_are_the_old_bits(name: str, training: bool) -> None:
    network = nn.Sequential(nn.Flatten(), LoRA(VALUES, CLASSES), nn.Dropout(0.5)).train(training)
    before, outputs = traces(network), network[:2](images_for("hooks")[0])
    for _ in range(3):
        attacked(name, network)
    assert differences(before, network) == []
    assert network[1].notes == [{"merged": not training}]
    assert torch.equal(network[:2](images_for("hooks")[0]), outputs)


def test_only_networks_with_modes_of_their_own_are_copied() -> None:
    network = Head(convolution(), nn.BatchNorm2d(8), parametrizations.weight_norm(convolution(8, 8)))
    assert not any(map(switches_itself, network.modules()))
    assert not switches_itself(torch.jit.script(nn.Sequential(nn.Linear(2, 2))))
    assert switches_itself(LoRA(2, 2))
    network.train = lambda mode=True: network  # type: ignore[method-assign]
    assert switches_itself(network)


@EACH
def test_weights_cached_by_the_caller_keep_their_gradient(name: str) -> None:
    network = nn.Sequential(nn.Flatten(), parametrizations.weight_norm(nn.Linear(VALUES, CLASSES)))
    alone = attacked(name, network)
    with parametrize.cached():
        assert torch.equal(attacked(name, network), alone)
        network(images_for("hooks")[0]).square().sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.any()


def test_torchs_cache_is_where_we_look_for_it() -> None:
    network = parametrizations.weight_norm(nn.Linear(2, 2))
    with parametrize.cached():
        weight = network.weight
        assert parametrize._cache_enabled == 1
        assert [id(cached) for cached in parametrize._cache.values()] == [id(weight)]
        with attack_mode(network):
            assert network.weight is not weight
        assert network.weight is weight


class Stateful(Head):
    """Holds state in all kinds of places, and changes it in each pass."""

    def __init__(self) -> None:
        super().__init__(convolution(), nn.ReLU())
        self.register_buffer("mean", torch.tensor(0.5).expand(3, 1, 1))
        self.register_buffer("seen", torch.zeros(3, 1).expand(3, 4))
        self.register_buffer("other", torch.zeros(2))
        self.count, self.queue, self.table = torch.zeros(2), deque([1]), defaultdict(int, a=1)

    def forward(self, images: Tensor) -> Tensor:
        self.count += 1
        self.seen[:, :1] += 1
        self.other.data = torch.ones(5)
        self.queue.append(2)
        self.table["b"] += 1
        return super().forward(images - self.mean)


@EACH
def test_state_of_every_kind_is_put_back(name: str) -> None:
    network = Stateful()
    before = traces(network)
    attacked(name, network)
    assert differences(before, network) == []
    assert (network.queue, network.table) == (deque([1]), {"a": 1})
    assert not network.count.any()
    assert network.seen.stride() == (1, 0)


class Energy(Head):
    """Its logits contain the gradient of its own energy by its own weights."""

    def forward(self, images: Tensor) -> Tensor:
        with torch.enable_grad():
            logits = super().forward(images)
            weight = self.last.weight
            (slope,) = torch.autograd.grad(logits.logsumexp(1).sum(), weight, create_graph=True)
        return logits - F.linear(self.features(images).mean(dim=(2, 3)), slope)


class Adapting(Energy):
    """Trains its own last layer on the images before it judges them."""

    apart = False

    def forward(self, images: Tensor) -> Tensor:
        with torch.enable_grad():
            seen = images.detach() if self.apart else images
            Head.forward(self, seen).softmax(1).square().sum().neg().backward()
        slope, self.last.weight.grad = self.last.weight.grad, None
        if slope is None:
            return Head.forward(self, images)
        return Head.forward(self, images) - F.linear(self.features(images).mean(dim=(2, 3)), slope)


class AdaptingApart(Adapting):
    """The same; nothing of this training leads back to the images."""

    apart = True


@EACH
@pytest.mark.parametrize("kind", [Energy, AdaptingApart])
def test_a_network_that_differentiates_by_its_weights_is_attacked(name: str, kind: type[Energy]) -> None:
    network = kind(convolution(), nn.ReLU())
    network.features[0].weight.grad = torch.ones(8, 3, 3, 3)
    before = traces(network)
    result = attacked(name, network)
    assert differences(before, network) == []
    assert torch.equal(network.features[0].weight.grad, torch.ones(8, 3, 3, 3))
    assert name == "auto_attack" or (result - images_for("hooks")[0]).abs().max() > 1e-5


@pytest.mark.parametrize("kind", [Energy, Adapting, AdaptingApart])
def test_its_gradients_are_those_of_unfrozen_weights(kind: type[Energy]) -> None:
    network = kind(convolution(), nn.ReLU()).eval()
    images, labels = images_for("hooks")
    uniform = torch.rand(images.shape, generator=torch.Generator().manual_seed(7))
    expected = start = (images + (2 * uniform - 1) * THREAT.radius).clamp(0, 1)
    for _ in range(THREAT.steps):
        leaf = expected.clone().requires_grad_()
        loss = F.cross_entropy(network(leaf.clone()), labels, reduction="sum")
        (slope,) = torch.autograd.grad(loss, leaf)
        change = (expected + THREAT.step_size * slope.sign() - images).clamp(-THREAT.radius, THREAT.radius)
        expected = (images + change).clamp(0, 1)
    threat = THREAT.model_copy(update={"random_start": True})
    attack = PGD(model=network, threat=threat, generator=torch.Generator().manual_seed(7))
    assert not torch.equal(expected, start)
    assert torch.equal(attack(images, labels), expected)
    delta = probability_gradient(lambda points: network(points.clone()), images, labels)
    learned = GATAttack(model=network, perturber=nn.Tanh())(images, labels)
    assert torch.equal(learned, (images + delta.tanh()).clamp(0, 1))


def test_training_of_nothing_in_a_forward_pass_is_refused() -> None:
    network = Adapting(convolution(), nn.ReLU()).requires_grad_(False)
    with pytest.raises(ReproError, match="calls backward"):
        PGD(model=network, threat=THREAT)(*images_for("hooks"))


@EACH
def test_the_given_images_stay_whatever_the_network_writes(name: str) -> None:
    class Writing(Head):
        def forward(self, images: Tensor) -> Tensor:
            with torch.no_grad():
                images.sub_(0.5)
            return super().forward(images)

    network, (images, labels) = Writing(convolution(), nn.ReLU()), images_for("hooks")
    given = images.clone()
    if name == "auto_attack":
        pytest.importorskip("torchattacks", reason="torchattacks is not installed (auditor.txt)")
    ATTACKS[name](network, images, labels)
    assert torch.equal(images, given)


@EACH
def test_inference_mode_makes_no_difference(name: str) -> None:
    network = Head(convolution(), nn.ReLU())
    expected = attacked(name, network)
    with torch.inference_mode():
        images, labels = images_for("hooks")
        inside = ATTACKS[name](network, images, labels)
    assert torch.equal(inside, expected)
    outside = ATTACKS[name](network, images, labels)
    assert torch.equal(outside, expected)
    assert not outside.is_inference()


class Strided(nn.Linear):
    """Reads memory as if it were contiguous."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.as_strided((len(images), VALUES), (VALUES, 1)))


def transfer(network: nn.Module) -> Tensor:
    surrogate = Head(convolution(3, 32), nn.ReLU(), convolution(32, 32), width=32)
    images, labels = images_for("hooks", 40)
    threat = ThreatModel(radius=0.1, step_size=0.03, steps=4, random_start=True, restarts=2)
    generator = torch.Generator().manual_seed(0)
    return Transfer(model=network, surrogate=surrogate, threat=threat, generator=generator)(images, labels)


def test_the_attacked_network_gets_images_in_their_own_order() -> None:
    flat = nn.Linear(VALUES, CLASSES)
    strided = Strided(VALUES, CLASSES)
    strided.load_state_dict(flat.state_dict())
    torch.manual_seed(1)
    expected = transfer(nn.Sequential(nn.Flatten(), flat))
    torch.manual_seed(1)
    assert torch.equal(transfer(strided), expected)


@pytest.mark.parametrize(("fault", "message"), [("nan", "NaN or infinity"), ("classes", "2 classes")])
def test_the_attacked_networks_logits_are_looked_at(fault: str, message: str) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(VALUES, 2 if fault == "classes" else CLASSES))
    if fault == "nan":
        network[1].bias.data.fill_(torch.nan)
    with pytest.raises(ReproError, match=message):
        transfer(network)
