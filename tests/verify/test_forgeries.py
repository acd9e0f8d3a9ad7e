"""Forgeries that agree with every list of hashes which their author could reach: `repro verify` names each.

Each test begins with results that verify, forges, and ends with the remedy that the message advises.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import tiny_gan
from papers_case import call
from repro.core import checkpoint
from repro.core.divergence import Divergence
from repro.core.errors import ReproError
from repro.core.failures import FailureRules, failures
from repro.core.files import atomic_write_json, sha256_file
from repro.core.paths import Layout
from repro.core.records import read_record
from repro.evaluate.result import read_result, write_result
from repro.evaluate.trained import load_trained
from repro.plan.batches import make_batches
from repro.plan.config import load_config
from repro.plan.plan import build_plan
from repro.site.manifest import MANIFEST, write_manifest
from repro.train.run import train_run
from repro.train.settings import LoopSettings
from repro.verify.drawn import check_made
from repro.verify.findings import Findings
from repro.verify.records import check_record
from repro.verify.runs import check_runs
from small_run import small_run

FIGURES = Path("figures")
CPU = torch.device("cpu")
DCGAN = {"network": "dcgan", "n_dis": 1}


@pytest.fixture(scope="module")
def verified(_built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small finished project with its costs in the report, once seen to verify."""
    folder = tmp_path_factory.mktemp("verified") / "project"
    shutil.copytree(_built, folder)
    with chdir(folder):
        for command in ("cost --into results/tiny", "report", "collect", "verify"):
            code, printed = call(*command.split())
            assert code == 0, printed
    return folder


