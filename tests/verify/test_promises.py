"""What Snakemake is told at its start: files that are gone are noted once, changed ones refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from papers_case import call
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.plan.batches import make_batches
from repro.plan.config import load_config
from repro.plan.plan import build_plan
from repro.verify.promises import note_gone

FIGURES = Path("figures")


@pytest.fixture
def layout(project: Path) -> Layout:
    return Layout(Path("results"), "tiny")


def look(layout: Layout) -> list[str]:
    plan = build_plan(load_config(Path("config")))
    return note_gone(plan, make_batches(plan), layout, FIGURES)


def notes(layout: Layout) -> dict[str, tuple[str, int]]:
    paths = sorted((layout.root / "batches").rglob("*.gone"))
    return {f"{path.parent.name}/{path.stem}": (path.read_text(), path.stat().st_mtime_ns) for path in paths}


def test_a_whole_project_needs_no_note(layout: Layout) -> None:
    assert look(layout) == []
    assert notes(layout) == {}


def test_gone_files_are_noted_once_for_their_batch_alone(layout: Layout) -> None:
    manifest = layout.batch("evaluate", "gat-0-000-000")
    gone = layout.evaluation(next(iter(json.loads(manifest.read_text()))))
    gone.unlink()
    assert look(layout) == [f"{gone} is gone; its batch is made again"]
    first = notes(layout)
    assert list(first) == ["evaluate/gat-0-000-000"]
    assert str(gone) in first["evaluate/gat-0-000-000"][0]
    look(layout)
    assert notes(layout) == first  # written anew, it would run the batch once more
    assert call("evaluate", "--batch", "gat-0-000-000")[0] == 0
    assert look(layout) == []
    assert notes(layout) == first


def test_a_second_loss_is_a_new_note(layout: Layout) -> None:
    texts = set()
    for _ in range(2):
        gone = layout.evaluation(
            next(iter(json.loads(layout.batch("evaluate", "gat-0-000-000").read_text())))
        )
        gone.unlink()
        look(layout)
        texts.add(notes(layout)["evaluate/gat-0-000-000"][0])
        assert call("evaluate", "--batch", "gat-0-000-000")[0] == 0
    assert len(texts) == 2


def test_a_lost_manifest_is_noted_where_something_was_made_from_it(layout: Layout) -> None:
    layout.batch("evaluate", "gat-0-000-000").unlink()
    layout.batch("train", "suite-0-000").unlink()
    look(layout)
    assert set(notes(layout)) == {"evaluate/gat-0-000-000", "train/suite-0-000"}
    shutil.rmtree(layout.root)
    look(layout)
    assert notes(layout) == {}  # nothing made, nothing lost


@pytest.mark.parametrize("stage", ["train", "evaluate"])
def test_a_changed_file_is_refused_and_nothing_noted(layout: Layout, stage: str) -> None:
    path = next((layout.root / ("runs" if stage == "train" else "evaluations")).rglob("*.json"))
    path.write_text(path.read_text() + " ")
    with pytest.raises(ReproError, match="not the one that") as caught:
        look(layout)
    assert caught.value.where == str(path)
    assert notes(layout) == {}


def test_a_damaged_manifest_is_refused(layout: Layout) -> None:
    path = layout.batch("evaluate", "gat-0-000-000")
    for text in ("[]", '{"a": 1}', "{"):
        path.write_text(text)
        with pytest.raises(ReproError) as caught:
            look(layout)
        assert caught.value.where == str(path)


def test_figures_that_lack_a_file_are_collected_again(layout: Layout) -> None:
    (FIGURES / "gat" / "table1.md").unlink()
    (line,) = look(layout)
    assert line.startswith("figures does not hold all")
    assert list(notes(layout)) == ["figures/figures"]


def test_foreign_files_in_figures_are_refused(layout: Layout) -> None:
    (FIGURES / "thesis.pdf").write_bytes(b"")
    with pytest.raises(ReproError, match="no rule made this file") as caught:
        look(layout)
    assert caught.value.where == str(FIGURES / "thesis.pdf")


def test_training_a_deleted_run_by_hand_takes_the_promise_back(layout: Layout) -> None:
    manifest = layout.batch("train", "gat-0-000")
    run_id = next(iter(json.loads(manifest.read_text())))
    shutil.rmtree(layout.run(run_id))
    assert call("train", "--run", run_id)[0] == 0
    assert not manifest.exists()
    look(layout)
    assert "train/gat-0-000" in notes(layout)
    assert call("train", "--batch", "gat-0-000")[0] == 0
    assert call("evaluate", "--batch", "gat-0-000-000")[0] == 0
    for command in ("report", "collect"):  # which show the seconds of the new run
        assert call(command)[0] == 0
    assert call("verify")[0] == 0
