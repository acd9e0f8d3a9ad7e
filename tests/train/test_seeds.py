"""Batches of seeds in the loop: a log, checkpoint and record for each run, resumable, one may fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.families import seed_batches
from repro.core.jsonl import read_lines
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.core.timing import SplitWatch
from repro.methods.classifier import Classifier
from repro.methods.registry import joinable_names, load_method
from repro.train import seed_batch
from repro.train.batch import train_batch
from repro.train.begin import begin, new_run
from repro.train.clock import Clock
from repro.train.loop import train
from repro.train.record import finished
from repro.train.run import train_run
from repro.train.seed_batch import SeedBatch
from repro.train.seeds import train_seeds
from repro.train.settings import LoopSettings
from repro.train.training_data import TrainingData
from small_run import small_run

CPU = torch.device("cpu")
QUIET = LoopSettings(log_every=2, checkpoint_steps=2)


def specs(method: str = "gat", count: int = 3, **options: object) -> list[RunSpec]:
    # narrower, some gradients are 0 but for rounding, which Adam makes a whole step
    fields = {"train_limit": 20, "width": 0.25, "snapshots": 2, "options": options}
    return [small_run(method, seed=seed, **fields) for seed in range(count)]


def tensors(layout: Layout, spec: RunSpec) -> dict[str, torch.Tensor]:
    state = checkpoint.load(layout.checkpoint(spec.run_id)).state["method"]["modules"]
    return {f"{part}.{name}": value for part, own in state.items() for name, value in own.items()}


def equal(layout: Layout, other: Layout, runs: list[RunSpec]) -> None:
    for spec in runs:
        ours, theirs = tensors(layout, spec), tensors(other, spec)
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            torch.testing.assert_close(theirs[name], value, rtol=1e-3, atol=1e-4)


@pytest.fixture(autouse=True)
def _stacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed_batch, "PAYS", {("cpu", "float32")})  # where it is no faster: not so by default


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """The runs of ``specs()``, each trained by itself; nobody may write there."""
    layout = Layout(tmp_path_factory.mktemp("alone"), "test")
    for spec in specs():
        train_run(spec, layout, device=CPU, data_root=None, progress=False, settings=QUIET)
    return layout


def test_a_batch_of_seeds_leaves_what_single_runs_leave(layout: Layout, alone: Layout) -> None:
    runs = specs()
    manifest = layout.batch("train", "b")
    train_batch(runs, layout, manifest, device=CPU, data_root=None, progress=False, settings=QUIET, seeds=3)
    equal(alone, layout, runs)
    assert set(json.loads(manifest.read_text())) == {spec.run_id for spec in runs}
    for spec in runs:
        record = finished(layout, spec.run_id, spec)
        assert record is not None
        assert record["sessions"][0]["seeds_together"] == 3
        ours, theirs = (read_lines(place.log(spec.run_id)) for place in (layout, alone))
        assert [line["step"] for line in ours] == [line["step"] for line in theirs] == [2, 4, 6]
        for one, other in zip(ours, theirs, strict=True):
            assert one["metrics"] == pytest.approx(other["metrics"], rel=1e-2)
        assert [snapshot["step"] for snapshot in record["snapshots"]] == [3, 6]
    assert not torch.equal(*(tensors(layout, spec)["classifier.layers.0.weight"] for spec in runs[:2]))


def test_seeds_that_were_stopped_at_different_steps_catch_up(layout: Layout, alone: Layout) -> None:
    runs = specs()
    kind = load_method("gat")
    images, _ = TrainingData().load_all(kind, runs[0], None, CPU)
    for spec, until in ((runs[0], 2), (runs[1], 6)):  # the second needs only its record
        run = new_run(kind, images, spec, layout, device=CPU, settings=QUIET)
        begin(run)
        train(run, until=until, progress=False)
    failed = train_seeds(runs, layout, device=CPU, data_root=None, progress=False, settings=QUIET)
    assert failed == {}
    equal(alone, layout, runs)
    for spec in runs:
        assert finished(layout, spec.run_id, spec) is not None
        assert [line["step"] for line in read_lines(layout.log(spec.run_id))] == [2, 4, 6]
    train_seeds(runs, layout, device=CPU, data_root=None, progress=False)  # nothing is left to do


def test_seeds_of_a_method_that_stops_early_end_as_if_trained_alone(layout: Layout) -> None:
    parent = specs("classifier", 1, learning_rate=3e-3)[0]
    lively = {"generator_learning_rate": 0.1, "delta_scale": "unit_rms", "validate_every": 1, "patience": 1}
    runs = [
        spec.model_copy(update={"parent": parent.run_id, "steps": 12})
        for spec in specs("gat_attack", **lively)
    ]
    single = Layout(layout.results, "single")
    for place in (layout, single):
        train_run(parent, place, device=CPU, data_root=None, progress=False)
    for spec in runs:
        train_run(spec, single, device=CPU, data_root=None, progress=False, settings=QUIET)
    assert train_seeds(runs, layout, device=CPU, data_root=None, progress=False, settings=QUIET) == {}
    looks = []
    for spec in runs:
        ours, theirs = (checkpoint.load(place.checkpoint(spec.run_id)) for place in (layout, single))
        assert ours.sha256 == theirs.sha256
        logs = [read_lines(place.log(spec.run_id)) for place in (layout, single)]
        assert [line["metrics"] for line in logs[0]] == [line["metrics"] for line in logs[1]]
        looks.append(sum("validation_loss" in line["metrics"] for line in logs[0]))
    assert min(looks) < 6  # of the six log lines; so one seed at least did stop early
    assert len({checkpoint.load(layout.checkpoint(spec.run_id)).sha256 for spec in runs}) == 3


def test_seeds_that_stop_early_at_different_epochs_leave_the_stack(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    curves = {0: (0.5, 0.1, 0.1, 0.1, 0.1), 1: (0.1, 0.2, 0.3, 0.1, 0.2), 2: (0.1, 0.5, 0.1, 0.1, 0.6)}

    def planted(method: Classifier) -> torch.Tensor:  # GAT draws two minibatches a step
        return torch.tensor(curves[method.spec.seed][(method.batches["train"].epoch + 1) // 2 - 1])

    monkeypatch.setattr(Classifier, "validate", planted)
    runs = [
        spec.model_copy(update={"steps": 10})
        for spec in specs(keep="best_validation", patience=2, dropout=0.2)
    ]
    single = Layout(layout.results, "single")
    for spec in runs:
        train_run(spec, single, device=CPU, data_root=None, progress=False, settings=QUIET)
    assert train_seeds(runs, layout, device=CPU, data_root=None, progress=False, settings=QUIET) == {}
    equal(single, layout, runs)
    for spec, kept, end in zip(runs, (2, 6, 4), (6, 10, 8), strict=True):
        record = finished(layout, spec.run_id, spec)
        assert record is not None
        assert record["sessions"][0]["seeds_together"] == 3
        for place in (layout, single):
            lines = read_lines(place.log(spec.run_id))
            assert [line["step"] for line in lines] == list(range(2, end + 1, 2))
            assert lines[-1]["metrics"]["kept_step"] == kept


def test_time_is_shared_among_the_seeds_that_train(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("repro.core.timing.time", SimpleNamespace(perf_counter=lambda: now[0]))

    class Member:
        device, settings, path, step = CPU, QUIET, None, 0

        def __init__(self, seed: int) -> None:
            self.name, self.ends, self.spec = f"s{seed}", seed + 1, SimpleNamespace(precision="float32")
            self.state = SimpleNamespace(method=SimpleNamespace(watch=SplitWatch(CPU), over=False))

        @contextmanager
        def opened(self, clock: Clock) -> Iterator[None]:
            self.clock = clock
            yield

        def take_step(self) -> None:
            now[0] += 0.0 if self.state.method.over else 10.0
            self.step += 1
            self.state.method.over = self.step >= self.ends

    members = [Member(seed) for seed in range(3)]
    batch = SeedBatch(members)  # type: ignore[arg-type]
    with batch.opened():
        for _ in range(4):  # the last without any
            batch.take_step()
            now[0] += 1.0  # of each step's time, as nothing asked for it yet
        used = [member.clock.used() for member in members]
    assert [each.device_seconds for each in used] == pytest.approx(
        [31 / 3, 31 / 3 + 21 / 2, 31 / 3 + 21 / 2 + 11]
    )
    assert sum(each.seconds for each in used) > 0


def test_a_seed_that_diverges_while_it_catches_up_leaves_the_others(layout: Layout, alone: Layout) -> None:
    runs = specs()
    kind = load_method("gat")
    images, _ = TrainingData().load_all(kind, runs[0], None, CPU)
    for spec in runs[1:]:
        run = new_run(kind, images, spec, layout, device=CPU, settings=QUIET)
        begin(run)
        train(run, until=2, progress=False)
    original = kind.iterate

    def iterate(self: Classifier) -> dict[str, torch.Tensor]:
        metrics = original(self)
        return metrics if metrics["loss"].numel() > 1 else {**metrics, "loss": torch.tensor(float("nan"))}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "iterate", iterate)
        failed = train_seeds(runs, layout, device=CPU, data_root=None, progress=False, settings=QUIET)
    assert list(failed) == [runs[0].run_id]
    equal(alone, layout, runs[1:])


def test_a_seed_that_diverges_leaves_the_batch(layout: Layout, alone: Layout) -> None:
    runs = specs()
    failing = runs[1].run_id
    kind = load_method("gat")
    original = kind.iterate

    def iterate(self: Classifier) -> dict[str, torch.Tensor]:
        metrics = original(self)
        if metrics["loss"].numel() == 3:
            metrics["loss"][1] = float("nan")
        return metrics

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "iterate", iterate)
        failed = train_seeds(runs, layout, device=CPU, data_root=None, progress=False, settings=QUIET)
    assert list(failed) == [failing]
    assert "not finite" in str(failed[failing])
    left = [spec for spec in runs if spec.run_id != failing]
    equal(alone, layout, left)
    assert finished(layout, failing) is None


def test_a_damaged_seed_leaves_the_others(layout: Layout, alone: Layout) -> None:
    runs = [*specs(), *specs("gat", 5)[3:]]
    damaged = {runs[0].run_id: "checkpoint", runs[1].run_id: "record", runs[3].run_id: "checkpoint"}
    for spec in (*runs[:2], runs[3], runs[4]):
        train_run(spec, layout, device=CPU, data_root=None, progress=False, settings=QUIET)
    layout.record(runs[0].run_id).unlink()  # one that would go on, two that are finished; another is whole
    for run_id, what in damaged.items():
        getattr(layout, what)(run_id).write_bytes(b"x")
    with pytest.raises(ReproError, match="3 of 5 runs failed") as caught:
        train_batch(
            runs, layout, layout.batch("train", "b"), device=CPU, data_root=None, progress=False, seeds=5
        )
    assert [run.run_id for run in runs if f"- {run.run_id}: " in str(caught.value)] == list(damaged)
    equal(alone, layout, runs[2:3])
    assert finished(layout, runs[2].run_id) is not None


def test_what_fails_all_that_are_left_fails_no_finished_one(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = specs()
    train_run(runs[0], layout, device=CPU, data_root=None, progress=False)

    def missing(*_: object) -> None:
        raise ReproError("no images", remedy="place them")

    monkeypatch.setattr(TrainingData, "load_all", missing)
    failed = train_seeds(runs, layout, device=CPU, data_root=None, progress=False)
    assert list(failed) == [spec.run_id for spec in runs[1:]]


def test_only_seeds_of_one_training_are_batched() -> None:
    runs = [*specs(), *specs(c_g=2.0), *specs("gan", 2)]
    child = runs[0].model_copy(update={"parent": "other-s0"})
    found = [[spec.seed for spec in batch] for batch in seed_batches([*runs, child], 2, joinable_names())]
    assert found == [[0, 1], [2], [0, 1], [2], [0], [1], [0]]
    assert set(joinable_names()) == {"classifier", "fast_gradient_training", "gat", "random_perturbation"}
    assert [len(batch) for batch in seed_batches(runs, 1, joinable_names())] == [1] * len(runs)
