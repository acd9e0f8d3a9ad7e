"""Every attack on every kind of network: an independent library's result, and no trace in the network."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attack_networks import CLASSES, KINDS, Head, Plain, built, convolution, differences, images_for, traces
from repro.attacks import FGL2, FGSM, PGD, AutoAttack, Execution, ThreatModel, TwoClasses
from repro.attacks.objective import losses
from repro.core.errors import ReproError
from repro.models.heads import HeadLogits

torchattacks: Any = pytest.importorskip("torchattacks", reason="torchattacks is not installed (auditor.txt)")

SIZES = {"linf": (0.06, 0.02), "l2": (0.8, 0.3)}
NAMES = pytest.mark.parametrize("name", KINDS)
STEPS = 4


def threat(norm: str = "linf", **more: Any) -> ThreatModel:
    radius, step_size = SIZES[norm]
    return ThreatModel(norm=norm, radius=radius, step_size=step_size, **{"steps": STEPS} | more)  # type: ignore[arg-type]


def plain_pgd(network: nn.Module, images: Tensor, labels: Tensor, norm: str, start: Tensor) -> Tensor:
    """PGD written out; labels below 0 stand for targets."""
    radius, step_size = SIZES[norm]
    targeted = bool((labels < 0).any())
    attacked = start
    for _ in range(STEPS):
        attacked = attacked.detach().requires_grad_()
        classes = -1 - labels if targeted else labels
        loss = nn.functional.cross_entropy(network(attacked), classes, reduction="sum")
        (slope,) = torch.autograd.grad(-loss if targeted else loss, attacked)
        if norm == "linf":
            change = (attacked.detach() + step_size * slope.sign() - images).clamp(-radius, radius)
        else:
            slope = slope / slope.flatten(1).norm(dim=1).clamp_min(1e-30).view(-1, 1, 1, 1)
            change = attacked.detach() + step_size * slope - images
            length = change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            change = change * (radius / length).clamp(max=1)
        attacked = (images + change).clamp(0, 1)
    return attacked


def plain_restarts(network: nn.Module, images: Tensor, labels: Tensor, starts: torch.Generator) -> Tensor:
    """The worst result of each image of three restarts."""
    radius = SIZES["linf"][0]
    best, best_loss, best_won = images.clone(), torch.full((len(images),), -torch.inf), labels < 0
    for _ in range(3):
        start = (images + (2 * torch.rand(images.shape, generator=starts) - 1) * radius).clamp(0, 1)
        attacked = plain_pgd(network, images, labels, "linf", start)
        with torch.no_grad():
            logits = network(attacked)
        won, reached = logits.argmax(1) != labels, losses(logits, labels, "cross_entropy")
        better = (won & ~best_won) | ((won == best_won) & (reached > best_loss))
        best[better], best_loss[better], best_won[better] = attacked[better], reached[better], won[better]
    return best


def theirs(name: str, norm: str, targets: Tensor | None = None) -> Callable[[Tensor, Tensor], Tensor]:
    """Return torchattacks' PGD on a twin of the network, in eval mode; with ``targets`` towards them.

    It averages the loss over the batch, whose gradients float16 cannot hold: there the loop is written out.
    """
    twin = Plain(built(name), KINDS[name]).eval()
    if name == "float16":
        return lambda images, labels: plain_pgd(
            twin, images, labels if targets is None else -1 - targets, norm, images
        )
    radius, step_size = SIZES[norm]
    kind = {"linf": torchattacks.PGD, "l2": torchattacks.PGDL2}[norm]
    attack = kind(twin, eps=radius, alpha=step_size, steps=STEPS, random_start=False)
    if targets is not None:
        attack.set_mode_targeted_by_label(quiet=True)
    return lambda images, labels: attack(images, labels if targets is None else targets)


def same(name: str, found: Tensor, expected: Tensor, images: Tensor, norm: str) -> None:
    """Equal bits under Linf; equal up to rounding under L2, where the order of operations differs."""
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert (found - images).abs().max() > 0.01
    if norm == "linf":
        assert torch.equal(found, expected)
    else:
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


@NAMES
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_pgd_equals_torchattacks_and_leaves_no_trace(name: str, training: bool) -> None:
    norm = "linf" if training else "l2"
    network = built(name).train(training)
    images, labels = images_for(name)
    given, before = images.clone(), traces(network)
    peer = theirs(name, norm)
    torch.manual_seed(1)
    expected = peer(images, labels)
    torch.manual_seed(1)
    found = PGD(model=network, threat=threat(norm), logits=KINDS[name].logits)(images, labels)
    same(name, found, expected, images, norm)
    assert torch.equal(images, given)
    assert differences(before, network) == []


@NAMES
def test_fgsm_and_targeted_attacks_equal_torchattacks(name: str) -> None:
    kind, network = KINDS[name], built(name)
    images, labels = images_for(name)
    radius = SIZES["linf"][0]
    fgsm = torchattacks.FGSM(Plain(built(name), kind).eval(), eps=radius)
    torch.manual_seed(1)
    expected = fgsm(images, labels)
    torch.manual_seed(1)
    step = ThreatModel.fast_gradient("linf", radius)
    found = PGD(model=network, threat=step, logits=kind.logits)(images, labels)
    if name != "float16":  # as above
        same(name, found, expected, images, "linf")

    aims = (labels + 1) % kind.classes
    peer = theirs(name, "linf", aims)
    torch.manual_seed(1)
    expected = peer(images, labels)
    torch.manual_seed(1)
    found = PGD(model=network, threat=threat(targeted=True), logits=kind.logits)(images, aims)
    same(name, found, expected, images, "linf")


@NAMES
def test_restarts_equal_the_plain_loop(name: str) -> None:
    kind, network = KINDS[name], built(name)
    images, labels = images_for(name)
    before = traces(network)
    twin = Plain(built(name), kind).eval()
    torch.manual_seed(1)
    expected = plain_restarts(twin, images, labels, torch.Generator().manual_seed(7))
    torch.manual_seed(1)
    attack = PGD(
        model=network,
        threat=threat(random_start=True, restarts=3),
        generator=torch.Generator().manual_seed(7),
        logits=kind.logits,
    )
    same(name, attack(images, labels), expected, images, "linf")
    assert differences(before, network) == []


def stages(name: str, network: nn.Module, images: Tensor, labels: Tensor, norm: str) -> dict[str, float]:
    """Return what AutoAttack's parts leave, each called by itself on a network in eval mode."""
    classes, radius = KINDS[name].classes, SIZES[norm][0]
    plain = Plain(network, KINDS[name]).eval()
    common: dict[str, Any] = {"norm": {"linf": "Linf", "l2": "L2"}[norm], "eps": radius}
    targeted = common | {"steps": 3, "n_classes": classes, "seed": 0}
    attacks = {
        "apgd_ce": torchattacks.APGD(plain, seed=0, loss="ce", steps=3, **common),
        "apgd_ce_again": torchattacks.APGD(plain, seed=1, loss="ce", steps=3, **common),
        "apgd_t": torchattacks.APGDT(plain, **targeted) if classes >= 4 else None,
        "fab_t": torchattacks.FAB(plain, multi_targeted=True, **targeted),
        "square": torchattacks.Square(plain, n_queries=15, seed=0, **common),
    }
    with torch.no_grad():
        right = plain(images).argmax(1) == labels
    left = {"clean": 100 * right.double().mean().item()}
    for stage, attack in attacks.items():
        if attack is None:
            continue
        at = right.nonzero().flatten()
        if len(at):
            found = attack(images[at], labels[at]).detach()
            change = (found - images[at]).flatten(1)
            length = change.abs().amax(1) if norm == "linf" else change.norm(dim=1)
            with torch.no_grad():
                fell = (plain(found).argmax(1) != labels[at]) & (length <= radius * (1 + 1e-4))
            right[at[fell]] = False
        left[stage] = 100 * right.double().mean().item()
    return left


