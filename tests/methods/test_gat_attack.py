"""GAT's generator against a fixed classifier, attacks of one power, gradients of another network."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from method_cases import CPU, tiny_data
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec, RunSpec
from repro.core.streams import Streams
from repro.data.minibatches import scale
from repro.evaluate.batch import evaluate_batch
from repro.evaluate.context import Context, Shared
from repro.evaluate.equal_power import Options, mean_power, measure
from repro.evaluate.perturbation_grid import MARGIN, ZOOM, draw_perturbations
from repro.evaluate.result import read_result
from repro.evaluate.trained import load_trained
from repro.methods.gat_attack import GATAttackTraining
from repro.train.batch import train_batch
from small_run import small_run

SIZE = {"train_limit": 40, "width": 0.25}
LIVELY = {"generator_learning_rate": 3e-3, "delta_scale": "unit_rms", "validate_every": 2}


def baseline(seed: int = 0) -> RunSpec:
    return small_run("classifier", seed=seed, steps=30, options={"learning_rate": 3e-3}, **SIZE)


def attacker(steps: int = 6, **options: object) -> RunSpec:
    given = {**LIVELY, **options}
    return small_run("gat_attack", steps=steps, parent=baseline().run_id, options=given, **SIZE)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = Layout(tmp_path_factory.mktemp("gat"), "test")
    specs = [baseline(), baseline(1), attacker(c_g=0.0), attacker(c_g=30.0)]
    train_batch(specs, layout, layout.batch("train", "b"), device=CPU, data_root=None, progress=False)
    return layout


def evaluate(layout: Layout, spec: EvaluationSpec) -> dict[str, float]:
    evaluate_batch([spec], layout, layout.batch("evaluate", "b"), device=CPU)
    result = read_result(layout.evaluation(spec.evaluation_id))
    assert result is not None
    assert result.threat_model
    return result.values


def measured(run: str, measure: str, surrogate: str | None = None, **options: object) -> EvaluationSpec:
    return EvaluationSpec(
        measure=measure,
        run=run,
        dataset="cifar10",
        source="synthetic",
        limit=60,
        surrogate=surrogate,
        options=options,  # type: ignore[arg-type]
    )


def test_a_parent_of_another_pixel_range_is_refused() -> None:
    spec = attacker().model_copy(update={"parent": "adversarial_training-cifar10-0123456789-s0"})
    with pytest.raises(ReproError, match="another pixel range") as caught:
        GATAttackTraining(spec, tiny_data(), Streams(0), CPU)
    assert "classifier, gat" in caught.value.remedy


def test_the_classifier_stays_the_parents(trained: Layout) -> None:
    parent = load_trained(trained, baseline().run_id, CPU).method.modules["classifier"].state_dict()
    child = load_trained(trained, attacker(c_g=0.0).run_id, CPU).method
    for name, value in child.modules["classifier"].state_dict().items():
        assert torch.equal(value, parent[name])
    fresh = GATAttackTraining(attacker(c_g=0.0), tiny_data(), Streams(0), CPU)
    weights = fresh.perturber.state_dict()
    assert any(not torch.equal(v, weights[n]) for n, v in child.modules["perturber"].state_dict().items())


def method(**options: object) -> GATAttackTraining:
    found = GATAttackTraining(attacker(steps=40, **options), tiny_data(), Streams(0), CPU)
    found.validation = tiny_data()
    return found


def test_training_stops_early_and_keeps_the_best_generator() -> None:
    training = method(validate_every=1, patience=2, generator_learning_rate=0.3)  # a rate that spoils G
    losses = []
    for step in range(40):
        metrics = training.step(step)
        if not metrics:
            break
        losses.append(float(metrics["validation_loss"]))
    assert len(losses) < 40
    assert losses.index(min(losses)) == len(losses) - 3
    assert float(training.validate()) == pytest.approx(min(losses), rel=1e-5)
    before = {name: value.clone() for name, value in training.perturber.state_dict().items()}
    assert training.step(39) == {}
    assert all(torch.equal(value, before[name]) for name, value in training.perturber.state_dict().items())


def test_the_validation_loss_is_equation_9() -> None:
    training, other = method(c_g=0.7), method(c_g=0.7)
    data = tiny_data()
    images, labels = scale(data.images, (0.0, 1.0)), data.labels

    def expected() -> Tensor:
        perturbation = training.perturb(training.delta(images, labels))
        chances = F.softmax(training.network(images + perturbation), dim=1)[torch.arange(len(labels)), labels]
        return (chances + 0.7 * perturbation.flatten(1).square().sum(1)).mean().detach()

    torch.testing.assert_close(training.validate(), expected())
    first = expected()
    for step in range(5):  # another G on the same Delta
        training.step(step)
    assert not torch.allclose(expected(), first)
    torch.testing.assert_close(training.validate(), expected())
    with torch.no_grad():  # another classifier: none of the old Delta is kept
        for weight in other.network.parameters():
            weight.mul_(1.5)
    training.load_state_dict(other.state_dict())
    torch.testing.assert_close(training.validate(), expected())


def test_early_stopping_survives_a_restart() -> None:
    through, first, second = (method(validate_every=1, patience=3) for _ in range(3))
    for step in range(4):
        through.step(step)
        if step < 2:
            first.step(step)
    second.load_state_dict(first.state_dict())
    second.streams.load_state_dict(first.streams.state_dict())
    for step in range(2, 4):
        second.step(step)
    ours, theirs = through.state_dict()["early_stopping"], second.state_dict()["early_stopping"]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_a_generator_needs_a_classifier_to_train_against() -> None:
    with pytest.raises(ReproError, match="no classifier"):
        GATAttackTraining(attacker().model_copy(update={"parent": None}), tiny_data(), Streams(0), CPU)
    with pytest.raises(ReproError, match="does not hold the classifier"):
        method().start_from({"modules": {}})
    with pytest.raises(ReproError, match="set generator_learning_rate"):
        method(learning_rate=1e-3)


def test_attacks_of_one_power_have_it(trained: Layout) -> None:
    free, dear = (evaluate(trained, measured(attacker(c_g=c_g).run_id, "equal_power")) for c_g in (0.0, 30.0))
    for values in (free, dear):
        assert values["power_l2"] == pytest.approx(values["power"], rel=1e-3)
        assert values["power_linf"] == pytest.approx(values["power"], rel=1e-2)
        assert values["power_noise"] == pytest.approx(values["power"], rel=1e-3)
        assert values["accuracy_l2"] <= values["accuracy_noise"]
        assert values["accuracy_l2"] <= values["accuracy_clean"]
    assert dear["power"] < free["power"]
    grid = trained.evaluation(measured(attacker(c_g=0.0).run_id, "equal_power").evaluation_id)
    with Image.open(grid.with_suffix("") / "grid.png") as picture:
        assert picture.size == (MARGIN + ZOOM * (8 * 33 + 1), ZOOM * (4 * 33 + 1))
    clean = evaluate(trained, measured(baseline().run_id, "robust_accuracy", radii=(0.0, 0.1)))
    assert free["accuracy_clean"] == clean["accuracy@0"]


@pytest.mark.parametrize("level", [0.0, 1e-30, 1e-12])
def test_a_generator_that_barely_perturbs_has_rivals_that_do_not_either(
    trained: Layout, tmp_path: Path, level: float
) -> None:
    """As c_g grows G comes to the zero image (Sec. 3.2): its power and all rivals are numbers then."""
    run = load_trained(trained, attacker(c_g=0.0).run_id, CPU)
    with torch.no_grad():
        *_, weight, bias = run.method.modules["perturber"].parameters()
        weight.zero_()
        bias.fill_(level)
    spec = measured(run.spec.run_id, "equal_power")
    where = Context(spec, Shared(trained, CPU, None, None), tmp_path)
    values = measure(run, where, Options(shown=2))
    assert where.watch.seconds.keys() == {"attack"}
    assert all(math.isfinite(value) for value in values.values())
    assert values["power"] == pytest.approx(0, abs=1e-9)  # such steps are lost in all but black pixels
    for rival in ("l2", "linf", "noise"):
        assert values[f"power_{rival}"] == pytest.approx(0, abs=1e-9)
        assert values[f"accuracy_{rival}"] == values["accuracy"] == values["accuracy_clean"]


def test_an_unscaled_gradient_trains_and_measures(trained: Layout) -> None:
    """The sheet's recipe: Delta as it is, which a sure network makes tiny."""
    spec = attacker(delta_scale="none", generator_learning_rate=1e-4, c_g=10.0)
    train_batch([spec], trained, trained.batch("train", "n"), device=CPU, data_root=None, progress=False)
    values = evaluate(trained, measured(spec.run_id, "equal_power"))
    assert all(math.isfinite(value) for value in values.values())
    assert values["power_l2"] == pytest.approx(values["power"], rel=1e-3, abs=1e-6)


