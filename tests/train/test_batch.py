"""Batches of real methods: order, failures, runs that are finished already, results that no rule made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from repro.core.errors import ReproError
from repro.core.files import sha256_file
from repro.core.locks import only_process
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.train.batch import train_batch
from repro.train.run import train_run
from small_run import small_run

CPU = torch.device("cpu")


def spec(method: str = "classifier", seed: int = 0, parent: str | None = None, **options: Any) -> RunSpec:
    return small_run(
        method, train_limit=20, seed=seed, steps=2, batch_size=4, width=0.125, parent=parent, options=options
    )


def batch(specs: list[RunSpec], layout: Layout, seeds: int = 1) -> dict[str, Any]:
    manifest_path = layout.batch("train", "b0")
    train_batch(specs, layout, manifest_path, device=CPU, data_root=None, progress=False, seeds=seeds)
    manifest: dict[str, Any] = json.loads(manifest_path.read_text())
    return manifest


def test_two_processes_never_train_one_run(layout: Layout) -> None:
    name = spec().run_id
    with only_process(layout.run(name), "it"), pytest.raises(ReproError, match=f"works on run {name}"):
        train_run(spec(), layout, device=CPU, data_root=None, progress=False)


def test_a_child_before_its_parent_is_trained_after_it(layout: Layout) -> None:
    parent = spec("robgan")
    child = spec("robgan_finetune", parent=parent.run_id)
    manifest = batch([child, parent, spec()], layout)
    assert set(manifest) == {child.run_id, parent.run_id, spec().run_id}
    for run_id, entry in manifest.items():
        assert entry == {"sha256": sha256_file(layout.record(run_id))}
    records = {name: json.loads(layout.record(name).read_text()) for name in (child.run_id, parent.run_id)}
    assert records[child.run_id]["parent_sha256"] == records[parent.run_id]["checkpoint_sha256"]


def test_a_failing_run_stops_neither_the_others_nor_the_report(layout: Layout) -> None:
    bad = spec("robgan", no_such_option=1)
    child = spec("robgan_finetune", parent=bad.run_id)
    missing = spec("no_such_method")
    good = spec()
    with pytest.raises(ReproError) as caught:
        batch([bad, child, missing, good], layout)
    message = caught.value.message
    assert message.startswith("3 of 4 runs failed")
    for failed in (bad, child, missing):
        assert failed.run_id in message
    assert "no_such_option" in message
    assert f"its parent {bad.run_id} failed" in message
    assert good.run_id not in message
    assert layout.record(good.run_id).exists()
    assert not layout.batch("train", "b0").exists()


def test_every_seed_of_a_failed_parent_is_named(layout: Layout) -> None:
    bad = spec("classifier", no_such_option=1)
    children = [spec("gat", seed=seed, parent=bad.run_id) for seed in (0, 1)]
    with pytest.raises(ReproError, match="3 of 3 runs failed"):
        batch([bad, *children], layout, seeds=2)


def test_finished_runs_are_not_trained_again(layout: Layout) -> None:
    first = batch([spec(seed=1)], layout)
    before = layout.record(spec(seed=1).run_id).stat().st_mtime_ns
    second = batch([spec(seed=1), spec(seed=2)], layout)
    assert layout.record(spec(seed=1).run_id).stat().st_mtime_ns == before
    assert second[spec(seed=1).run_id] == first[spec(seed=1).run_id]


def test_results_that_no_rule_made_are_refused_and_kept(layout: Layout) -> None:
    batch([spec(seed=1), spec(seed=2)], layout)
    path = layout.checkpoint(spec(seed=1).run_id)
    path.write_bytes(layout.checkpoint(spec(seed=2).run_id).read_bytes())
    content = path.read_bytes()
    with pytest.raises(ReproError, match="not the one that its record speaks of"):
        batch([spec(seed=1)], layout)
    assert path.read_bytes() == content


def test_real_images_need_a_data_root(layout: Layout, tmp_path: Path) -> None:
    real = spec().model_copy(update={"source": "real"})
    with pytest.raises(ReproError, match="data root"):
        train_run(real, layout, device=CPU, data_root=None, progress=False)
    assert not layout.record(real.run_id).exists()
