"""Robust accuracy against the closed form of a linear classifier, and the attacker's options."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from papers_case import plan_of
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec
from repro.data.fingerprint import fingerprint
from repro.data.image_set import ImageSet
from repro.data.load import load_images
from repro.data.minibatches import scale
from repro.evaluate import local_lipschitz
from repro.evaluate import robust_accuracy as module
from repro.evaluate.context import Context, Shared
from repro.evaluate.registry import Values, validate_options
from repro.evaluate.robust_accuracy import Options, measure, without_gradient, withstands

BOUNDS = (-1.0, 1.0)


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.weight = nn.Parameter(torch.randn(2, 48, generator=generator))

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight.T


def grey_images(n: int = 400) -> ImageSet:
    """Return images far from the box's walls, which so never bind; nine in ten labels are Linear's."""
    generator = torch.Generator().manual_seed(2)
    images = torch.randint(100, 156, (n, 3, 4, 4), generator=generator, dtype=torch.uint8)
    labels = Linear()(scale(images, BOUNDS)).argmax(1).detach()
    labels[: n // 10] = 1 - labels[: n // 10]
    return ImageSet(
        "grey", "test", "synthetic", images, labels, ("a", "b"), fingerprint(images, labels), False
    )


def test_local_lipschitz_of_a_linear_classifier_has_its_closed_form() -> None:
    """The cross-entropy's gradient has length (1 - p_y) |w_0 - w_1|."""
    network, data = Linear().eval(), grey_images()
    trained = SimpleNamespace(method=SimpleNamespace(classifier=lambda: network, bounds=BOUNDS))
    where, options = SimpleNamespace(labelled=lambda split: data), local_lipschitz.Options(batch_size=150)
    found = local_lipschitz.measure(trained, where, options)  # type: ignore[arg-type]
    chances = network(scale(data.images, BOUNDS)).detach().double().softmax(1)
    other = chances.gather(1, 1 - data.labels[:, None]).squeeze(1)
    norms = other * (network.weight[0] - network.weight[1]).detach().double().norm()
    assert found["local_lipschitz"] == pytest.approx(norms.mean().item(), rel=1e-4)
    assert found["local_lipschitz_std"] == pytest.approx(norms.std(correction=0).item(), rel=1e-4)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("random_start", [False, True])
def test_linear_classifier_equals_the_closed_form(norm: str, random_start: bool) -> None:
    """Two classes: right at every point of the ball exactly if the margin exceeds radius x dual norm."""
    network, data = Linear().eval(), grey_images()
    difference = (network.weight[1] - network.weight[0]).detach()
    dual = difference.abs().sum() if norm == "linf" else difference.norm()
    margin = (scale(data.images, BOUNDS).flatten(1) @ difference) * (2 * data.labels - 1)
    options = Options(norm=norm, radii=(0.0, 0.02), steps=20, random_start=random_start)  # type: ignore[arg-type]
    for radius in (0.0, 0.02 if norm == "linf" else 0.1):
        threat = options.threat_model(radius, BOUNDS)
        starts = torch.Generator().manual_seed(0)
        right = withstands(network, data, threat, starts=starts, batch_size=150)
        expected = margin > radius * dual
        assert 0.1 < expected.double().mean() < 0.95
        assert torch.equal(right, expected)


def test_restarts_only_take_away() -> None:
    """With one short step from a random start, more starts find more."""
    network, data = Linear().eval(), grey_images()
    found = []
    for restarts in (1, 8):
        options = Options(steps=1, step_size=0.002, random_start=True, restarts=restarts)
        threat = options.threat_model(0.03, BOUNDS)
        starts = torch.Generator().manual_seed(0)
        found.append(withstands(network, data, threat, starts=starts, batch_size=400))
    assert not (found[1] & ~found[0]).any()
    assert found[1].sum() < found[0].sum()


def fitted(data: ImageSet, times: float) -> nn.Module:
    """A linear classifier that is right on ``data``, its logits multiplied."""
    x = scale(data.images, BOUNDS).flatten(1).double()
    targets = nn.functional.one_hot(data.labels).double() * 2 - 1
    layer = nn.Linear(x.shape[1], targets.shape[1], bias=False)
    layer.weight.data = times * (torch.linalg.pinv(x) @ targets).T.float()
    return nn.Sequential(nn.Flatten(), layer).eval()


@pytest.mark.parametrize(
    ("times", "loss", "flagged"),
    [(1, "cross_entropy", False), (1e4, "cross_entropy", True), (1e4, "cw_margin", False)],
)
def test_a_saturated_loss_is_flagged(layout: Layout, times: float, loss: str, flagged: bool) -> None:
    """Its gradient is exactly 0, so that the attack moves nothing; the margin does not saturate."""
    data = load_images("cifar10", "test", source="synthetic", limit=40, root=None)
    values, where = measured(layout, fitted(data, times), loss=loss)
    assert values["accuracy@0"] == 100
    assert (values["accuracy@0.5"] == 100) == flagged
    assert where.flags == ({"vanishing_gradients"} if flagged else set())