def test_what_a_generator_does_is_measured_over_its_training(trained: Layout) -> None:
    options = {"generator_learning_rate": 3e-3}
    spec = small_run("gat", steps=8, snapshots=4, options=options, **SIZE)
    train_batch([spec], trained, trained.batch("train", "g"), device=CPU, data_root=None, progress=False)
    values = evaluate(trained, measured(spec.run_id, "equal_power", over_training=True, shown=0))
    once = evaluate(trained, measured(spec.run_id, "equal_power", shown=0))
    names = {"power", "accuracy", "accuracy_clean"}
    names |= {f"{what}_{rival}" for what in ("power", "accuracy") for rival in ("l2", "linf", "noise")}
    assert set(once) == names
    assert set(values) == names | {f"{name}@{share}%" for name in names for share in (25, 50, 75, 100)}
    assert once == {name: values[name] for name in names} == {name: values[f"{name}@100%"] for name in names}
    powers = [values[f"power@{share}%"] for share in (25, 50, 75, 100)]
    assert len(set(powers)) == 4
    for share in (25, 50, 75, 100):
        for rival in ("l2", "noise"):
            assert values[f"power_{rival}@{share}%"] == pytest.approx(values[f"power@{share}%"], rel=1e-3)


def test_a_picture_shows_images_and_perturbations_at_their_scale(tmp_path: Path) -> None:
    images = torch.full((1, 3, 4, 4), 0.25)
    delta, perturbation = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    delta[:, :, 0, 0], perturbation[:, :, 0, 0] = -1e-9, 0.1
    factor = draw_perturbations(tmp_path / "grid.png", images, delta, perturbation)
    assert factor == pytest.approx(5.0)
    with Image.open(tmp_path / "grid.png") as picture:
        corners = [picture.getpixel((MARGIN + ZOOM, ZOOM * (1 + 5 * row))) for row in range(4)]
        middles = [picture.getpixel((MARGIN + 3 * ZOOM, ZOOM * (3 + 5 * row))) for row in range(4)]
    assert corners == [(level, level, level) for level in (64, 0, 255, 89)]
    assert middles == [(level, level, level) for level in (64, 128, 128, 64)]


