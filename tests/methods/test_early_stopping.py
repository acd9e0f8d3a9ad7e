"""Early stopping on validation images: planted curves, the weights that are kept, killed and resumed runs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from method_cases import CPU, equal, make, spec_of, tiny_data, weights
from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.jsonl import read_lines
from repro.core.paths import Layout
from repro.core.records import read_record
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.evaluate.accuracy import correct
from repro.methods.classifier import PATIENCE, Classifier
from repro.methods.early_stopping import EarlyStopping
from repro.methods.registry import load_method
from repro.train.clock import Clock, TimeUsed
from repro.train.record import record_line
from tiny_gan import PowerCutError, cut_at, train_with_checkpoints

CURVE = (0.1, 0.3, 0.5, 0.4, 0.6, 0.6, 0.2, 0.59, 0.7, 0.1)  # by epoch; the second 0.6 is no rise
BEST, STOP = 5, 8  # epochs, with a patience of 3
ROWS = ["classifier", "random_perturbation", "fast_gradient_training", "gat"]
KEPT = {"keep": "best_validation", "patience": 3}


def planted(name: str) -> type[Classifier]:
    """Return a method that scores as CURVE says, by the epochs that its data order has begun."""

    class Planted(load_method(name)):  # type: ignore[misc]
        def validate(self) -> Tensor:
            passes = 2 if name == "gat" else 1  # GAT draws a minibatch for G and one for F
            return torch.tensor(CURVE[(self.batches["train"].epoch + 1) // passes - 1])

    return Planted


@pytest.mark.parametrize("name", ROWS)
def test_training_stops_when_the_accuracy_is_old_and_keeps_the_best_weights(name: str) -> None:
    spec = spec_of(name, **KEPT).model_copy(update={"steps": 2 * len(CURVE)})  # two batches an epoch
    method = planted(name)(spec, tiny_data(), Streams(0), CPU)
    after: list[dict[str, Tensor]] = []
    for step in range(spec.steps):
        record = method.step(step)
        after.append(weights(method))
        done = step + 1
        assert bool(record) == (done <= 2 * STOP)
        assert ("validation_accuracy" in record) == (done % 2 == 0 and done <= 2 * STOP)
        assert ("kept_step" in record) == (done == 2 * STOP)
        if "kept_step" in record:
            assert float(record["kept_step"]) == 2 * BEST
    kept = after[2 * BEST - 1]
    assert not equal(after[2 * STOP - 2], kept)
    assert all(equal(later, kept) for later in after[2 * STOP - 1 :])


def test_the_last_step_has_a_look_too() -> None:
    spec = spec_of("classifier", **KEPT).model_copy(update={"steps": 5})
    method = planted("classifier")(spec, tiny_data(), Streams(0), CPU)
    looks = [method.step(step).get("validation_accuracy") for step in range(5)]
    assert [None if look is None else round(float(look), 6) for look in looks] == [None, 0.1, None, 0.3, 0.5]


@pytest.mark.parametrize("name", ROWS)
def test_last_weights_need_no_validation_images(name: str) -> None:
    method, _ = make(name, keep="last", patience=1)
    kind = load_method(name)
    assert kind.validation_split(spec_of(name)) is None
    seen = [set(method.step(step)) for step in range(4)]
    assert {"loss", "accuracy"} <= seen[0] == seen[-1]
    assert "early_stopping" not in method.state_dict()
    again, _ = make(name)
    for step in range(4):
        again.step(step)
    assert equal(weights(method), weights(again))


def run_spec(name: str = "classifier", **options: Any) -> RunSpec:
    return RunSpec(
        recipe="r", method=name, dataset="cifar10", source="synthetic", seed=1, steps=3 * len(CURVE),
        batch_size=4, width=0.125, snapshots=10, train_limit=12, options={**KEPT, **options},
    )  # fmt: skip


@pytest.mark.parametrize("name", ["classifier", "gat"])
def test_killed_before_the_best_after_it_and_after_the_stop_a_run_ends_bit_identical(
    layout: Layout, name: str
) -> None:
    spec, kind, again = run_spec(name), planted(name), Layout(layout.results, "again")
    through = train_with_checkpoints(spec, layout, kind)
    for step in (4, 17, 20, 27):
        with pytest.raises(PowerCutError):
            train_with_checkpoints(spec, again, cut_at(kind, step))
    resumed = train_with_checkpoints(spec, again, kind)
    torch.testing.assert_close(resumed, through, rtol=0, atol=0)
    shas = [checkpoint.load(place.checkpoint(spec.run_id)).sha256 for place in (layout, again)]
    assert shas[0] == shas[1]
    logs = [read_lines(place.log(spec.run_id)) for place in (layout, again)]
    assert [line["metrics"] for line in logs[0]] == [line["metrics"] for line in logs[1]]
    records = [read_record(place, spec.run_id) for place in (layout, again)]
    assert [(record["steps"], record["steps_taken"]) for record in records] == [(spec.steps, 3 * STOP)] * 2
    assert f" {3 * STOP} of at most {spec.steps} steps in " in record_line(records[0])
    # nothing was trained after the stop: no line, and no seconds a step of nothing
    assert [line["step"] for line in logs[0]] == list(range(1, 3 * STOP + 1))
    assert logs[0][-1]["metrics"]["kept_step"] == 3 * BEST
    best = checkpoint.load(layout.snapshot(spec.run_id, 3 * BEST)).state
    torch.testing.assert_close(through["method"]["modules"], best, rtol=0, atol=0)


def test_the_last_line_is_of_the_last_step_that_trained(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, kind, again = run_spec(), planted("classifier"), Layout(layout.results, "again")
    counted: dict[Clock, int] = Counter()
    monkeypatch.setattr(Clock, "start", lambda clock: counted.update([clock]))
    took = {layout: 3 * STOP, again: 3 * STOP}  # seconds: one a step, none after the stop
    place = layout
    monkeypatch.setattr(
        Clock, "used", lambda clock: TimeUsed(device_seconds=min(counted[clock], took[place]))
    )
    train_with_checkpoints(spec, layout, kind, 7)
    lines = read_lines(layout.log(spec.run_id))
    assert [(line["step"], line["device_seconds_per_step"]) for line in lines] == [
        (step, 1.0) for step in (7, 14, 21, 3 * STOP)
    ]
    place = again
    with pytest.raises(PowerCutError):
        train_with_checkpoints(
            spec, again, cut_at(kind, 27), 7
        )  # its checkpoint is of step 26, before the line
    took[again] = 0
    train_with_checkpoints(spec, again, kind, 7)
    assert [line["step"] for line in read_lines(again.log(spec.run_id))] == [7, 14, 21, 3 * STOP]
    assert read_lines(again.log(spec.run_id))[-1]["device_seconds_per_step"] == 0


def test_a_look_is_the_accuracy_of_the_network_at_rest() -> None:
    method, streams = make("classifier", **KEPT, dropout=0.5)
    data = method.validation = tiny_data()
    for step in range(3):
        method.step(step)
    before = streams.state_dict()
    found = method.validate()
    torch.testing.assert_close(streams.state_dict(), before, rtol=0, atol=0)
    assert method.network.training
    method.network.eval()
    assert float(found) == pytest.approx(correct(method.network, data, (0.0, 1.0)).double().mean().item())


def test_images_that_are_trained_on_cannot_validate() -> None:
    kind = load_method("classifier")
    refused = [run_spec(train_split="train"), run_spec(network="embedding")]
    for spec in refused:
        with pytest.raises(ReproError, match="training split train") as caught:
            kind.validation_split(spec)
        assert "train_split: train45k" in (caught.value.remedy or "")
        assert "keep: last" in (caught.value.remedy or "")
        mended = [{**spec.options, "train_split": "train45k"}, {**spec.options, "keep": "last"}]
        splits = [kind.validation_split(spec.model_copy(update={"options": options})) for options in mended]
        assert splits == ["validation5k", None]


def test_the_declared_patience_loses_little_against_no_stop_at_all() -> None:
    """Ledger gat.patience: curves that rise and swing as the one known beforehand, in points."""
    random, epochs, curves = np.random.default_rng(0), np.arange(1, 31), 300
    for rise in (3.5, 5.0, 8.0):
        for swing in (0.8, 1.2):
            mean = 77 - 34 * np.exp(-epochs / rise) - 0.08 * np.maximum(0, epochs - 18)
            true = mean + random.normal(0, swing, (curves, 30))
            seen = true + random.normal(0, 0.4, (curves, 30))
            lost = {}
            for patience in (3, PATIENCE, 30):
                kept = []
                for own, scores in zip(true, seen, strict=True):
                    stopping = EarlyStopping({}, patience)
                    for epoch, score in enumerate(scores):
                        if not stopping.over:
                            stopping.look(float(score), epoch)
                    kept.append(own[stopping.best_step])
                lost[patience] = float(np.mean(kept))
            assert lost[30] - lost[PATIENCE] < 0.25
            assert lost[30] - lost[3] > 0.5
