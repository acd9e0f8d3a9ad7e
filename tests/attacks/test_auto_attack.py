"""The auditor: what it finds, what it leaves alone, and the signs of a defence that only hides gradients."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from math import inf

import pytest
import torch
from torch import Tensor, nn

from attack_cases import Rescaled, Smooth
from repro.attacks import PGD, SYMMETRIC, UNIT, AutoAttack, ThreatModel
from repro.attacks import auto_attack as module
from repro.attacks.auto_attack import suspect_signs, tiled_by_square
from repro.attacks.balls import BALLS
from repro.attacks.threat_model import Bounds
from repro.core.errors import ReproError

needs_library = pytest.mark.skipif(
    find_spec("torchattacks") is None, reason="torchattacks is not installed (auditor.txt)"
)


class Steps(nn.Module):
    """A defence that gives no gradient: the image is rounded to a few levels first."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network((images * 16).round() / 16)


def batch(network: nn.Module, n: int) -> tuple[Tensor, Tensor]:
    images = torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return images, network(images).argmax(1)


@needs_library
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_an_audit_is_at_least_as_strong_as_pgd(norm: str) -> None:
    network = Smooth(size=8)
    images, labels = batch(network, 24)
    labels[0] = (labels[0] + 1) % 4  # wrong from the start
    radius = 0.03 if norm == "linf" else 0.2
    threat = ThreatModel(norm=norm, radius=2 * radius, step_size=radius / 2, steps=10, bounds=SYMMETRIC)  # type: ignore[arg-type]
    wide, wide_images = Rescaled(network, SYMMETRIC).train(), UNIT.to(SYMMETRIC, images)
    state = torch.get_rng_state()

    audit = AutoAttack(model=wide, threat=threat, steps=15, queries=60).audit(wide_images, labels)

    assert torch.equal(torch.get_rng_state(), state)
    assert wide.training
    assert all(p.requires_grad and p.grad is None for p in wide.parameters())
    assert BALLS[threat.norm].length(audit.images - wide_images).max() <= threat.radius * (1 + 1e-3)
    assert audit.images.abs().max() <= 1
    with torch.no_grad():
        left = 100 * (wide(audit.images).argmax(1) == labels).double().mean().item()
        by_pgd = 100 * (wide(PGD(model=wide, threat=threat)(wide_images, labels)).argmax(1) == labels)
    assert min(audit.accuracy.values()) == pytest.approx(left)
    assert audit.accuracy["clean"] == pytest.approx(100 * 23 / 24)
    assert 0 < min(audit.accuracy.values()) < audit.accuracy["clean"]
    assert min(audit.accuracy.values()) <= by_pgd.double().mean().item()
    assert list(audit.accuracy) == ["clean", "apgd_ce", "apgd_ce_again", "apgd_t", "fab_t", "square"]
    assert "vanishing_gradients" not in audit.flags


@needs_library
def test_a_defence_that_hides_gradients_is_flagged() -> None:
    network = Smooth(size=8)
    images, labels = batch(network, 24)
    threat = ThreatModel(radius=0.1, step_size=0.02, steps=10)
    audit = AutoAttack(model=Steps(network), threat=threat, steps=4, queries=80).audit(images, labels)
    assert "vanishing_gradients" in audit.flags
    assert "square_beats_gradients" in audit.flags


@needs_library
def test_two_classes_do_without_the_targeted_loss() -> None:
    network = Smooth(classes=2, size=8)
    images, labels = batch(network, 6)
    threat = ThreatModel(radius=0.05, step_size=0.01, steps=2)
    audit = AutoAttack(model=network, threat=threat, steps=3, queries=5).audit(images, labels)
    assert "apgd_t" not in audit.accuracy