@NAMES
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_autoattack_equals_its_parts_at_every_stage(name: str, training: bool) -> None:
    if not KINDS[name].exact:
        pytest.skip("other numbers of passes draw other numbers: nothing to compare with")
    norm = "linf" if training else "l2"
    network = built(name).train(training)
    images, _ = images_for(name, 12)
    plain = Plain(built(name), KINDS[name]).eval()
    with torch.no_grad():
        labels = plain(images).argmax(1)
    labels[0] = (labels[0] + 1) % KINDS[name].classes  # one is wrong from the start
    before = traces(network)
    attack = AutoAttack(
        model=network,
        threat=threat(norm),
        steps=3,
        queries=15,
        logits=KINDS[name].logits,
    )
    audit = attack.audit(images, labels)
    with torch.random.fork_rng(devices=[]):
        assert audit.accuracy == stages(name, built(name), images, labels, norm)
    assert not audit.images.requires_grad
    with torch.no_grad():
        left = 100 * (plain(audit.images).argmax(1) == labels).double().mean().item()
    assert left == min(audit.accuracy.values())
    assert differences(before, network) == []


@NAMES
def test_large_batches_may_lie_channels_last_and_are_attacked_alike(name: str) -> None:
    kind, network = KINDS[name], built(name)
    images, labels = images_for(name, 40)
    before = traces(network)
    found = {}
    for chosen in (True, False):
        torch.manual_seed(1)
        execution = Execution(channels_last=chosen)
        attack = PGD(model=network, threat=threat("l2"), logits=kind.logits, execution=execution)
        found[chosen] = attack(images, labels)
        assert differences(before, network) == []
    if not kind.exact:
        return  # the trial's passes draw numbers of their own
    assert (found[True] - images).abs().max() > 0.01
    apart = (found[True] - found[False]).flatten(1).abs().amax(dim=1) > 1e-4
    assert apart.sum() <= 2, "of 40; one whose ReLU lies within rounding of its kink may go the other way"
    torch.testing.assert_close(found[True][~apart], found[False][~apart], atol=1e-4, rtol=0)  # NaN is no kink