def test_the_time_of_the_test_of_the_attack_counts(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    def noting(*args: object, watch: object, **streams: object) -> Tensor:
        given.append(watch)
        return torch.ones(2, 1, dtype=torch.bool)

    monkeypatch.setattr(module, "hits_of", noting)
    data = load_images("cifar10", "test", source="synthetic", limit=40, root=None)
    _, where = measured(layout, fitted(data, 1), planted=2)
    assert given == [where.watch]


def measured(layout: Layout, network: nn.Module, **options: object) -> tuple[Values, Context]:
    chosen = Options.model_validate({"radii": (0.0, 0.5), "steps": 3, **options})
    spec = EvaluationSpec(
        measure="robust_accuracy", run="r", dataset="cifar10", source="synthetic", limit=40,
        options=chosen.model_dump(exclude_unset=True),
    )  # fmt: skip
    where = Context(spec, Shared(layout, torch.device("cpu"), None, None), layout.root / "pictures")
    method = SimpleNamespace(classifier=lambda: network, bounds=BOUNDS)
    return measure(SimpleNamespace(method=method), where, chosen), where  # type: ignore[arg-type]


def test_images_without_a_gradient_are_those_that_were_right_and_cannot_be_moved() -> None:
    data = grey_images(40)
    clear, threat = Linear().eval(), Options().threat_model(0.1, BOUNDS)
    assert without_gradient(clear, data, threat, batch_size=15) == 0

    class Gated(nn.Module):
        """No gradient at images whose first value is above the middle."""

        def forward(self, images: Tensor) -> Tensor:
            open_ = images[:, 0, 0, 0] <= 0
            return clear(torch.where(open_[:, None, None, None], images, images.detach()))

    images = scale(data.images, BOUNDS)
    right = clear(images).argmax(1) == data.labels
    closed = images[:, 0, 0, 0] > 0
    expected = 100 * (closed & right).sum() / right.sum()
    assert 0 < expected < 100
    assert without_gradient(Gated(), data, threat, batch_size=15) == pytest.approx(expected.item())


@pytest.mark.parametrize(("unit", "factor"), [("model", 1.0), ("symmetric", 1.0), ("unit", 2.0)])
def test_units_of_the_radius(unit: str, factor: float) -> None:
    options = Options(unit=unit, step_size="radius/4")  # type: ignore[arg-type]
    threat = options.threat_model(0.04, BOUNDS)
    assert threat.radius == pytest.approx(0.04 * factor)
    assert threat.step_size == pytest.approx(0.01 * factor)
    assert (threat.bounds.low, threat.bounds.high) == BOUNDS


def test_fixed_step_size_does_not_follow_the_radius() -> None:
    options = Options(step_size=0.0078)
    assert {options.threat_model(radius, BOUNDS).step_size for radius in (0.01, 0.08)} == {0.0078}


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("step_size", "a fifth", "part of the radius"),
        ("step_size", "radius/0", "part of the radius"),
        ("step_size", "radius/0.00", "part of the radius"),
        ("radii", (), "at least 1 item"),
        ("norm", "l7", "linf"),
        ("loss", "joint", "cross_entropy"),
        ("epsilon", 0.1, "no option 'epsilon'"),
    ],
)
def test_bad_options_are_refused(option: str, value: object, message: str) -> None:
    with pytest.raises(ReproError, match=message):
        validate_options("robust_accuracy", {option: value})


@pytest.mark.parametrize("measure", ["accuracy", "equal_power"])
def test_batches_of_no_image_are_refused(measure: str) -> None:
    with pytest.raises(ReproError, match="batch_size"):
        validate_options(measure, {"batch_size": 0})


@pytest.mark.parametrize("measure", ["robust_accuracy", "auto_attack"])
@pytest.mark.parametrize(
    ("options", "fits"),
    [
        ({"radii": (8.0,), "unit": "unit"}, False),
        ({"radii": (8 / 255,), "unit": "unit"}, True),
        ({"radii": (2.1,), "unit": "model"}, False),
        ({"radii": (56.0,), "norm": "l2", "unit": "unit"}, False),  # 32 x 32 x 3: 55.4 across
        ({"radii": (8.0,), "norm": "l2", "unit": "unit"}, True),
    ],
)
def test_radii_beyond_the_box_are_refused_before_anything_runs(
    measure: str, options: dict[str, object], fits: bool
) -> None:
    asked = EvaluationSpec(measure=measure, run="r", dataset="cifar10", source="real")
    read = validate_options(measure, options)  # type: ignore[arg-type]
    if fits:
        read.check(asked)
        return
    with pytest.raises(ReproError, match="exceeds the box") as caught:
        read.check(asked)
    assert "/255?" in caught.value.remedy


def test_the_published_script_attacks_ten_thousand_training_images() -> None:
    plan = plan_of("paper")
    at = {(cell.column, cell.convention): cell for cell in plan.cells["robgan/table1"]}
    options = plan.evaluations[at["CIFAR10 delta=0.04", "published_code"].evaluations[0]].options
    assert (options["split"], options["first"]) == ("train", 10_000)
    assert "first" not in plan.evaluations[at["CIFAR10 delta=0.04", "paper"].evaluations[0]].options
