"""A run goes on only with the past that it had; else it refuses, and what it advises then works."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import tiny_gan
from repro.core import checkpoint, provenance
from repro.core.errors import ReproError
from repro.core.jsonl import read_lines
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.train import begin
from repro.train.history import RunHistory
from repro.train.record import finished
from repro.train.settings import LoopSettings
from repro.verify.records import check_record

SPEC = tiny_gan.tiny_spec(steps=20, snapshots=4)
SETTINGS = LoopSettings(checkpoint_steps=7, log_every=3)


def cut(layout: Layout, spec: RunSpec = SPEC) -> Path:
    """Train for 19 steps as if the power went then; the checkpoint is of step 15, with its third snapshot."""
    with pytest.raises(tiny_gan.PowerCutError):
        tiny_gan.train(spec, layout, SETTINGS, kind=tiny_gan.cut_at(tiny_gan.TinyGan, 19))
    return layout.run(spec.run_id)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The sha256 of the final checkpoint of a run that nobody disturbed."""
    layout = Layout(tmp_path_factory.mktemp("whole"), "test")
    tiny_gan.train(SPEC, layout, SETTINGS)
    return final(layout)


def final(layout: Layout) -> str:
    record = finished(layout, SPEC.run_id, SPEC)
    assert record is not None
    return str(record["checkpoint_sha256"])


def resaved(**changes: Any) -> Callable[[Path], None]:
    """Change a checkpoint's header, with valid hashes; None takes the entry away."""

    def change(run: Path) -> None:
        path = run / "checkpoint.safetensors"
        loaded = checkpoint.load(path)
        header = {name: value for name, value in {**loaded.header, **changes}.items() if value is not None}
        checkpoint.save(path, loaded.state, header, lambda _: loaded.notes or {})

    return change


def without(*names: str | int) -> Callable[[Path], None]:
    """Take a part out of a checkpoint's state, with valid hashes."""

    def change(run: Path) -> None:
        path = run / "checkpoint.safetensors"
        loaded = checkpoint.load(path)
        part = loaded.state
        for name in names[:-1]:
            part = part[name]
        del part[names[-1]]
        checkpoint.save(path, loaded.state, loaded.header, lambda _: loaded.notes or {})

    return change


def without_notes(run: Path) -> None:
    loaded = checkpoint.load(run / "checkpoint.safetensors")
    checkpoint.save(run / "checkpoint.safetensors", loaded.state, loaded.header)