@pytest.mark.parametrize("name", ["resnet18", "transformer", "batch norm", "careless", "bfloat16"])
def test_images_of_any_strides_and_number(name: str) -> None:
    network = built(name)
    attack = PGD(model=network, threat=threat())
    images, labels = images_for(name)
    expected = attack(images, labels)
    wide = torch.stack((images, images), dim=-1)[..., 0]
    assert not wide.is_contiguous()
    assert torch.equal(attack(wide, labels), expected)
    last = attack(images.contiguous(memory_format=torch.channels_last), labels)
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert ((last - expected).abs() > 1e-5).double().mean() < (0.05 if name == "bfloat16" else 5e-3)
    assert attack(images[:0], labels[:0]).shape == (0, *images.shape[1:])
    alone = attack(images[:1], labels[:1])
    assert ((alone - expected[:1]).abs() > 1e-5).double().mean() < (0.05 if name == "bfloat16" else 5e-3)
    with torch.inference_mode():
        assert torch.equal(attack(images.clone(), labels.clone()), expected)


def step_of(make: Callable[..., torch.optim.Optimizer], **more: Any) -> Callable[[nn.Module], None]:
    def change(network: nn.Module) -> None:
        optimiser = make(network.parameters(), lr=0.1, **more)
        network(
            torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        ).square().sum().backward()
        optimiser.step()
        optimiser.zero_grad()

    return change


def edit_data(network: nn.Module) -> None:
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.is_floating_point():
            tensor.data.mul_(1.3).add_(0.05)


def replace_module(network: nn.Module) -> None:
    network.last = nn.Linear(8, CLASSES)


def replace_parameters(network: nn.Module) -> None:
    network.last.weight = nn.Parameter(torch.randn(CLASSES, 8))


