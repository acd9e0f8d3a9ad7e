"""The public attacks: names, goals, transfer, refusals, formats, and ways of doing the work."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import repro.attacks
from attack_cases import Linear, Smooth
from attack_networks import built
from repro.attacks import (
    FGL2,
    FGSM,
    PGD,
    FastGradient,
    ThreatModel,
    Transfer,
)
from repro.attacks.objective import losses
from repro.core.errors import ReproError
from repro.core.timing import SplitWatch
from repro.models.spectral_norm import SpectralConv2d

THREAT = ThreatModel(radius=0.1, step_size=0.04, steps=4)


def images_of(seed: int = 0, n: int = 6, size: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 3, size, size, generator=generator), torch.arange(n) % 4


def test_every_public_name_is_there_and_no_other() -> None:
    for name in repro.attacks.__all__:
        assert getattr(repro.attacks, name).__doc__
    with pytest.raises(AttributeError, match="PDG"):
        _ = repro.attacks.PDG


def test_a_threat_model_needs_no_torch() -> None:
    code = "import sys; from repro.attacks import ThreatModel; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("named", "norm"), [(FGSM, "linf"), (FGL2, "l2")])
def test_named_fast_gradients_are_fast_gradients(named: type[FGSM], norm: str) -> None:
    network = Smooth()
    images, labels = images_of()
    threat = ThreatModel.fast_gradient(norm, 0.2)  # type: ignore[arg-type]
    expected = FastGradient(model=network, threat=threat)(images, labels)
    assert not torch.equal(expected, images)
    assert torch.equal(named(model=network, radius=0.2)(images, labels), expected)


@pytest.mark.parametrize("named", [FGSM, FGL2])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_given_gradient_of_any_format_keeps_the_radius_and_gives_no_graph(
    named: type[FGSM], dtype: torch.dtype
) -> None:
    images, _ = images_of()
    gradient = torch.randn(images.shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    attack = named(model=Smooth(), radius=0.02, clip=False)
    with_graphs = images.clone().requires_grad_(), gradient.clone().requires_grad_()
    found = attack.along(*with_graphs)
    assert not found.requires_grad
    assert torch.equal(found, attack.along(images, gradient.float()))
    assert attack.ball.length(found - images).max() <= 0.02 * (1 + 1e-5)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("loss", ["cross_entropy", "cw_margin"])
def test_a_targeted_attack_comes_closer_to_its_target(norm: str, loss: str) -> None:
    network = Smooth()
    images, labels = images_of(n=12)
    aims = (labels + 1) % 4
    threat = ThreatModel(norm=norm, radius=0.3, step_size=0.1, steps=5, loss=loss, targeted=True)  # type: ignore[arg-type]
    attacked = PGD(model=network, threat=threat)(images, aims)
    with torch.no_grad():
        before, after = losses(network(images), aims, loss), losses(network(attacked), aims, loss)  # type: ignore[arg-type]
    assert (after < before - 1e-3).all()
    assert "towards a given class" in threat.describe()


def test_targeted_restarts_keep_the_result_that_hits() -> None:
    network = Smooth(seed=3)
    images, aims = images_of(n=40)
    hits = {}
    for restarts in (1, 5):
        threat = ThreatModel(
            radius=0.3, step_size=0.1, steps=2, random_start=True, restarts=restarts, targeted=True
        )
        attack = PGD(model=network, threat=threat, generator=torch.Generator().manual_seed(2))
        with torch.no_grad():
            hits[restarts] = network(attack(images, aims)).argmax(1) == aims
    assert not (hits[1] & ~hits[5]).any()
    assert hits[5].sum() > hits[1].sum()


def test_a_targeted_attack_on_two_classes_is_the_untargeted_one_on_the_other() -> None:
    generator = torch.Generator().manual_seed(0)
    network = Linear(torch.randn(3, 4, 4, generator=generator))
    images, labels = torch.rand(6, 3, 4, 4, generator=generator), torch.arange(6) % 2
    away = PGD(model=network, threat=THREAT)(images, labels)
    towards = PGD(model=network, threat=THREAT.model_copy(update={"targeted": True}))(images, 1 - labels)
    assert torch.equal(away, towards)
    for named in (FGSM, FGL2):
        away = named(model=network, radius=0.1)(images, labels)
        torch.testing.assert_close(away, named(model=network, radius=0.1, targeted=True)(images, 1 - labels))


def test_transfer_climbs_the_surrogate_and_leaves_both_networks_alone() -> None:
    network, surrogate = Smooth(seed=0), Smooth(seed=1)
    images, labels = images_of()
    transferred = Transfer(model=network, surrogate=surrogate, threat=THREAT)(images, labels)
    assert torch.equal(transferred, PGD(model=surrogate, threat=THREAT)(images, labels))
    assert not torch.equal(transferred, PGD(model=network, threat=THREAT)(images, labels))
    for module in (network, surrogate):
        assert all(p.requires_grad and p.grad is None for p in module.parameters())


def test_transfer_restarts_are_judged_by_the_network_under_attack() -> None:
    network, surrogate = Smooth(seed=0), Smooth(seed=1)
    images, labels = images_of(n=30)
    results = {}
    for restarts in (1, 6):
        threat = THREAT.model_copy(update={"random_start": True, "restarts": restarts})
        attack = Transfer(
            model=network, surrogate=surrogate, threat=threat, generator=torch.Generator().manual_seed(0)
        )
        with torch.no_grad():
            results[restarts] = losses(network(attack(images, labels)), labels, "cross_entropy")
    assert (results[6] > results[1]).any()
    # a loss may fall only where it buys a misclassification
    with torch.no_grad():
        wrong = network(images).argmax(1) != labels
    assert (results[6] >= results[1])[wrong].all()


def refused(images: Tensor, labels: Tensor, network: nn.Module | None = None) -> str:
    with pytest.raises(ReproError) as caught:
        PGD(model=network or Smooth(), threat=THREAT)(images, labels)
    return caught.value.message


BAD: list[tuple[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], str]] = [
    ("above", lambda x, y: (x + 1, y), "values in"),
    ("below", lambda x, y: (x - 1, y), "values in"),
    ("nan", lambda x, y: (x.index_fill(3, torch.tensor([1]), torch.nan), y), "NaN"),
    ("infinite", lambda x, y: (x * torch.inf, y), "contain"),
    ("bytes", lambda x, y: ((x * 255).to(torch.uint8), y), "uint8"),
    ("no batch", lambda x, y: (x[0, 0, 0], y), "images for an attack are"),
    ("labels of floats", lambda x, y: (x, y.float()), "float32"),
    ("labels of int32", lambda x, y: (x, y.int()), "int32"),
    ("one-hot labels", lambda x, y: (x, y[:, None].expand(-1, 4)), r"\(6, 4\)"),
    ("too few labels", lambda x, y: (x, y[:3]), r"\(3,\)"),
    ("negative label", lambda x, y: (x, y - 1), "-1"),
    ("label that is no class", lambda x, y: (x, y + 1), "4 classes"),
    ("labels elsewhere", lambda x, y: (x, y.to("meta")), "labels on meta"),
    ("images elsewhere", lambda x, y: (x.to("meta"), y.to("meta")), "network is on cpu"),
]


@pytest.mark.parametrize(("change", "message"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_batches_that_make_no_sense_are_refused(
    change: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], message: str
) -> None:
    import re

    assert re.search(message, refused(*change(*images_of())))


def test_a_network_in_float64_is_refused() -> None:
    assert "float64" in refused(*images_of(), Smooth().double())


def test_images_outside_can_be_allowed() -> None:
    images, labels = images_of()
    attacked = PGD(model=Smooth(), threat=THREAT, outside="allow")(images * 1.01 + 0.005, labels)
    assert attacked.max() <= 1
    # rounding alone is not outside
    PGD(model=Smooth(), threat=THREAT)(images.clamp(0, 1) * (1 + 1e-7), labels)


def test_the_given_images_are_not_written() -> None:
    images, labels = images_of()
    kept = images.clone()
    for order in (torch.contiguous_format, torch.channels_last):
        given = images.to(memory_format=order)
        attacked = PGD(model=Smooth(), threat=THREAT)(given, labels)
        assert torch.equal(given, kept)
        assert attacked.stride() == given.stride()
        assert not torch.equal(attacked, given)


def test_spectral_norm_vectors_rest() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(SpectralConv2d(3, 4, 3, 1.0), nn.Flatten(), nn.Linear(64, 4)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images, labels = images_of()
    for mode in ("eval", "train"):
        attack = PGD(model=network, threat=THREAT.model_copy(update={"batch_norm_mode": mode}))
        assert not torch.equal(attack(images, labels), images)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize("low_precision", ["weights", "autocast"])
def test_perturbations_are_float32_under_a_bf16_network(low_precision: str) -> None:
    network = built("batch norm").eval()
    images, labels = images_of(size=12)
    tiny = ThreatModel(norm="l2", radius=1e-3, step_size=1e-3, steps=2)
    reference = PGD(model=network, threat=tiny)(images, labels)
    if low_precision == "weights":
        attacked = PGD(model=network.bfloat16(), threat=tiny)(images, labels)
    else:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            attacked = PGD(model=network, threat=tiny)(images, labels)
    assert attacked.dtype == torch.float32
    # a bf16 perturbation of this size would vanish beside the image
    change, expected = (attacked - images).flatten(1), (reference - images).flatten(1)
    torch.testing.assert_close(change.norm(dim=1), expected.norm(dim=1), rtol=0.02, atol=0)
    assert (torch.cosine_similarity(change, expected) > 0.98).all()


def test_time_is_split_into_network_and_kernel() -> None:
    watch = SplitWatch(torch.device("cpu"))
    images, labels = images_of()
    PGD(model=Smooth(), threat=THREAT, watch=watch)(images, labels)
    assert set(watch.seconds) == {"network", "kernel"}
    assert all(seconds > 0 for seconds in watch.seconds.values())
