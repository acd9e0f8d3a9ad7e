"""Machines and settings that are not like ours: one clear error, or it simply works."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from data_archives import write_cifar10, write_lsun, write_tiny_imagenet
from papers_case import call
from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec, RunSpec
from repro.data import cache
from repro.data.load import load_images
from repro.evaluate.batch import evaluate_batch
from repro.evaluate.fidelity import Options as FidelityOptions
from repro.evaluate.fidelity_real import Options as RealOptions
from repro.evaluate.trained import load_trained
from repro.methods.registry import load_method
from repro.train.batch import train_batch
from small_run import small_run

CPU = torch.device("cpu")
TOO_MUCH: list[tuple[str, Callable[[], object]]] = [  # no machine has so much
    ("can't allocate memory", lambda: torch.empty(10**15)),
    ("", lambda: bytearray(10**17)),
]


def run_spec() -> RunSpec:
    return small_run("classifier", steps=2, train_limit=20, batch_size=4, width=0.125)


def train(spec: RunSpec, layout: Layout) -> None:
    train_batch([spec], layout, layout.batch("train", "b"), device=CPU, data_root=None, progress=False)


# Systems


def test_pictures_are_read_where_the_system_does_not_tell_which_processors_are_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny_imagenet(tmp_path / "tiny-imagenet-200")
    before = load_images("tiny_imagenet", "test", source="real", limit=None, root=tmp_path)
    monkeypatch.delattr(os, "sched_getaffinity")
    for count in (4, None):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        again = load_images("tiny_imagenet", "test", source="real", limit=None, root=tmp_path)
        assert again.fingerprint == before.fingerprint


def test_a_data_root_that_is_not_utf8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / os.fsdecode(b"donn\xe9es")
    write_cifar10(root / "cifar-10-batches-py")
    write_tiny_imagenet(root / "tiny-imagenet-200")
    write_lsun(tmp_path / "lsun", 3)
    (tmp_path / "lsun").rename(root / "lsun")  # lmdb neither writes nor reads there
    monkeypatch.setattr(cache, "WORTH_IT", 1)  # as if they were many: what was decoded is kept
    for _ in range(2):
        for name, split in (("cifar10", "train"), ("tiny_imagenet", "test")):
            assert len(load_images(name, split, source="real", limit=None, root=root)) > 0
    for words in (("check", "cifar10"), ("check", "tiny_imagenet"), ("fetch", "cifar10")):
        done = command("data", *words, environment={"REPRO_DATA": str(root)})
        assert done.returncode == 0, done.stderr
    for name, says in (("stl10", "no files of"), ("lsun_bedroom", "not text in UTF-8")):
        done = command("data", "check", name, environment={"REPRO_DATA": str(root)})
        assert done.returncode == 2
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    root.rename(tmp_path / "data")  # as advised
    load_images("lsun_bedroom", "train", source="real", limit=None, root=tmp_path / "data")


def test_a_results_folder_that_is_not_utf8_is_refused_with_a_way_out(tmp_path: Path) -> None:
    spec = run_spec()
    layout = Layout(tmp_path / os.fsdecode(b"r\xe9sultats"), "test")
    with pytest.raises(ReproError, match="not text in UTF-8") as caught:
        train(spec, layout)
    assert "rename the folder" in caught.value.message
    with pytest.raises(ReproError, match="not text in UTF-8"):
        layout.checkpoint(spec.run_id).touch()
        checkpoint.load(layout.checkpoint(spec.run_id))
    layout.checkpoint(spec.run_id).unlink()
    layout.results.rename(tmp_path / "results")
    train(spec, Layout(tmp_path / "results", "test"))


def command(*words: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    path = os.pathsep.join(p for p in sys.path if p)
    return subprocess.run(
        [sys.executable, "-c", "from repro.cli import main; main()", *words],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


@pytest.mark.parametrize("words", [("cost",), ("plan",), ("--help",), ("verify",), ("train", "--help")])
def test_a_terminal_that_knows_only_ascii(project: Path, words: tuple[str, ...]) -> None:
    done = command(*words, environment={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert done.stdout


# Memory


@pytest.mark.parametrize(("says", "take"), TOO_MUCH)
def test_a_training_for_which_memory_is_too_small(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, says: str, take: Callable[[], object]
) -> None:
    spec = run_spec()
    with monkeypatch.context() as patch:
        patch.setattr(load_method("classifier"), "step", lambda *_: take())
        with pytest.raises(ReproError, match="the machine's memory is too small for run") as caught:
            train(spec, layout)
    assert says in caught.value.message
    assert "a bug" not in caught.value.message
    assert "smaller width" in caught.value.message
    train(spec, layout)


@pytest.mark.parametrize(("says", "take"), TOO_MUCH)
def test_an_evaluation_for_which_memory_is_too_small(
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    says: str,
    take: Callable[[], object],
) -> None:
    spec = run_spec()
    train(spec, layout)
    wanted = EvaluationSpec(
        measure="accuracy", run=spec.run_id, dataset="cifar10", source="synthetic", limit=9
    )
    manifest = layout.batch("evaluate", "b")
    with monkeypatch.context() as patch:
        patch.setattr("repro.evaluate.accuracy.measure", lambda *_: take())
        with pytest.raises(ReproError, match="the machine's memory is too small for evaluation") as caught:
            evaluate_batch([wanted], layout, manifest, device=CPU)
    assert says in caught.value.message
    assert "Traceback" not in capsys.readouterr().err
    evaluate_batch([wanted], layout, manifest, device=CPU)
    assert manifest.is_file()


def test_other_errors_stay_what_they_are(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(load_method("classifier"), "step", fault)
    with pytest.raises(ReproError, match="a bug; the trace is above"):
        train(run_spec(), layout)


# Checkpoints


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"step": None}, "names step None of a run of 2 steps"),
        ({"step": "2"}, "names step '2'"),
        ({"step": 3}, "names step 3"),
        ({"step": True}, "names step True"),
        ({"spec": None}, "names no run"),
        ({"spec": {"recipe": "r"}}, "names no run"),
        ({"spec": [1]}, "names no run"),
    ],
)
def test_a_header_that_lacks_something(layout: Layout, change: dict[str, Any], says: str) -> None:
    spec = run_spec()
    train(spec, layout)
    path = layout.checkpoint(spec.run_id)
    loaded = checkpoint.load(path)
    header = {name: value for name, value in {**loaded.header, **change}.items() if value is not None}
    checkpoint.save(path, loaded.state, header)
    with pytest.raises(ReproError, match=says) as caught:
        load_trained(layout, spec.run_id, CPU)
    assert "delete the run's folder" in caught.value.remedy


def test_weights_that_do_not_fit_are_no_traceback(layout: Layout) -> None:
    spec = run_spec()
    train(spec, layout)
    path = layout.checkpoint(spec.run_id)
    loaded = checkpoint.load(path)
    modules = loaded.state["method"]["modules"]
    first = next(iter(modules["classifier"]))
    for state in (
        {"method": {"modules": {"classifier": {**modules["classifier"], first: torch.zeros(1)}}}},
        {"method": {"modules": {}}},
        {"method": {}},
        {"method": 3},
        {},
    ):
        checkpoint.save(path, state, loaded.header)
        with pytest.raises(ReproError, match="do not fit"):
            load_trained(layout, spec.run_id, CPU)


# Settings that cannot work are found by `validate`


PROFILE = Path("config/profiles/tiny.yaml")


@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan"])
def test_an_option_that_is_no_number_is_refused(project: Path, value: str) -> None:
    sheet = Path("config/papers/gat/sheet.yaml")
    text = sheet.read_text()
    recipe = "options: {network: embedding}"
    assert recipe in text
    sheet.write_text(text.replace(recipe, f"options: {{network: embedding, learning_rate: {value}}}", 1))
    code, printed = call("validate")
    assert code == 2, printed
    assert f"where:  {sheet}, line " in printed
    assert "recipes.baseline.options.learning_rate" in printed


def test_too_few_generated_images_are_refused_before_anything_runs(project: Path) -> None:
    text = PROFILE.read_text()
    PROFILE.write_text(text.replace("generated: 40", "generated: 5"))
    code, printed = call("validate")
    assert code == 2, printed
    assert "5 images against 50 are too few for 10 splits" in printed
    assert f"where:  {PROFILE}" in printed
    assert "raise the number of generated images" in printed
    PROFILE.write_text(text.replace("generated: 40", "generated: 10"))  # as advised
    assert call("validate")[0] == 0
    other = "generated: 5, options_of: {fidelity: {splits: 5}}"
    PROFILE.write_text(text.replace("generated: 40", other))  # likewise
    assert call("validate")[0] == 0


def test_each_score_says_how_many_images_it_needs() -> None:
    def check(options: FidelityOptions | RealOptions, **fields: int) -> None:
        spec = EvaluationSpec.model_validate(
            {"measure": "fidelity", "run": "r", "dataset": "cifar10", "source": "real", **fields}
        )
        options.check(spec)

    check(FidelityOptions())
    check(FidelityOptions(), generated=10, limit=4)
    check(FidelityOptions(metrics=("is",)), generated=10, limit=1)
    check(FidelityOptions(metrics=("fid",)), generated=2, limit=2)
    check(RealOptions(), limit=10)
    for options, fields in (
        (FidelityOptions(), {"generated": 9}),
        (FidelityOptions(generated=9), {"generated": 50}),
        (
            FidelityOptions(),
            {"generated": 50, "limit": 3},
        ),  # precision and recall: an image, three neighbours
        (FidelityOptions(metrics=("fid",)), {"generated": 1}),
        (RealOptions(), {"limit": 9}),
    ):
        with pytest.raises(ReproError, match="too few for 10 splits"):
            check(options, **fields)
