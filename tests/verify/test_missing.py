"""What Snakemake is told at its start: what is missing; what was changed is refused, and nothing written."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from papers_case import call
from repro.core.errors import ReproError
from repro.core.manifest import Stage
from repro.core.paths import Layout
from repro.plan.batches import make_batches
from repro.plan.config import load_config
from repro.plan.plan import build_plan
from repro.verify.missing import find_missing, is_other

FIGURES = Path("figures")
BATCH = "gat-0-000-000"


@pytest.fixture
def layout(project: Path) -> Layout:
    return Layout(Path("results"), "tiny")


def look(layout: Layout) -> dict[Path, str]:
    """Return what must be made again, and why; looking changes nothing on disk."""
    plan = build_plan(load_config(Path("config")))
    before = state()
    found = find_missing(plan, make_batches(plan), layout, FIGURES)
    assert state() == before
    return found


def state() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in Path().rglob("*")}


def test_of_a_whole_project_nothing_is_missing(layout: Layout) -> None:
    assert look(layout) == {}


def test_a_missing_file_has_its_batch_alone_made_again(layout: Layout) -> None:
    manifest = layout.batch("evaluate", BATCH)
    paths = [layout.evaluation(name) for name in json.loads(manifest.read_text())]
    paths[0].unlink()
    assert look(layout) == {manifest: f"{paths[0]} is missing"}
    paths[1].unlink()
    assert look(layout) == {manifest: f"{paths[0]} and 1 more of its batch is missing"}
    assert call("evaluate", "--batch", BATCH)[0] == 0
    assert look(layout) == {}


def test_a_lost_manifest_is_made_again_where_something_was_made_from_it(layout: Layout) -> None:
    lost = {layout.batch("evaluate", BATCH), layout.batch("train", "suite-0-000")}
    for path in lost:
        path.unlink()
    assert look(layout).keys() == lost
    shutil.rmtree(layout.root)
    assert look(layout) == {}  # nothing made, nothing lost


@pytest.mark.parametrize("stage", ["train", "evaluate"])
def test_a_changed_file_is_refused_until_its_manifest_is_deleted(layout: Layout, stage: Stage) -> None:
    path = next((layout.root / ("runs" if stage == "train" else "evaluations")).rglob("*.json"))
    path.write_text(path.read_text() + " ")
    with pytest.raises(ReproError, match="not the one that") as caught:
        look(layout)
    assert caught.value.where == str(path)
    listed = re.search(r"delete (\S+) and run Snakemake", str(caught.value.remedy))
    assert listed
    manifest = Path(listed[1])
    manifest.unlink()
    assert look(layout).keys() == {manifest}
    assert call(stage, "--batch", manifest.stem)[0] == 0
    assert look(layout) == {}


@pytest.mark.parametrize(("stage", "batch"), [("train", "gat-0-000"), ("evaluate", BATCH)])
def test_a_batch_of_an_older_plan_is_made_again(layout: Layout, stage: Stage, batch: str) -> None:
    """Also where Snakemake does not remember it: results that were copied, or are reached by another path."""
    manifest = layout.batch(stage, batch)
    listed = json.loads(manifest.read_text())
    new = min(listed)
    manifest.write_text(json.dumps({name: entry for name, entry in listed.items() if name != new}))
    assert look(layout) == {manifest: f"{manifest} is of an older plan, without {new}"}
    assert call(stage, "--batch", batch)[0] == 0
    assert look(layout) == {}


def test_a_damaged_manifest_is_refused(layout: Layout) -> None:
    path = layout.batch("evaluate", BATCH)
    for text in ("[]", '{"a": 1}', "{"):
        path.write_text(text)
        with pytest.raises(ReproError) as caught:
            look(layout)
        assert caught.value.where == str(path)


def test_figures_that_lack_a_file_are_collected_again(layout: Layout) -> None:
    (FIGURES / "gat" / "table1.md").unlink()
    assert look(layout).keys() == {FIGURES}


def test_figures_of_another_profile_or_with_a_picture_of_one_are_collected_again(layout: Layout) -> None:
    tiny = Path("config/profiles/tiny.yaml")
    tiny.with_name("other.yaml").write_text(tiny.read_text().replace("name: tiny", "name: other"))
    plan = build_plan(load_config(Path("config"), "other"))
    other = Layout(layout.results, "other")
    assert find_missing(plan, make_batches(plan), other, FIGURES).keys() == {FIGURES}
    assert look(layout) == {}
    for ending in ("png", "csv"):
        drawn = other.root / "artefacts" / "gat" / f"table1.{ending}"
        drawn.parent.mkdir(parents=True, exist_ok=True)
        drawn.write_bytes(b"of another profile")
    assert call("collect", "--profile", "other", "--only", "gat_table1")[0] == 0
    assert (FIGURES / "gat" / "table1.csv").read_bytes() == b"of another profile"
    assert look(layout).keys() == {FIGURES}


def test_a_single_artefact_is_another_where_the_profile_has_not_drawn_it_so(layout: Layout) -> None:
    name = "gat/table1"
    assert not is_other(layout, FIGURES, name)
    assert is_other(Layout(layout.results, "other"), FIGURES, name)  # has drawn nothing
    for ending in ("tex", "png"):  # any format will do
        path = layout.root / "artefacts" / f"{name}.{ending}"
        before = path.read_bytes()
        path.write_bytes(before + b"drawn anew")
        assert is_other(layout, FIGURES, name)
        path.write_bytes(before)
        assert not is_other(layout, FIGURES, name)
    (FIGURES / f"{name}.md").unlink()
    assert is_other(layout, FIGURES, name)


def test_an_artefact_that_is_misspelt_is_not_collected(layout: Layout) -> None:
    code, printed = call("collect", "--only", "gat_tabel1")
    assert code == 2
    assert "did you mean gat/table1?" in printed


def test_foreign_files_in_figures_are_refused(layout: Layout) -> None:
    (FIGURES / "thesis.pdf").write_bytes(b"")
    with pytest.raises(ReproError, match="no rule made this file") as caught:
        look(layout)
    assert caught.value.where == str(FIGURES / "thesis.pdf")


def test_training_a_deleted_run_by_hand_takes_its_manifest_back(layout: Layout) -> None:
    manifest = layout.batch("train", "gat-0-000")
    run_id = next(iter(json.loads(manifest.read_text())))
    shutil.rmtree(layout.run(run_id))
    assert call("train", "--run", run_id)[0] == 0
    assert not manifest.exists()
    assert manifest in look(layout)
    assert call("train", "--batch", "gat-0-000")[0] == 0
    assert call("evaluate", "--batch", BATCH)[0] == 0
    for command in ("report", "collect"):  # which show the seconds of the new run
        assert call(command)[0] == 0
    assert call("verify")[0] == 0
