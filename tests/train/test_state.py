"""Looking at a run does not change it; a run's outputs say what they should."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor

import tiny_gan
from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.jsonl import read_lines
from repro.core.paths import Layout
from repro.core.spec import RunSpec, snapshot_steps
from repro.train.parents import load_parent, parents_first
from repro.train.progress import rate_and_rest
from repro.train.record import finished
from repro.train.settings import LoopSettings


class SampledGan(tiny_gan.TinyGan):
    """The same training, looked at after every step."""

    def step(self, step: int) -> dict[str, Tensor]:
        metrics = super().step(step)
        images = self.sample(5, torch.Generator().manual_seed(step), batch_size=2)
        assert images.shape == (5, 3, 8, 8)
        self.snapshot_state()
        self.state_dict()
        return metrics


def final(layout: Layout, spec: RunSpec) -> checkpoint.Loaded:
    return checkpoint.load(layout.checkpoint(spec.run_id))


def test_samples_between_steps_change_nothing(layout: Layout) -> None:
    spec = tiny_gan.tiny_spec()
    tiny_gan.train(spec, layout)
    plain = final(layout, spec)
    other = Layout(layout.results, "looked_at")
    tiny_gan.train(spec, other, LoopSettings(checkpoint_steps=3, log_every=2), kind=SampledGan)
    assert final(other, spec).sha256 == plain.sha256


def test_snapshots_change_nothing_and_hold_the_generator(layout: Layout) -> None:
    plain, snapped = tiny_gan.tiny_spec(), tiny_gan.tiny_spec(snapshots=4)
    tiny_gan.train(plain, layout)
    tiny_gan.train(snapped, layout)
    a, b = final(layout, plain).state, final(layout, snapped).state
    torch.testing.assert_close(b["method"], a["method"], rtol=0, atol=0)
    torch.testing.assert_close(b["streams"], a["streams"], rtol=0, atol=0)
    record = finished(layout, snapped.run_id)
    assert record is not None
    assert [s["step"] for s in record["snapshots"]] == [10, 20, 30, 40]
    weights = []
    for entry in record["snapshots"]:
        path = layout.snapshot(snapped.run_id, entry["step"])
        assert path == layout.run(snapped.run_id) / entry["file"]
        loaded = checkpoint.load(path)
        assert loaded.sha256 == entry["sha256"]
        assert loaded.header["step"] == entry["step"]
        weights.append(loaded.state["generator"]["layers.0.weight"])
    assert torch.equal(weights[-1], b["method"]["modules"]["generator"]["layers.0.weight"])
    assert not torch.equal(weights[0], weights[1])


def test_the_seed_is_the_only_chance(layout: Layout) -> None:
    again = Layout(layout.results, "again")
    for place in (layout, again):
        torch.rand(3)  # the global generator is somewhere else each time
        tiny_gan.train(tiny_gan.tiny_spec(seed=1), place)
    tiny_gan.train(tiny_gan.tiny_spec(seed=2), layout)
    one, two = tiny_gan.tiny_spec(seed=1), tiny_gan.tiny_spec(seed=2)
    assert final(layout, one).sha256 == final(again, one).sha256
    layers = [final(layout, spec).state["method"]["modules"]["generator"] for spec in (one, two)]
    assert not torch.equal(layers[0]["layers.0.weight"], layers[1]["layers.0.weight"])


def test_the_log_and_the_record(layout: Layout) -> None:
    spec = tiny_gan.tiny_spec(steps=23)
    tiny_gan.train(spec, layout, LoopSettings(log_every=5))
    lines = read_lines(layout.log(spec.run_id))
    assert [line["step"] for line in lines] == [5, 10, 15, 20, 23]
    assert all(line["device_seconds_per_step"] > 0 for line in lines)
    assert [line["seconds"] for line in lines] == sorted(line["seconds"] for line in lines)
    record = json.loads(layout.record(spec.run_id).read_text())
    assert RunSpec.model_validate(record["spec"]) == spec
    assert record["run_id"] == spec.run_id
    assert record["steps"] == 23
    assert record["metrics"] == lines[-1]["metrics"]
    assert record["stand_ins"] == ["synthetic_data"]
    assert record["data"]["images"] == 48
    assert record["checkpoint_sha256"] == final(layout, spec).sha256
    assert 0 < record["device_seconds"] <= record["seconds"] + 0.002
    assert (record["resumes"], record["parent_sha256"], record["snapshots"]) == (0, None, [])
    assert record["provenance"]["packages"]["torch"] == torch.__version__
    names = {path.name for path in layout.run(spec.run_id).iterdir()} - {".lock"}
    assert names == {"checkpoint.safetensors", "metrics.jsonl", "run.json"}


def test_a_finished_run_that_was_tampered_with_is_an_error(layout: Layout) -> None:
    spec, other = tiny_gan.tiny_spec(), tiny_gan.tiny_spec(seed=9)
    tiny_gan.train(spec, layout)
    tiny_gan.train(other, layout)
    path, record = layout.checkpoint(spec.run_id), layout.record(spec.run_id)
    good, text = path.read_bytes(), record.read_text()
    path.write_bytes(layout.checkpoint(other.run_id).read_bytes())
    with pytest.raises(ReproError, match="not the one that its record speaks of"):
        finished(layout, spec.run_id)
    path.unlink()
    with pytest.raises(ReproError, match="no checkpoint"):
        finished(layout, spec.run_id)
    path.write_bytes(good)
    assert finished(layout, spec.run_id, spec) is not None
    record.write_text(text[:-20])
    with pytest.raises(ReproError, match="damaged"):
        finished(layout, spec.run_id)
    record.write_text(layout.record(other.run_id).read_text())
    with pytest.raises(ReproError, match="not of this run"):
        finished(layout, spec.run_id)


def test_a_child_starts_from_its_parents_weights(layout: Layout) -> None:
    parent = tiny_gan.tiny_spec()
    child = tiny_gan.tiny_spec(steps=1, parent=parent.run_id, learning_rate=0.0)
    with pytest.raises(ReproError, match="which is not finished"):
        tiny_gan.train(child, layout)
    tiny_gan.train(parent, layout)
    tiny_gan.train(child, layout)
    ours, theirs = final(layout, child), final(layout, parent)
    for name in ("layers.0.weight", "layers.3.bias"):
        weights = [loaded.state["method"]["modules"]["generator"][name] for loaded in (ours, theirs)]
        assert torch.equal(*weights)
    assert ours.header["parent"] == theirs.sha256
    orphan = load_parent(parent, layout)
    assert orphan is None


def test_parents_come_first_in_the_order_given() -> None:
    a, b = tiny_gan.tiny_spec(seed=1), tiny_gan.tiny_spec(seed=2)
    child = tiny_gan.tiny_spec(seed=3, parent=b.run_id)
    grandchild = tiny_gan.tiny_spec(seed=4, parent=child.run_id)
    stranger = tiny_gan.tiny_spec(seed=5, parent="elsewhere")
    assert parents_first([grandchild, a, stranger, child, b, a]) == [b, child, grandchild, a, stranger]


def test_snapshots_are_evenly_spaced_and_end_at_the_end() -> None:
    assert snapshot_steps(100, 0) == ()
    assert snapshot_steps(100, 1) == (100,)
    assert snapshot_steps(100, 4) == (25, 50, 75, 100)
    assert snapshot_steps(3, 10) == (1, 2, 3)
    for steps in (1, 7, 1000):
        for count in (1, 3, 11):
            chosen = snapshot_steps(steps, count)
            assert chosen[-1] == steps
            assert len(chosen) == min(steps, count)


def test_rate_and_remaining_time() -> None:
    assert rate_and_rest(100, 1000, 10.0) == "10 steps/s, 0:01:30 left"
    assert rate_and_rest(1, 1000, 20.0) == "20 s/step, 5:33:00 left"
    assert rate_and_rest(0, 10, 0.0) == "rate unknown"


def test_without_a_terminal_only_the_end_of_a_short_run_is_printed(
    layout: Layout, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = tiny_gan.tiny_spec()
    tiny_gan.train(spec, layout, progress=True)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"{spec.run_id}: 40 steps in ")
    assert "generator_loss" in lines[0]


def test_without_a_terminal_a_line_comes_at_intervals(
    layout: Layout, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repro.train.progress.LINE_SECONDS", 0.05)
    spec = tiny_gan.tiny_spec(pause=0.01)
    tiny_gan.train(spec, layout, LoopSettings(log_every=1), progress=True)
    lines = capfd.readouterr().err.splitlines()[:-1]
    record = finished(layout, spec.run_id)
    assert record is not None
    assert 1 <= len(lines) <= record["seconds"] / 0.05
    assert all("steps/s" in line and "left" in line and "generator_loss" in line for line in lines)