def edited(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def edit(run: Path) -> None:
        (run / name).write_bytes(change((run / name).read_bytes()))

    return edit


def gone(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).unlink()


def exchanged(run: Path) -> None:
    shutil.copy(run / "snapshots/step-00000005.safetensors", run / "snapshots/step-00000010.safetensors")


AS_WRITTEN = "not as the run wrote it"
LOG, SNAPSHOT = "metrics.jsonl", "snapshots/step-00000010.safetensors"
CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "log gone": (gone(LOG), "not as it was"),
    "log empty": (edited(LOG, lambda _: b""), "not as it was"),
    "log cut": (edited(LOG, lambda text: text[: len(text) // 2]), "not as it was"),
    "log damaged": (edited(LOG, lambda text: text[:40] + b"\0" + text[41:]), "not as it was"),
    "another loss": (edited(LOG, lambda text: text.replace(b'_loss":1.', b'_loss":2.', 1)), "not as it was"),
    "a line less": (edited(LOG, lambda text: text.split(b"\n", 1)[1]), "not as it was"),
    "snapshot gone": (gone(SNAPSHOT), "snapshot of step 10 is gone"),
    "snapshot damaged": (edited(SNAPSHOT, lambda content: content[:-1]), "damaged"),
    "snapshot exchanged": (exchanged, "not the one that the run made"),
    "history gone": (without_notes, "does not say what its run had made"),
    "a stream gone": (without("streams", "latent"), AS_WRITTEN),
    "all streams gone": (without("streams"), AS_WRITTEN),
    "an optimiser gone": (without("method", "optimisers", "generator"), AS_WRITTEN),
    "moments of a weight gone": (without("method", "optimisers", "generator", "state", 0), AS_WRITTEN),
    "step 99": (resaved(step=99), "step 99 of a run of 20"),
    "step -5": (resaved(step=-5), "step -5 of"),
    "step 0": (resaved(step=0), "step 0 of"),
    "step in words": (resaved(step="15"), "step '15' of"),
    "no step": (resaved(step=None), "step None of"),
    "another step": (resaved(step=10), AS_WRITTEN),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_past_is_refused(layout: Layout, name: str) -> None:
    run = cut(layout)
    change, problem = CHANGES[name]
    change(run)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(ReproError, match=problem) as caught:
        tiny_gan.train(SPEC, layout, SETTINGS)
    assert "delete" in caught.value.remedy
    assert str(run) in str(caught.value.where)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["snapshot gone", "another step"])
def test_what_is_advised_of_a_changed_past_works(layout: Layout, whole: str, name: str) -> None:
    """Of a change beside the checkpoint and of one within; the advice is the same for all."""
    run = cut(layout)
    kept = layout.results / "kept"
    shutil.copytree(run, kept)
    CHANGES[name][0](run)
    with pytest.raises(ReproError):
        tiny_gan.train(SPEC, layout, SETTINGS)
    shutil.rmtree(run)
    tiny_gan.train(SPEC, layout, SETTINGS)
    assert final(layout) == whole
    shutil.rmtree(run)
    shutil.copytree(kept, run)  # all put back: it goes on
    tiny_gan.train(SPEC, layout, SETTINGS)
    assert final(layout) == whole


@pytest.mark.parametrize("what", ["source", "torch"])
def test_another_version_of_the_code_is_refused(
    layout: Layout, whole: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = cut(layout)
    ours = begin.training_code()
    with monkeypatch.context() as patch:
        patch.setattr(begin, "training_code", lambda: {**ours, what: "another"})
        word = "torch" if what == "torch" else "code"
        with pytest.raises(ReproError, match=f"began with another version of {word}") as caught:
            tiny_gan.train(SPEC, layout, SETTINGS)
        assert "put that version" in caught.value.remedy
        shutil.copytree(run, layout.results / "kept")
        shutil.rmtree(run)
        tiny_gan.train(SPEC, layout, SETTINGS)  # anew, with the new code from its beginning
        assert final(layout) == whole
    shutil.rmtree(run)
    shutil.copytree(layout.results / "kept", run)
    tiny_gan.train(SPEC, layout, SETTINGS)  # the version of before is back
    assert final(layout) == whole


def test_other_validation_images_are_refused(layout: Layout) -> None:
    run = cut(layout)
    resaved(validation="of another set")(run)
    with pytest.raises(ReproError, match="another validation"):
        tiny_gan.train(SPEC, layout, SETTINGS)


def test_a_checkpoint_without_a_stream_that_the_method_has_is_refused(layout: Layout) -> None:
    path = cut(layout) / "checkpoint.safetensors"
    loaded = checkpoint.load(path)
    del loaded.state["streams"]["data_order"]
    checkpoint.save(path, loaded.state, loaded.header, RunHistory.model_validate(loaded.notes).notes)
    with pytest.raises(ReproError, match="did not take up streams"):
        tiny_gan.train(SPEC, layout, SETTINGS)


def test_a_state_that_a_method_does_not_take_up_is_refused(layout: Layout) -> None:
    class Forgetful(tiny_gan.TinyGan):
        def load_state_dict(self, state: Any) -> None:
            super().load_state_dict(state)
            with torch.no_grad():
                next(self.modules["generator"].parameters()).mul_(1.0001)

    cut(layout)
    with pytest.raises(ReproError, match=r"did not take up method\.modules"):
        tiny_gan.train(SPEC, layout, SETTINGS, kind=Forgetful)


def test_a_resumed_run_shows_what_it_went_on_from(layout: Layout, whole: str) -> None:
    run = cut(layout)
    saved = checkpoint.load(run / "checkpoint.safetensors")
    logged = read_lines(run / LOG)
    assert [line["step"] for line in logged] == [3, 6, 9, 12, 15, 18]
    tiny_gan.train(SPEC, layout, SETTINGS)
    record = json.loads(layout.record(SPEC.run_id).read_text())
    certificate = record["certificate"]
    (resumed,) = certificate["resumed"]
    assert (resumed["step"], resumed["checkpoint_sha256"]) == (15, saved.sha256)
    assert {"method.modules", "method.optimisers", "method.batches", "streams", "meter"} <= set(
        resumed["state_sha256"]
    )
    assert resumed["state_sha256"]["streams"] == checkpoint.hashes({"it": saved.state["streams"]})["it"]
    point = {"step": 18, "metrics": logged[5]["metrics"]}
    assert resumed["repeated"] == {"before": point, "again": point, "equal": True}
    end = checkpoint.load(layout.checkpoint(SPEC.run_id))
    assert certificate["state_sha256"]["streams"] == checkpoint.hashes({"it": end.state["streams"]})["it"]
    assert certificate["log"]["size"] == (run / LOG).stat().st_size
    assert end.sha256 == whole


def test_steps_that_come_out_differently_are_noted(layout: Layout) -> None:
    class Other(tiny_gan.TinyGan):
        def step(self, step: int) -> dict[str, torch.Tensor]:
            return {name: value + 0.5 * (step == 17) for name, value in super().step(step).items()}

    cut(layout)
    tiny_gan.train(SPEC, layout, SETTINGS, kind=Other)
    (resumed,) = json.loads(layout.record(SPEC.run_id).read_text())["certificate"]["resumed"]
    assert resumed["repeated"]["equal"] is False


def test_a_lost_record_is_written_again_whole(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    run = cut(layout)
    tiny_gan.train(SPEC, layout, SETTINGS)
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").unlink()
    monkeypatch.setattr(provenance, "code_version", lambda: {"commit": "one that changed no training"})
    monkeypatch.setattr(begin, "code_version", provenance.code_version)
    tiny_gan.train(SPEC, layout, SETTINGS)
    again = json.loads((run / "run.json").read_text())
    assert again == record
    assert len(again["sessions"]) == 2
    check_record(layout, SPEC.run_id, again, SETTINGS.failures)


@pytest.mark.parametrize("change", ["log gone", "another loss", "snapshot gone"])
def test_a_finished_run_is_whole_or_an_error(layout: Layout, whole: str, change: str) -> None:
    tiny_gan.train(SPEC, layout, SETTINGS)
    run = layout.run(SPEC.run_id)
    CHANGES[change][0](run)
    with pytest.raises(ReproError, match=r"not as the training wrote it|is gone"):
        finished(layout, SPEC.run_id, SPEC)
    shutil.rmtree(run)  # as advised
    tiny_gan.train(SPEC, layout, SETTINGS)
    assert final(layout) == whole


def test_a_half_written_file_of_notes_is_damage(layout: Layout) -> None:
    path = cut(layout) / "checkpoint.safetensors"
    metadata, tensors = checkpoint._read(path)
    for changed in (
        {**metadata, "notes": metadata["notes"].replace('"step":15', '"step":14')},
        {name: text for name, text in metadata.items() if name != "notes"},
        {name: text for name, text in metadata.items() if name != "notes_sha256"},
    ):
        save_file(tensors, path, changed)
        with pytest.raises(ReproError, match="damaged"):
            checkpoint.load(path)
