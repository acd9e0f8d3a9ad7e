"""Runs and evaluations of other images than the data root, its record or the others are of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from data_archives import write_cifar10
from papers_case import PROFILE, SETTINGS, SHEET, call, write_config
from repro.core.files import read_json
from repro.core.paths import Layout
from repro.data.catalogue import dataset_info
from repro.data.state import folder_state
from repro.plan.batches import make_batches
from repro.plan.config import load_config
from repro.plan.plan import build_plan
from repro.verify.missing import find_missing

LAYOUT = Layout(Path("results"), "tiny")
RECORD = LAYOUT.data("cifar10")
RUNS, RESULTS = LAYOUT.root / "runs", LAYOUT.root / "evaluations"
TRAIN, EVALUATE = LAYOUT.batch("train", "gat-0-000"), LAYOUT.batch("evaluate", "gat-0-000-000")
MANY = PROFILE.replace("data: synthetic", "data: real").replace("train: 200, test: 50", "train: 50, test: 10")
SMALL = MANY.replace("train: 2, evaluate: 3", "train: 9, evaluate: 9")


@pytest.fixture(scope="module")
def _measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two data roots, and a checkout with two runs trained and measured on the first."""
    folder = tmp_path_factory.mktemp("measured")
    sheet, _, _ = SHEET.partition('      - name: "right"')
    write_config(folder / "config", sheet=sheet, profile=SMALL, settings=SETTINGS)
    for seed, root in enumerate(("first", "second")):
        write_cifar10(folder / root / "cifar-10-batches-py", seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        on("first")
        record = read_json(RECORD, remedy="")
    assert {(each["split"], each["limit"], each["images"]) for each in record} == {
        ("train", 50, 50), ("test", 30, 20),
    }  # fmt: skip
    return folder


@pytest.fixture
def measured(_measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "checkout"
    shutil.copytree(_measured, folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("REPRO_DATA", raising=False)


def on(root: str, *steps: str) -> None:
    """Do what the DAG does, by hand, with a data root."""
    every = {
        "record": ("data", "record", "cifar10"),
        "train": ("train", "--batch", "gat-0-000"),
        "evaluate": ("evaluate", "--batch", "gat-0-000-000"),
    }
    for step in steps or every:
        code, printed = call(*every[step], "--data-root", root)
        assert code == 0, printed


def seen(root: str | None) -> dict[Path, str]:
    """Return what Snakemake would make again at its start."""
    plan = build_plan(load_config(Path("config")))
    return find_missing(plan, make_batches(plan), LAYOUT, Path("figures"), root and Path(root))  # type: ignore[arg-type]


def verify(*words: str) -> str:
    return call("verify", *words)[1]


@pytest.mark.usefixtures("measured")
def test_what_is_of_the_recorded_images_is_fine() -> None:
    on("first", "record")  # the copy has other times
    assert seen("first") == seen(None) == {}
    for words in ([], ["--data-root", "first"]):
        code, printed = call("verify", *words)
        assert code == 0, printed


@pytest.mark.usefixtures("measured")
def test_another_data_root_is_seen_and_named() -> None:
    assert list(seen("second")) == [RECORD]
    assert "second does not hold cifar10 test (20 images" in verify("--data-root", "second")
    assert "error" not in verify()
    on("second", "record")
    assert set(seen("second")) == {TRAIN, EVALUATE}
    assert seen(None) == {}  # not at hand: only drawn from
    printed = verify()
    assert "it was trained on cifar10 train (50 images" in printed
    assert f"{RECORD} names cifar10 train (50 images" in printed
    on("second", "train", "evaluate")
    assert seen("second") == {}
    assert "error" not in verify("--data-root", "second")


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize("recorded", [True, False])
def test_a_measurement_on_other_images_than_the_rest_is_seen_and_named(recorded: bool) -> None:
    on("first", "record")
    path = next(RESULTS.glob("*.json"))
    path.unlink()
    kept = {each: each.read_bytes() for each in RESULTS.glob("*.json")}
    on("second", "evaluate")  # of all, since none is of what lies there
    for each, content in kept.items():
        each.write_bytes(content)
    on("first", "record")
    if not recorded:
        shutil.rmtree(RECORD.parent)
    EVALUATE.unlink()
    printed = verify()
    assert "it was measured on cifar10 test (20 images" in printed
    assert str(RESULTS) in printed
    assert (EVALUATE in seen("first")) or not recorded
    on("first")  # what the remedy says: Snakemake does these steps
    assert "error" not in verify("--data-root", "first")


@pytest.mark.usefixtures("measured")
def test_a_lost_or_damaged_record_is_made_again_or_named() -> None:
    for name in (LAYOUT.data_state("cifar10"), RECORD):
        name.unlink()
        assert list(seen("first")) == [RECORD]
        assert seen(None) == {}
        on("first", "record")
    RECORD.write_text('[{"name": "cifar10"}]')
    assert "cifar10.json is damaged: 0.split: Field required" in verify()
    RECORD.unlink()  # as it says
    on("first", "record")
    assert "error" not in verify()
    shutil.rmtree(LAYOUT.root)
    assert seen("first") == {}  # nothing made, nothing lost


def test_the_state_sees_every_change_of_a_file_that_is_read(tmp_path: Path) -> None:
    info = dataset_info("imagenet143_64")
    names = ("train/n02085620/a.JPEG", "val/n02085620/a.JPEG", "train/n99999999/b.JPEG", "train/.hidden")
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1")
    states = [folder_state(tmp_path, info)]
    for change in (
        lambda: (tmp_path / names[0]).write_bytes(b"2"),
        lambda: (tmp_path / names[1]).touch(),
        lambda: (tmp_path / names[1]).unlink(),
        lambda: (tmp_path / "train" / "n02085782").mkdir(),
        lambda: (tmp_path / "train" / "n02085620" / "gone.JPEG").symlink_to("nowhere"),
    ):
        change()
        states.append(folder_state(tmp_path, info))
    assert len(set(states)) == len(states)
    (tmp_path / names[2]).write_bytes(b"a class that is not read")
    (tmp_path / names[3]).write_bytes(b"a file that no reader sees")
    assert folder_state(tmp_path, info) == states[-1]
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    assert folder_state(moved, info) == states[-1]