@pytest.fixture
def layout(verified: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    folder = tmp_path / "project"
    shutil.copytree(verified, folder)
    monkeypatch.chdir(folder)
    return Layout(Path("results"), "tiny")


def all_refused(layout: Layout) -> dict[str, str]:
    """Return the remedy for each file above the evaluations that verify finds fault with."""
    plan = build_plan(load_config(Path("config")))
    found = Findings()
    check_made(plan, make_batches(plan), layout, FIGURES, found)
    return {str(error.where): error.remedy for error in found.problems}


def runs_refused(layout: Layout) -> list[str | None]:
    """Return the files of runs, of the plan or not, that verify finds fault with."""
    plan = build_plan(load_config(Path("config")))
    found = Findings()
    check_runs(plan, make_batches(plan), layout, found)
    return [error.where for error in found.problems]


def refused(where: Path | str) -> str:
    """Check that verify names the file; return the remedy."""
    code, printed = call("verify")
    assert code == 2, printed
    assert f"where:  {where}" in printed, printed
    return printed.partition("remedy: ")[2].strip()


def mended(remedy: str) -> None:
    """Do what a remedy says and check that verify passes."""
    command = re.search(r"run: repro (.*)$", remedy)
    assert command, remedy
    assert call(*command[1].split())[0] == 0, remedy
    code, printed = call("verify")
    assert code == 0, printed


def repainted(path: Path) -> None:
    """Paint over the middle of a picture."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    picture.paste((255, 255, 255), (10, 10, 60, 40))
    picture.save(path)


def test_figures_of_one_fake_page_with_its_own_manifest(layout: Layout) -> None:
    for profile in ("tiny", "paper"):  # of the profile, and of one that has no results here
        shutil.rmtree(FIGURES)
        FIGURES.mkdir()
        (FIGURES / "index.html").write_text("<h1>all reproduced</h1>")
        write_manifest(FIGURES, "repro collect", profile)
        assert "delete the folder" in refused(FIGURES / "index.html")
    shutil.rmtree(FIGURES)
    mended("run: repro collect")


def test_figures_edited_with_their_manifest(layout: Layout) -> None:
    for name in ("index.html", "cells.csv"):
        whole = (FIGURES / name).read_bytes()
        (FIGURES / name).write_bytes(whole + b" ")
        write_manifest(FIGURES, "repro collect", "tiny")
        refused(FIGURES / name)
        (FIGURES / name).write_bytes(whole)
        write_manifest(FIGURES, "repro collect", "tiny")


def test_figures_without_a_page_and_without_its_entry(layout: Layout) -> None:
    (FIGURES / "gat.html").unlink()
    write_manifest(FIGURES, "repro collect", "tiny")
    refused(FIGURES / "gat.html")
    shutil.rmtree(FIGURES)
    mended("run: repro collect")


def test_a_drawn_picture_replaced(layout: Layout) -> None:
    for name in ("gat/table1.png", "gat/figure4.png"):
        repainted(layout.root / "artefacts" / name)
    remedies = all_refused(layout)
    assert len(remedies) == 2, "both pictures"
    for remedy in dict.fromkeys(remedies.values()):  # lowest first
        assert call(*remedy.removeprefix("run: repro ").split())[0] == 0
    assert all_refused(layout) == {}


def test_a_picture_replaced_wherever_it_lies(layout: Layout) -> None:
    path = layout.root / "artefacts" / "gat" / "table1.png"
    repainted(path)
    assert call("report")[0] == call("collect")[0] == 0
    assert (FIGURES / "gat" / "table1.png").read_bytes() == path.read_bytes()
    remedy = refused(path)
    assert call(*remedy.removeprefix("run: repro ").split())[0] == 0
    remedy = refused(layout.root / "report" / "gat" / "table1.png")
    assert call(*remedy.removeprefix("run: repro ").split())[0] == 0
    assert "delete the folder" in refused(FIGURES / "gat" / "table1.png")
    shutil.rmtree(FIGURES)
    mended("run: repro collect")


TABLES = ["cells.csv", "claims.csv", "audit.csv", "artefacts.json", "cost.csv", "cost.md", "cost.png"]
DRAWN = ["cells/gat/table1.csv", "cells/gat/figure4.json", "artefacts/gat/table1.tex"]
PAGES = [
    "report/index.html",
    "report/gat.html",
    "report/style.css",
    "report/cost.csv",
    "report/gat/table1.md",
]


@pytest.mark.parametrize("forge", ["edit", "delete"])
def test_files_edited_or_deleted_from_which_others_were_made(layout: Layout, forge: str) -> None:
    run = sorted((layout.root / "report" / "runs").glob("*.html"))[0]
    paths = [*(layout.root / name for name in [*TABLES, *DRAWN, *PAGES]), run]
    for path in paths:
        path.unlink() if forge == "delete" else path.write_bytes(path.read_bytes() + b"\n")
    remedies = all_refused(layout)
    assert set(remedies) == {str(path) for path in paths}
    for remedy in dict.fromkeys(remedies.values()):  # lowest first
        assert call(*remedy.removeprefix("run: repro ").split())[0] == 0, remedy
    code, printed = call("verify")
    assert code == 0, printed


def test_all_files_of_a_step_deleted(layout: Layout) -> None:
    for path in [*(layout.root / name for name in TABLES[:4]), *layout.root.glob("cells/gat/table1.*")]:
        path.unlink()
    shutil.rmtree(layout.root / "report")
    remedies = all_refused(layout)
    assert {str(layout.cells), str(layout.root / "report" / "index.html")} < set(remedies)
    for remedy in dict.fromkeys(remedies.values()):
        assert call(*remedy.removeprefix("run: repro ").split())[0] == 0, remedy
    assert all_refused(layout) == {}


def test_a_page_more_in_the_report(layout: Layout) -> None:
    path = layout.root / "report" / "runs" / "best.html"
    path.write_text("<p>99 %</p>")
    assert call("collect")[0] == 0
    assert refused(path).startswith("delete it")
    path.unlink()
    assert "delete the folder" in refused(FIGURES / "runs" / "best.html")


def edit_loss(path: Path) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[0]["metrics"] = {name: value / 2 for name, value in lines[0]["metrics"].items()}
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def with_manifest(layout: Layout, run_id: str) -> None:
    """Enter a record's present hash into the manifest that lists it."""
    for manifest in (layout.root / "batches" / "train").glob("*.json"):
        content = json.loads(manifest.read_text())
        if run_id in content:
            content[run_id]["sha256"] = sha256_file(layout.record(run_id))
            atomic_write_json(manifest, content)


def test_a_changed_loss_with_its_mark_in_record_and_manifest(layout: Layout) -> None:
    path = sorted(layout.root.glob("runs/*/metrics.jsonl"))[0]
    edit_loss(path)
    record = json.loads(path.with_name("run.json").read_text())
    record["certificate"]["log"] = {"size": path.stat().st_size, "sha256": sha256_file(path)}
    atomic_write_json(path.with_name("run.json"), record)
    with_manifest(layout, path.parent.name)
    refused(path.with_name("run.json"))


def made_up(step: int, *, last_good: int, quantity: str = "loss") -> dict[str, object]:
    return {"quantity": quantity, "step": step, "last_good_step": last_good, "reason": "loss is not finite"}


@pytest.mark.parametrize(
    "forge",
    [
        lambda record: record["metrics"].update(loss=0.001),
        lambda record: record.update(device_seconds=0.001),
        lambda record: record.update(seconds=record["seconds"] + 3600),
        lambda record: record.update(steps=record["steps"] + 1),
        lambda record: record["data"].update(fingerprint="0" * 64),
        lambda record: record.update(parent_sha256="0" * 64),
        lambda record: record["sessions"][0].update(device="NVIDIA H100"),
        lambda record: record["provenance"]["code"].update(version="9.9"),
        lambda record: record.update(stand_ins=[]),
        lambda record: record.update(warnings={"mode_collapse": "all images are alike"}),
        lambda record: record.update(diverged=made_up(1, last_good=0), steps=1),
        lambda record: record.update(diverged=made_up(4, last_good=4), steps=4),
        lambda record: record.update(diverged=made_up(5, last_good=4), steps=5),
        lambda record: record.update(diverged=made_up(0, last_good=0, quantity="parent"), steps=0),
    ],
)
def test_an_edited_record(layout: Layout, forge: Callable[[dict[str, object]], None]) -> None:
    path = sorted(layout.root.glob("runs/classifier-*/run.json"))[0]
    record = json.loads(path.read_text())
    forge(record)
    atomic_write_json(path, record)
    with_manifest(layout, path.parent.name)
    assert runs_refused(layout) == [str(path)]
    shutil.rmtree(layout.root / "batches" / "train")
    assert runs_refused(layout) == [str(path)]


RULES, RECORD = FailureRules(), LoopSettings(diverged="record", checkpoint_steps=7, log_every=5)


@pytest.mark.parametrize(
    "forge",
    [
        lambda record: record.update(diverged=None, steps=14),
        lambda record: record.update(steps=14),
        lambda record: record["diverged"].update(step=14),
        lambda record: record["diverged"].update(last_good_step=7),
        lambda record: record.update(diverged=made_up(0, last_good=0, quantity="parent"), steps=0),
    ],
)
def test_a_run_that_diverged_otherwise_than_its_record_says(
    tmp_path: Path, forge: Callable[[dict[str, Any]], None]
) -> None:
    layout, spec = Layout(tmp_path, "tiny"), tiny_gan.tiny_spec(poison_step=16)
    tiny_gan.train(spec, layout, RECORD)
    record = read_record(layout, spec.run_id)
    check_record(layout, spec.run_id, record, RULES)
    forge(record)
    atomic_write_json(layout.record(spec.run_id), record)
    with pytest.raises(ReproError, match="not what the checkpoint and the log say"):
        check_record(layout, spec.run_id, record, RULES)


def test_a_child_of_a_run_that_diverged(tmp_path: Path) -> None:
    layout, parent = Layout(tmp_path, "tiny"), tiny_gan.tiny_spec(poison_step=3)
    child = tiny_gan.tiny_spec(seed=1, parent=parent.run_id)
    for spec in (parent, child):
        tiny_gan.train(spec, layout, RECORD)
        check_record(layout, spec.run_id, read_record(layout, spec.run_id), RULES)
    record = read_record(layout, child.run_id)
    record["diverged"]["reason"] = "a power cut"
    atomic_write_json(layout.record(child.run_id), record)
    with pytest.raises(ReproError, match="the record's diverged is not"):
        check_record(layout, child.run_id, record, RULES)


def test_a_warning_removed_or_told_by_other_rules(tmp_path: Path) -> None:
    layout, spec = Layout(tmp_path, "tiny"), small_run(width=0.03, train_limit=24, steps=2, options=DCGAN)
    train_run(spec, layout, device=CPU, data_root=None, progress=False)
    lines = [{"step": 1, "metrics": {"diversity": 0.9}}, {"step": 2, "metrics": {"diversity": 0.4}}]
    layout.log(spec.run_id).write_text("".join(json.dumps(line) + "\n" for line in lines))
    told = FailureRules(collapse_below=0.5)
    record = {**read_record(layout, spec.run_id), "diverged": made_up(2, last_good=1), "steps": 2}
    record |= {"metrics": lines[-1]["metrics"], "warnings": failures(lines, told)}
    layout.checkpoint(spec.run_id).unlink()
    record["diverged"]["last_good_step"] = 0
    atomic_write_json(layout.record(spec.run_id), record)
    check_record(layout, spec.run_id, record, told)
    for changed, rules in ((record, RULES), ({**record, "warnings": {}}, told)):
        with pytest.raises(ReproError, match="the record's warnings is not") as caught:
            check_record(layout, spec.run_id, changed, rules)
        assert "config/config.yaml" in caught.value.remedy


@pytest.mark.parametrize("forge", [lambda facts: None, lambda facts: {**facts, "fingerprint": "0" * 64}])
def test_the_images_that_chose_the_weights(
    layout: Layout, forge: Callable[[dict[str, Any]], dict[str, Any] | None]
) -> None:
    options = {"network": "gat_classifier", "keep": "best_validation"}
    spec = small_run("classifier", width=0.125, train_limit=12, steps=3, batch_size=4, options=options)
    train_run(spec, layout, device=CPU, data_root=None, progress=False)
    assert runs_refused(layout) == []
    record = read_record(layout, spec.run_id)
    atomic_write_json(layout.record(spec.run_id), {**record, "validation": forge(record["validation"])})
    assert runs_refused(layout) == [str(layout.record(spec.run_id))]


def test_a_snapshot_swapped_for_a_sound_one(layout: Layout) -> None:
    spec = small_run(width=0.03, train_limit=24, steps=2, snapshots=2, options=DCGAN)
    train_run(spec, layout, device=CPU, data_root=None, progress=False)
    assert runs_refused(layout) == []
    first, last = (layout.snapshot(spec.run_id, step) for step in (1, 2))
    checkpoint.save(first, checkpoint.load(last).state, checkpoint.load(first).header)
    assert runs_refused(layout) == [str(first)]
    trained = load_trained(layout, spec.run_id, CPU)
    trained.load_snapshot(2)
    with pytest.raises(ReproError, match="not the one that the run's record lists") as caught:
        trained.load_snapshot(1)
    assert "put it back" in caught.value.remedy


@pytest.mark.parametrize(
    "forge",
    [
        {"diverged": Divergence(**made_up(2, last_good=0)), "values": {}},  # type: ignore[arg-type]
        {"diverged": Divergence(**made_up(2, last_good=0))},  # type: ignore[arg-type]
        {"checkpoint_sha256": None},
        {"checkpoint_sha256": None, "values": {"accuracy": 99.0}},
    ],
)
def test_an_edited_result_with_its_hash_and_its_manifest(layout: Layout, forge: dict[str, Any]) -> None:
    path = sorted((layout.root / "evaluations").glob("accuracy-*.json"))[0]
    result = read_result(path)
    assert result is not None
    write_result(path, result.model_copy(update=forge))
    for manifest in (layout.root / "batches" / "evaluate").glob("*.json"):
        content = json.loads(manifest.read_text())
        if path.stem in content:
            atomic_write_json(manifest, {**content, path.stem: {"sha256": sha256_file(path)}})
    assert "measures it anew" in refused(path)


def test_another_command_s_manifest_is_none(layout: Layout) -> None:
    manifest = json.loads((FIGURES / MANIFEST).read_text())
    atomic_write_json(FIGURES / MANIFEST, {**manifest, "command": "repro publish"})
    assert call("verify")[0] == 2