def test_signs_have_thresholds() -> None:
    sound = {"clean": 90.0, "apgd_ce": 50.0, "apgd_ce_again": 49.9, "fab_t": 48.0, "square": 47.9}
    assert suspect_signs(sound, 0.5) == ()
    assert suspect_signs(sound | {"square": 47.7}, 0.0) == ("square_beats_gradients",)
    assert suspect_signs(sound | {"apgd_ce": 51.0}, 0.0) == ("restarts_matter",)
    assert suspect_signs(sound, 1.0) == ("vanishing_gradients",)
    for n, images in ((500, 1), (1000, 2), (10_000, 20)):  # 0.2 points, whatever the percentages round to
        for left in range(images, n, n // 100):
            square = {"fab_t": 100 * left / n, "square": 100 * (left - images) / n}
            assert suspect_signs(sound | square, 0.0) == ("square_beats_gradients",), (n, left)


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        if name == "torchattacks":
            raise ImportError("No module named 'torchattacks'")

    monkeypatch.setattr(module, "import_module", missing)
    threat = ThreatModel(radius=0.1, step_size=0.1)
    with pytest.raises(ReproError, match=r"needs the package torchattacks") as caught:
        AutoAttack(model=Smooth(size=8), threat=threat)
    assert "--no-deps torchattacks==" in (caught.value.remedy or "")


def test_batch_statistics_are_refused() -> None:
    threat = ThreatModel(radius=0.05, step_size=0.01, batch_norm_mode="train")
    with pytest.raises(ReproError, match="which images are left"):
        AutoAttack(model=Smooth(size=8), threat=threat)


@needs_library
def test_a_box_without_end_is_refused() -> None:
    network = Smooth(size=8)
    images, labels = batch(network, 8)
    endless = ThreatModel(radius=0.3, step_size=0.03, bounds=Bounds(low=-inf, high=inf))
    with pytest.raises(ReproError, match="must end on all sides") as caught:
        AutoAttack(model=network, threat=endless)
    for advised in ("range of the images as bounds", "PGD"):
        assert advised in (caught.value.remedy or "")
    boxed = endless.model_copy(update={"bounds": UNIT})
    assert AutoAttack(model=network, threat=boxed, steps=2, queries=2)(images, labels).shape == images.shape
    assert PGD(model=network, threat=endless)(images, labels).shape == images.shape


@needs_library
def test_a_targeted_threat_model_is_refused() -> None:
    network = Smooth(size=8)
    images, labels = batch(network, 8)
    aims = (labels + 1) % 4
    threat = ThreatModel(radius=0.3, step_size=0.03, steps=20, targeted=True)
    with pytest.raises(ReproError, match="whatever class") as caught:
        AutoAttack(model=network, threat=threat)
    assert caught.value.remedy == "leave targeted at False, or attack with PGD, which aims at the labels"
    AutoAttack(model=network, threat=threat.model_copy(update={"targeted": False}))
    assert (network(PGD(model=network, threat=threat)(images, aims)).argmax(1) == aims).any()


@needs_library
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_channels_last_changes_nothing(norm: str) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Tanh(), nn.Flatten(), nn.Linear(216, 4)).eval()
    images, labels = batch(network, 6)
    threat = ThreatModel(norm=norm, radius=0.02, step_size=0.01)  # type: ignore[arg-type]
    attack = AutoAttack(model=network, threat=threat, steps=3, queries=5)
    plain = attack.audit(images, labels)
    assert plain.accuracy["fab_t"] > 0, "FAB and Square met no image"
    last = attack.audit(images.contiguous(memory_format=torch.channels_last), labels)
    assert last.accuracy == plain.accuracy
    torch.testing.assert_close(last.images, plain.images)
    network.to(memory_format=torch.channels_last)
    assert attack.audit(images, labels).accuracy == plain.accuracy


@needs_library
@pytest.mark.parametrize("height", [*range(1, 13), 16, 20, 24, 28, 31, 32])
def test_sizes_that_square_cannot_tile_are_known(height: int) -> None:
    library, network = import_module("torchattacks"), Smooth()
    network.forward = lambda x: torch.stack([x.flatten(1).mean(1) + 9, x.flatten(1).mean(1)], 1)  # type: ignore[method-assign]
    square = library.Square(network, norm="L2", eps=0.5, n_queries=2)
    for width in (1, 2, 5, 6, 8, 11, 12, 16, 20, 24, 31, 32, 33, 40):
        try:
            square(torch.full((2, 3, height, width), 0.5), torch.zeros(2, dtype=torch.int64))
            works = True
        except (RuntimeError, ZeroDivisionError):
            works = False
        assert tiled_by_square(height, width) == works, width


