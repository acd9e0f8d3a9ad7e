"""Finished runs of other images, or of another parent, are set aside and trained anew; marks of samples."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from data_archives import write_cifar10
from repro.core.failures import FailureRules
from repro.core.paths import Layout
from repro.core.records import read_record
from repro.core.spec import RunSpec
from repro.evaluate.trained import load_trained
from repro.jobs.steps import train_step
from repro.train.batch import train_batch
from repro.train.run import train_run

CPU = torch.device("cpu")
SHARED = {"dataset": "cifar10", "source": "real", "seed": 0, "batch_size": 10, "width": 0.25}
PARENT = RunSpec(recipe="c", method="classifier", steps=2, **SHARED)  # type: ignore[arg-type]
CHILD = RunSpec(recipe="g", method="gat_attack", steps=2, parent=PARENT.run_id, **SHARED)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two data roots with other images of CIFAR-10, a part of it."""
    found = []
    for seed in (0, 1):
        root = tmp_path_factory.mktemp(f"root{seed}")
        write_cifar10(root / "cifar10" / "cifar-10-batches-py", seed=seed)
        found.append(root)
    return found[0], found[1]


def train(spec: RunSpec, layout: Layout, root: Path | None) -> dict[str, object]:
    train_run(spec, layout, device=CPU, data_root=root, progress=False)
    return read_record(layout, spec.run_id)


def test_runs_of_other_images_or_of_another_parent_are_trained_anew(
    layout: Layout, roots: tuple[Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    first = {spec.run_id: train(spec, layout, roots[0]) for spec in (PARENT, CHILD)}
    for spec in (PARENT, CHILD):
        assert train(spec, layout, roots[0]) == first[spec.run_id]
        assert train(spec, layout, None) == first[spec.run_id]  # not at hand
        assert train(spec, layout, layout.root) == first[spec.run_id]  # nor here
    assert not (layout.root / "set-aside").exists()
    assert capfd.readouterr().err == ""

    parent = train(PARENT, layout, roots[1])
    assert parent["checkpoint_sha256"] != first[PARENT.run_id]["checkpoint_sha256"]
    said = capfd.readouterr().err
    assert f"{PARENT.run_id} is trained anew: it saw " in said
    child = train(CHILD, layout, roots[0])  # its own images are the same
    assert f"its parent {PARENT.run_id} has been trained anew" in capfd.readouterr().err
    assert child["parent_sha256"] == parent["checkpoint_sha256"]
    aside = sorted((layout.root / "set-aside").iterdir())
    assert [json.loads((path / "run.json").read_text()) for path in aside] == [
        first[spec.run_id] for spec in sorted((PARENT, CHILD), key=lambda spec: spec.run_id)
    ]
    for root in roots:  # of the same images as one that was set aside, and set aside beside it
        train(PARENT, layout, root)
        train(CHILD, layout, roots[0])
    assert len(list((layout.root / "set-aside").iterdir())) == 6


def test_a_batch_of_seeds_does_likewise(layout: Layout, roots: tuple[Path, Path]) -> None:
    runs = [RunSpec.model_validate({**PARENT.model_dump(), "seed": seed}) for seed in (0, 1)]
    prints = []
    for root in (*roots, roots[1]):
        manifest = layout.batch("train", "b")
        train_batch(runs, layout, manifest, device=CPU, data_root=root, progress=False, seeds=2)
        prints.append([read_record(layout, run.run_id)["data"]["fingerprint"] for run in runs])
    assert prints[0][0] != prints[1][0]
    assert prints[1] == prints[2]
    assert all(len(set(each)) == 1 for each in prints)
    assert len(list((layout.root / "set-aside").iterdir())) == 2


def test_a_run_trained_anew_by_itself_is_listed_anew(layout: Layout, roots: tuple[Path, Path]) -> None:
    profile = SimpleNamespace(device="cpu", diverged="stop")
    settings = SimpleNamespace(data_root=None, warnings=FailureRules())
    config = SimpleNamespace(profile=profile, settings=settings)
    plan: Any = SimpleNamespace(runs={PARENT.run_id: PARENT}, processes=lambda _: 1, config=config)
    batches: Any = SimpleNamespace(train_of={PARENT.run_id: "b"})
    manifest = layout.batch("train", "b")
    train_batch([PARENT], layout, manifest, device=CPU, data_root=roots[0], progress=False)
    for root, kept in ((roots[0], True), (roots[1], False)):
        train_step(plan, batches, layout, batch=None, run=PARENT.run_id, data_root=root, device="cpu")
        assert manifest.exists() == kept  # without it, Snakemake goes through the batch again


def test_a_run_that_was_copied_back_is_set_aside_again(layout: Layout, roots: tuple[Path, Path]) -> None:
    spec = PARENT.model_copy(update={"snapshots": 1})
    train(spec, layout, roots[0])
    train(spec, layout, roots[1])
    (aside,) = (layout.root / "set-aside").iterdir()
    shutil.rmtree(layout.run(spec.run_id))
    shutil.copytree(aside, layout.run(spec.run_id))
    train(spec, layout, roots[1])
    assert [path.name for path in (layout.root / "set-aside").iterdir()] == [aside.name]
    assert (aside / "snapshots").is_dir()


def test_a_run_killed_while_it_is_set_aside_is_set_aside_whole(
    layout: Layout, roots: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    train(PARENT, layout, roots[0])
    folder = layout.run(PARENT.run_id)
    names = {path.name for path in folder.iterdir() if path.name != ".lock"}
    rename = Path.rename
    for _ in range(len(names) - 1):
        moved: list[Path] = []

        def killed(path: Path, to: Path, moved: list[Path] = moved) -> Path:
            if moved:
                raise KeyboardInterrupt
            moved.append(path)
            return rename(path, to)

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Path, "rename", killed)
            train(PARENT, layout, roots[1])
    train(PARENT, layout, roots[1])
    (aside,) = (layout.root / "set-aside").iterdir()
    assert {path.name for path in aside.iterdir()} == names


def test_a_part_of_the_set_marks_the_run_its_children_and_what_is_measured(
    layout: Layout, roots: tuple[Path, Path]
) -> None:
    for spec in (PARENT, CHILD):
        record = train(spec, layout, roots[0])
        assert spec.stand_ins == ()
        assert record["stand_ins"] == ["sample_data"]
        assert "sample_data" in load_trained(layout, spec.run_id, CPU).stand_ins
    looked_at = read_record(layout, CHILD.run_id)["validation"]
    assert (looked_at["split"], looked_at["complete"]) == ("validation5k", False)
    assert read_record(layout, PARENT.run_id)["validation"] is None
    path = layout.record(PARENT.run_id)
    whole = {**read_record(layout, PARENT.run_id), "stand_ins": []}
    path.write_text(json.dumps(whole))
    assert load_trained(layout, PARENT.run_id, CPU).stand_ins == {"reduced_width"}
