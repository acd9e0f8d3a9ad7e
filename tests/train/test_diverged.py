"""A run that diverges ends there, its record says when and what, and it is never trained again."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

import tiny_gan
from repro.core import checkpoint
from repro.core.divergence import Divergence, divergence_of
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.evaluate.trained import load_trained
from repro.train.batch import train_batch
from repro.train.metric_means import DivergedError
from repro.train.record import finished
from repro.train.run import train_run
from repro.train.seeds import train_seeds
from repro.train.settings import LoopSettings
from repro.verify.records import check_record

CPU = torch.device("cpu")
RECORD = LoopSettings(diverged="record", checkpoint_steps=7, log_every=5)


def wild(seed: int = 0, lr: float = 1e30, **more: object) -> RunSpec:
    """A DCGAN whose first step throws its weights away."""
    options = {"network": "dcgan", "n_dis": 1, "loss": "non_saturating", "learning_rate": lr, "decay": "none"}
    return RunSpec(
        recipe="wild", method="gan", dataset="cifar10", source="synthetic", train_limit=32, seed=seed,
        steps=6, batch_size=8, width=0.0625, options=options, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def files(layout: Layout, run_id: str) -> dict[str, bytes]:
    folder = layout.run(run_id)
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.name != ".lock"}


def test_the_record_says_when_and_what(layout: Layout) -> None:
    spec = tiny_gan.tiny_spec(poison_step=16, snapshots=4)
    tiny_gan.train(spec, layout, RECORD)
    record = json.loads(layout.record(spec.run_id).read_text())
    assert record["diverged"] == {
        "quantity": "generator_loss",  # the first one of the step after
        "step": 18,
        "last_good_step": 14,
        "reason": "generator_loss is not finite",
    }
    assert divergence_of(layout, spec.run_id) == Divergence.model_validate(record["diverged"])
    assert record["steps"] == 18
    assert record["spec"]["steps"] == 40
    assert record["seconds"] > 0
    kept = checkpoint.load(layout.checkpoint(spec.run_id))
    assert kept.header["step"] == 14
    assert record["checkpoint_sha256"] == kept.sha256
    assert [entry["step"] for entry in record["snapshots"]] == [10]
    assert record["metrics"].keys() == {"generator_loss", "discriminator_loss"}
    assert all(value == value for value in record["metrics"].values())  # of the last good interval


def test_a_run_that_diverges_in_its_first_step_has_a_record_and_no_checkpoint(layout: Layout) -> None:
    spec = wild()
    train_run(spec, layout, device=CPU, data_root=None, progress=False, settings=RECORD)
    record = finished(layout, spec.run_id, spec)
    assert record is not None
    assert record["checkpoint_sha256"] is None
    assert record["diverged"]["step"] <= 2
    assert not layout.checkpoint(spec.run_id).exists()
    with pytest.raises(ReproError, match="diverged at step"):
        load_trained(layout, spec.run_id, CPU)


def test_it_is_not_trained_again(layout: Layout) -> None:
    spec = wild()
    train_run(spec, layout, device=CPU, data_root=None, progress=False, settings=RECORD)
    before = files(layout, spec.run_id)
    train_run(spec, layout, device=CPU, data_root=None, progress=False, settings=RECORD)
    assert files(layout, spec.run_id) == before
    with pytest.raises(DivergedError, match="diverged at step"):  # whoever wants to stop is told
        train_run(spec, layout, device=CPU, data_root=None, progress=False)
    assert files(layout, spec.run_id) == before


def test_without_the_option_it_is_an_error_and_can_be_recorded_later(layout: Layout) -> None:
    spec = wild()
    with pytest.raises(DivergedError):
        train_run(spec, layout, device=CPU, data_root=None, progress=False)
    assert finished(layout, spec.run_id) is None
    train_run(spec, layout, device=CPU, data_root=None, progress=False, settings=RECORD)
    assert divergence_of(layout, spec.run_id) is not None


def test_a_resumed_run_counts_its_steps_from_the_start(layout: Layout) -> None:
    spec = tiny_gan.tiny_spec(poison_step=16)
    with pytest.raises(DivergedError) as caught:
        tiny_gan.train(spec, layout, RECORD.model_copy(update={"diverged": "stop"}))
    tiny_gan.train(spec, layout, RECORD)  # goes on from step 14
    assert divergence_of(layout, spec.run_id) == caught.value.divergence


def test_what_starts_from_it_is_recorded_untrained(layout: Layout) -> None:
    parent = tiny_gan.tiny_spec(poison_step=3)
    child = tiny_gan.tiny_spec(seed=1, parent=parent.run_id)
    tiny_gan.train(parent, layout, RECORD)
    with pytest.raises(DivergedError, match=f"its parent {parent.run_id} diverged"):
        tiny_gan.train(child, layout)
    tiny_gan.train(child, layout, RECORD)
    record = finished(layout, child.run_id, child)
    assert record is not None
    assert record["diverged"]["quantity"] == "parent"
    assert record["steps"] == 0
    assert not layout.log(child.run_id).exists()


def test_what_was_begun_from_an_earlier_parent_is_recorded_untrained_too(layout: Layout) -> None:
    parent, diverged = tiny_gan.tiny_spec(), RECORD.model_copy(update={"largest_loss": 1e-3})
    child = tiny_gan.tiny_spec(seed=1, parent=parent.run_id, snapshots=4)
    tiny_gan.train(parent, layout, RECORD)
    with pytest.raises(tiny_gan.PowerCutError):
        tiny_gan.train(child, layout, RECORD, kind=tiny_gan.cut_at(tiny_gan.TinyGan, 19))
    shutil.rmtree(layout.run(parent.run_id))
    tiny_gan.train(parent, layout, diverged)
    tiny_gan.train(child, layout, RECORD)
    record = finished(layout, child.run_id, child)
    assert record is not None
    assert record["diverged"]["quantity"] == "parent"
    assert list(files(layout, child.run_id)) == ["run.json"]
    check_record(layout, child.run_id, record, RECORD.failures)


def test_a_batch_goes_on_and_its_manifest_lists_it(layout: Layout) -> None:
    runs = [wild(), wild(lr=1e-4)]
    manifest = layout.batch("train", "b")
    train_batch(runs, layout, manifest, device=CPU, data_root=None, progress=False, settings=RECORD)
    listed = json.loads(manifest.read_text())
    assert list(listed) == [spec.run_id for spec in runs]
    records = [json.loads(layout.record(spec.run_id).read_text()) for spec in runs]
    assert records[0]["checkpoint_sha256"] is None
    assert records[1]["checkpoint_sha256"]
    assert divergence_of(layout, runs[1].run_id) is None
    with pytest.raises(ReproError, match="1 of 2 runs failed"):
        train_batch(runs, layout, manifest, device=CPU, data_root=None, progress=False)
    assert not manifest.exists()


def test_seeds_side_by_side_go_on_without_it(layout: Layout) -> None:
    runs = [wild(seed=seed, lr=lr) for seed, lr in ((0, 1e-4), (1, 1e30))]
    failed = train_seeds(runs, layout, device=CPU, data_root=None, progress=False, settings=RECORD)
    assert failed == {}
    assert [divergence_of(layout, spec.run_id) is None for spec in runs] == [True, False]
    stopping = train_seeds(runs, layout, device=CPU, data_root=None, progress=False)
    assert list(stopping) == [runs[1].run_id]


def test_a_damaged_field_is_an_error(layout: Layout) -> None:
    path = layout.record("x")
    path.parent.mkdir(parents=True)
    path.write_text('{"run_id": "x", "diverged": {"step": -1}}')
    with pytest.raises(ReproError, match="diverged is damaged") as caught:
        divergence_of(layout, "x")
    assert str(path) in str(caught.value)
    assert divergence_of(layout, "not-there") is None