def test_power_is_a_mean_of_lengths_or_of_squares() -> None:
    lengths = torch.tensor([3.0, 4.0])
    assert mean_power(lengths, "mean_norm") == pytest.approx(3.5)
    assert mean_power(lengths, "root_mean_square") == pytest.approx(12.5**0.5)


def test_a_run_without_a_generator_has_no_power(trained: Layout) -> None:
    with pytest.raises(ReproError, match="no generator of perturbations"):
        evaluate(trained, measured(baseline().run_id, "equal_power"))


def test_an_indirect_attack_is_the_direct_one_of_its_surrogate(trained: Layout, tmp_path: Path) -> None:
    attack = {"norm": "l2", "radii": (0.0, 1.0), "unit": "unit", "steps": 1, "step_size": "radius/1"}
    target, other = baseline().run_id, baseline(1).run_id
    direct, itself, indirect = (
        evaluate(trained, measured(target, "robust_accuracy", surrogate, **attack))
        for surrogate in (None, target, other)
    )
    assert itself == direct
    assert indirect["accuracy@0"] == direct["accuracy@0"]
    assert indirect["accuracy@1"] > direct["accuracy@1"]
    spec = measured(target, "robust_accuracy", other, **attack)
    assert spec.evaluation_id != measured(target, "robust_accuracy", **attack).evaluation_id
    with pytest.raises(ReproError, match="checkpoint is missing"):
        evaluate(trained, measured(target, "robust_accuracy", "nothing-s0", **attack))


def test_evaluations_without_a_surrogate_keep_their_ids() -> None:
    spec = EvaluationSpec(
        measure="accuracy", run="gat-cifar10-b2a9805333-s0", dataset="cifar10", source="real"
    )
    assert spec.evaluation_id == "accuracy-d01c7902c5"