class Mean(nn.Module):
    """Two classes by an image's mean, of any shape."""

    def forward(self, images: Tensor) -> Tensor:
        mean = images.flatten(1).mean(dim=1)
        return torch.stack([mean, 0.9 - mean], dim=1)


@needs_library
def test_shapes_that_an_attack_cannot_take_are_refused_before_any_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, threat = Mean(), ThreatModel(norm="l2", radius=0.1, step_size=0.05)
    attack = AutoAttack(model=network, threat=threat, steps=1, queries=1)
    plain = ThreatModel(radius=0.01, step_size=0.005)
    linf = AutoAttack(model=network, threat=plain, steps=1, queries=1)
    large, labels = torch.rand(2, 3, 24, 24), torch.zeros(2, dtype=torch.int64)
    # the remedies
    linf(large, labels)
    attack(torch.rand(2, 3, 32, 32), labels)
    PGD(model=network, threat=threat)(large, labels)
    PGD(model=network, threat=plain)(torch.rand(2, 20), labels)

    monkeypatch.setattr(AutoAttack, "_audit", None)
    with pytest.raises(ReproError, match="cannot lay its tiles on images of 24 x 24") as caught:
        attack(large, labels)
    assert caught.value.remedy == (
        "attack with norm linf or with PGD, or resize the images, to 32 x 32 for example"
    )
    with pytest.raises(ReproError, match=r"takes images \(N, C, H, W\), not \(2, 20\)") as caught:
        linf(torch.rand(2, 20), labels)
    assert caught.value.remedy == "attack with PGD, which takes any shape"


@pytest.fixture
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def strict() -> bool:
    enabled = torch.are_deterministic_algorithms_enabled()
    return enabled and not torch.is_deterministic_algorithms_warn_only_enabled()


@needs_library
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("fails", [False, True])
def test_deterministic_mode_only_warns_within_an_audit(fails: bool) -> None:
    seen = []

    class Looking(Smooth):
        def forward(self, images: Tensor) -> Tensor:
            assert torch.are_deterministic_algorithms_enabled()
            seen.append(strict())
            if fails and len(seen) == 9:
                raise ValueError("in the middle")
            return super().forward(images)

    network = Looking(size=8)
    images, labels = batch(Smooth(size=8), 4)
    attack = AutoAttack(model=network, threat=ThreatModel(radius=0.05, step_size=0.01), steps=3, queries=5)
    if fails:
        with pytest.raises(ValueError, match="in the middle"):
            attack(images, labels)
    else:
        attack(images, labels)
    assert len(seen) > 8
    assert not any(seen)
    assert strict()


@needs_library
@pytest.mark.parametrize("mode", ["default", "warn", "error"])
def test_an_audit_leaves_deterministic_mode_as_it_is(mode: str) -> None:
    network = Smooth(size=8)
    attack = AutoAttack(model=network, threat=ThreatModel(radius=0.05, step_size=0.01), steps=1, queries=1)
    try:
        torch.set_deterministic_debug_mode(mode)
        before = torch.get_deterministic_debug_mode()
        attack(*batch(network, 2))
        assert torch.get_deterministic_debug_mode() == before
    finally:
        torch.set_deterministic_debug_mode("default")


@needs_library
def test_generators_of_initialised_devices_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    forked = []
    fork = torch.random.fork_rng

    def noting(devices: list[int]) -> object:
        forked.extend(devices)
        return fork([])

    monkeypatch.setattr(torch.random, "fork_rng", noting)
    monkeypatch.setattr(module, "cuda_devices", lambda: [0, 1])
    network = Smooth(size=8)
    threat = ThreatModel(radius=0.05, step_size=0.01)
    AutoAttack(model=network, threat=threat, steps=1, queries=1)(*batch(network, 2))
    assert forked == [0, 1]


@needs_library
@pytest.mark.parametrize(("classes", "targets"), [(4, 3), (10, 9), (143, 9)])
def test_targeted_attacks_aim_at_as_many_classes_as_the_authors(classes: int, targets: int) -> None:
    threat = ThreatModel(norm="linf", radius=0.1, step_size=0.1, steps=1)
    network = nn.Linear(1, classes)
    made = AutoAttack(model=network, threat=threat)._attacks(network, 0.1, classes)
    assert {made[name]().n_target_classes for name in ("apgd_t", "fab_t")} == {targets}