CHANGES: dict[str, Callable[[nn.Module], None]] = {
    "SGD": step_of(torch.optim.SGD),
    "fused Adam": step_of(torch.optim.Adam, fused=True),
    "foreach Adam": step_of(torch.optim.Adam, foreach=True),
    "data": edit_data,
    "load_state_dict": lambda network: network.load_state_dict(built("batch norm").state_dict()) and None,
    "another module": replace_module,
    "another parameter": replace_parameters,
    "a layer in between": lambda network: network.features.insert(1, convolution(8, 8)) and None,
    "a hook": lambda network: network.features[0].register_forward_hook(lambda m, x, y: y * 2) and None,
    "numpy": lambda network: network.last.weight.detach().numpy().__imul__(1.5) is None,
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_attack_sees_every_change_of_the_network(change: str) -> None:
    network = built("batch norm")
    with torch.no_grad():
        network.features[0].weight.mul_(3)
    images, labels = images_for("batch norm", 40)
    attack = PGD(model=network, threat=threat("l2"))
    before = attack(images, labels)
    CHANGES[change](network)
    fresh = PGD(model=copy.deepcopy(network), threat=threat("l2"))(images, labels)
    again = attack(images, labels)
    assert torch.equal(again, fresh)
    assert not torch.equal(again, before)


class Broken(Head):
    def __init__(self, fault: str) -> None:
        super().__init__(convolution(), nn.ReLU())
        self.fault = fault
        if fault in ("nan weights", "infinite weights"):
            self.last.weight.data[0, 0] = float("nan" if fault == "nan weights" else "inf")

    def forward(self, images: Tensor) -> Any:
        logits = super().forward(images)
        if self.fault == "nan gradient":
            return logits + (images - images).abs().sqrt().sum()
        changes: dict[str, Callable[[], Any]] = {
            "one output": lambda: logits[:, :1],
            "flat output": lambda: logits[:, 0],
            "maps": lambda: logits[:, :, None, None],
            "sum": lambda: logits.sum(dim=0, keepdim=True),
            "classes": lambda: logits.argmax(1, keepdim=True).expand(-1, 2),
            "no gradient": lambda: logits.detach(),
            "tuple": lambda: (logits, images),
            "dictionary": lambda: {"logits": logits},
            "nothing": lambda: None,
            "column of sources": lambda: HeadLogits(logits[:, :1], logits),
        }
        return changes[self.fault]() if self.fault in changes else logits


FAULTS = {
    "nan weights": "NaN or infinity",
    "infinite weights": "NaN or infinity",
    "nan gradient": "loss contains NaN",
    "one output": "one number an image",
    "flat output": "one number an image",
    "maps": "not one row of class logits",
    "sum": "not one row of class logits",
    "classes": "no gradient",
    "no gradient": "no gradient leads",
    "tuple": "a tuple of 2",
    "dictionary": "a dict of logits",
    "nothing": "a NoneType",
    "column of sources": "real-or-fake logits",
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["pgd", "auto_attack"])
def test_what_cannot_be_attacked_is_refused_and_left_alone(fault: str, kind: str) -> None:
    network, (images, labels) = Broken(fault), images_for("dropout")
    before = traces(network)
    attack: Any = (
        PGD(model=network, threat=threat())
        if kind == "pgd"
        else AutoAttack(model=network, threat=threat(), steps=2, queries=2)
    )
    with pytest.raises(ReproError, match=FAULTS[fault]):
        attack(images, labels)
    assert set(differences(before, network)) <= {"value of last.weight"}  # NaN is not itself


@pytest.mark.parametrize(("fault", "read"), [("tuple", "outputs[0]"), ("dictionary", "outputs['logits']")])
def test_the_advised_reading_of_outputs_works(fault: str, read: str) -> None:
    network, (images, labels) = Broken(fault), images_for("dropout")
    with pytest.raises(ReproError) as caught:
        PGD(model=network, threat=threat())(images, labels)
    advised = (caught.value.remedy or "").split("PGD(..., logits=")[1].removesuffix(")")
    assert advised == f"lambda outputs: {read}"
    attacked = PGD(model=network, threat=threat(), logits=eval(advised))(images, labels)
    assert (attacked - images).abs().max() > 0.05


@pytest.mark.parametrize("fault", ["one output", "flat output"])
def test_the_advised_two_classes_work(fault: str) -> None:
    network, (images, labels) = TwoClasses(Broken(fault)), images_for("dropout")
    attacked = PGD(model=network, threat=threat())(images, labels % 2)
    with torch.no_grad():
        outputs = network.eval()(images)[:, 1], network(attacked)[:, 1]
    away = torch.where(labels % 2 == 1, -1.0, 1.0)
    assert ((outputs[1] - outputs[0]) * away > 0).all()


def test_a_lazy_network_is_refused_until_it_has_run_once() -> None:
    network = nn.Sequential(nn.Flatten(), nn.LazyLinear(CLASSES))
    images, labels = images_for("dropout")
    with pytest.raises(ReproError, match="lazy layer"):
        PGD(model=network, threat=threat())(images, labels)
    network(images)
    assert (PGD(model=network, threat=threat())(images, labels) - images).abs().max() > 0.05


@pytest.mark.parametrize("named", [FGSM, FGL2])
def test_fast_gradients_call_by_keyword(named: type[FGSM]) -> None:
    images, labels = images_for("hooks")
    network = built("hooks")
    attack = named(model=network, radius=0.1)
    assert torch.equal(attack(images=images, labels=labels), attack(images, labels))


def test_an_exception_in_the_network_leaves_it_as_it_was() -> None:
    class Failing(Head):
        def forward(self, images: Tensor) -> Tensor:
            self.touched = True
            if len(self.seen) == 2:
                raise ArithmeticError("third pass")
            self.seen.append(images)
            return super().forward(images)

    network = Failing(convolution(), nn.BatchNorm2d(8))
    network.seen = []
    before = traces(network)
    images, labels = images_for("dropout")
    with pytest.raises(ArithmeticError):
        PGD(model=network, threat=threat())(images, labels)
    assert differences(before, network) == []
