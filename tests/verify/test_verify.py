"""`repro verify`: a sound project passes, whatever no rule made is found, nothing is changed by looking."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from papers_case import PROFILE, call
from repro.core import checkpoint
from repro.core.files import sha256_file
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.evaluate.result import read_result, write_result
from repro.plan.batches import make_batches
from repro.plan.config import load_config
from repro.plan.plan import build_plan
from repro.site.publish import TABLES
from repro.verify.evaluations import check_evaluations
from repro.verify.findings import Findings


@pytest.fixture
def layout(project: Path) -> Layout:
    return Layout(Path("results"), "tiny")


def state(folder: Path) -> dict[str, str]:
    return {str(path): sha256_file(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def found(problem: str, where: Path | str) -> str:
    """Check that verify names one problem, its file and a remedy, and changes nothing; return its words."""
    before = state(Path())
    code, printed = call("verify")
    assert code == 2, printed
    assert problem in printed
    assert f"where:  {where}" in printed
    assert "remedy:" in printed
    assert "Traceback" not in printed
    assert state(Path()) == before
    return printed


def one(layout: Layout, measure: str) -> Path:
    return sorted((layout.root / "evaluations").glob(f"{measure}-*.json"))[0]


def test_a_sound_project_passes_and_is_left_as_it_is(project: Path) -> None:
    before = state(project)
    code, printed = call("verify")
    assert code == 0, printed
    assert "4 runs, 5 evaluations, 2 artefacts" in printed
    assert "stale" not in printed
    assert state(project) == before


def test_a_profile_that_was_never_run_is_said_so(project: Path) -> None:
    tiny = Path("config/profiles/tiny.yaml")
    tiny.with_name("other.yaml").write_text(tiny.read_text().replace("name: tiny", "name: other"))
    code, printed = call("verify", "--profile", "other")
    assert code == 2
    assert "profile other has never been run here" in printed
    assert "snakemake --cores all figures/ --config profile=other" in printed


def test_a_row_more_makes_an_older_plan_and_nothing_to_delete(project: Path) -> None:
    sheet = Path("config/papers/gat/sheet.yaml")
    text = sheet.read_text()
    recipe = text[text.index("  gan:\n") : text.index("  later:\n")]
    mine = recipe.replace("  gan:", "  mine:").replace("n_dis: 1", "n_dis: 2")
    row = '          - {name: "GAN", recipe: gan}\n'
    assert row in text
    sheet.write_text(
        text.replace(recipe, mine + recipe).replace(
            row, row.replace("GAN", "Mine").replace("gan}", "mine}") + row
        )
    )
    printed = found("gat/table1: drawn for an older plan", "results/tiny")
    assert "run Snakemake, which makes what is missing" in printed
    assert "delete" not in printed
    assert "more problem" not in printed
    path = one(Layout(Path("results"), "tiny"), "accuracy")
    path.write_text(path.read_text().replace('"accuracy": ', '"accuracy": 9'))
    found("not the one that", path)  # what no rule made is still found


def test_a_result_that_no_manifest_lists_is_found(layout: Layout) -> None:
    path = one(layout, "accuracy")
    by_hand = path.with_name("accuracy-0123456789.json")
    by_hand.write_text(path.read_text())
    found("another evaluation than its name", by_hand)
    by_hand.write_text('{"values": {"accuracy": 99.9}}')
    found("not as a measurement wrote it", by_hand)


def test_a_result_left_out_of_its_manifest_is_found(layout: Layout) -> None:
    path = one(layout, "accuracy")
    for manifest in (layout.root / "batches" / "evaluate").glob("*.json"):
        content = json.loads(manifest.read_text())
        manifest.write_text(json.dumps({name: entry for name, entry in content.items() if name != path.stem}))
    found("does not list this result", path)


def test_a_result_of_another_checkpoint_is_found(layout: Layout) -> None:
    path = one(layout, "accuracy")
    result = read_result(path)
    assert result is not None
    write_result(path, result.model_copy(update={"checkpoint_sha256": "0" * 64}))
    for manifest in (layout.root / "batches" / "evaluate").glob("*.json"):
        content = json.loads(manifest.read_text())
        if path.stem in content:
            manifest.write_text(json.dumps({**content, path.stem: {"sha256": sha256_file(path)}}))
    found("measured from another checkpoint", path)


def test_a_changed_checkpoint_is_found(layout: Layout) -> None:
    path = next((layout.root / "runs").glob("classifier-*/checkpoint.safetensors"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    found("damaged", path)


def test_a_sound_checkpoint_in_the_place_of_another_is_found(layout: Layout) -> None:
    path = next((layout.root / "runs").glob("classifier-*/checkpoint.safetensors"))
    loaded = checkpoint.load(path)
    checkpoint.save(path, loaded.state, {**loaded.header, "step": 3})
    found("not the one that its record speaks of", path)


def test_a_changed_record_is_found(layout: Layout) -> None:
    path = next((layout.root / "runs").glob("classifier-*/run.json"))
    path.write_text(path.read_text().replace('"resumes": 0', '"resumes": 1'))
    found("this record is not the one that", path)


def test_a_run_folder_made_by_hand_is_found(layout: Layout) -> None:
    folder = layout.run("classifier-cifar10-0123456789-s0")
    folder.mkdir()
    found("no rule made this folder", folder)


def test_a_foreign_file_in_a_runs_folder_is_found(layout: Layout) -> None:
    path = next((layout.root / "runs").glob("gan-*/run.json")).with_name("better.safetensors")
    path.write_bytes(b"")
    found("no rule made this file", path)


def test_what_a_killed_process_left_is_no_error_and_named(layout: Layout) -> None:
    run = next((layout.root / "runs").glob("gan-*"))
    (run / "snapshots").mkdir(exist_ok=True)
    left = [run / ".part-01", run / "snapshots" / ".part-02", layout.root / "evaluations" / ".part-03"]
    for path in left:
        path.mkdir()
    code, printed = call("verify")
    assert code == 0, printed
    assert printed.count("left by a killed process, or being written") == 2  # a run's own are its affair


def test_a_changed_log_is_found(layout: Layout) -> None:
    path = next((layout.root / "runs").glob("gan-*/metrics.jsonl"))
    path.write_text(path.read_text().replace('_loss":', '_loss":1', 1))
    assert "delete the run's folder" in found("not as the training wrote it", path)


def test_changed_cells_are_found_in_part_and_in_whole(layout: Layout) -> None:
    part = layout.root / "cells" / "gat" / "table1.csv"
    for path in (layout.cells, part):
        whole = path.read_text()
        path.write_text(whole.replace("not comparable", "reproduced"))
        found("not what the evaluations on disk give", path)
        path.write_text(whole)
    shutil.copy(part, layout.root / "old.csv")
    for path in (layout.cells, part):  # both alike: the evaluations say otherwise
        path.write_text(path.read_text().replace("not comparable", "reproduced"))
    assert "(2 more problems" in found("not what the evaluations on disk give", part)  # and figures/cells.csv


@pytest.mark.parametrize(
    ("name", "problem"),
    [("gat/table1.png", "not the file that a rule put here"), ("gat/best.png", "no rule made this file")],
)
def test_a_picture_put_into_figures_is_found(project: Path, name: str, problem: str) -> None:
    path = Path("figures") / name
    path.write_bytes(b"a nicer picture")
    found(problem, path)


def test_figures_made_by_hand_are_found(project: Path) -> None:
    shutil.rmtree("figures")
    Path("figures/gat").mkdir(parents=True)
    Path("figures/gat/table1.png").write_bytes(b"painted")
    found("not the file that a rule put here", "figures/gat/table1.png")
    shutil.copy("results/tiny/artefacts/gat/table1.png", "figures/gat/table1.png")
    found("no rule made this file", "figures/gat/table1.png")  # whoever copied it may want to keep it
    Path("figures/gat/table1.png").unlink()
    assert call("collect", "--only", "gat/table1")[0] == 0
    code, printed = call("verify")
    assert code == 0, printed


def test_another_profile_s_picture_is_called_so(layout: Layout) -> None:
    drawn = Path("results/other/artefacts/gat/table1.png")
    drawn.parent.mkdir(parents=True)
    drawn.write_bytes(b"of another profile")
    shutil.copy(drawn, "figures/gat/table1.png")
    found("this is profile other's, not tiny's", "figures/gat/table1.png")


def test_a_missing_collected_file_is_found(project: Path) -> None:
    path = Path("figures/gat/table1.pdf")
    path.unlink()
    found("collected file is missing", path)


def test_pictures_of_a_measurement_that_goes_on_are_no_fault(layout: Layout) -> None:
    path = one(layout, "accuracy")
    folder = path.with_suffix("")
    folder.mkdir()
    (folder / "grid.png").write_bytes(b"half")
    path.unlink()
    plan, found = build_plan(load_config(Path("config"))), Findings()
    check_evaluations(plan, make_batches(plan), layout, found)
    assert f"of a measurement that is not finished, or going on: {folder}" in found.notes
    assert all(problem.where != str(folder) for problem in found.problems)


def test_several_problems_are_counted(layout: Layout) -> None:
    drawn = layout.root / "artefacts" / "gat" / "figure4.png"
    for path in (drawn, layout.entry("gat/figure4").with_suffix(".csv"), Path("figures/gat/figure4.png")):
        path.write_bytes(path.read_bytes() + b"x")
    assert "(2 more problems after this one)" in found("not what the evaluations on disk give", drawn)


def test_runs_of_an_older_plan_are_stale_and_no_error(project: Path) -> None:
    profile = Path("config/profiles/tiny.yaml")
    profile.write_text(profile.read_text() + "artefacts: [gat/figure4]\n")
    for name in ("cells", "report", "collect"):
        assert call(name)[0] == 0
    code, printed = call("verify")
    assert code == 0, printed
    assert printed.count("stale (of an older plan") == 9
    profile.write_text(PROFILE.replace("steps: 4", "steps: 5"))
    assert call("verify")[0] == 2  # the drawn table is no longer what the plan asks for


def test_what_an_interrupted_road_left_is_no_error(layout: Layout) -> None:
    for folder in ("cells", "artefacts", "report"):
        shutil.rmtree(layout.root / folder)
    for path in (*(layout.root / name for name in TABLES), layout.batch("evaluate", "gat-0-000-000")):
        path.unlink()
    shutil.rmtree("figures")
    run = next(iter((layout.root / "runs").glob("gan-*")))
    spec = RunSpec.model_validate(json.loads((run / "run.json").read_text())["spec"])
    (run / "run.json").unlink()
    layout.batch("train", "gat-0-001").unlink()
    printed = call("verify")[1]
    assert f"unfinished: {layout.run(spec.run_id)}" in printed, printed
    assert "its batch is not finished" in printed
    assert "not made yet: gat/table1" in printed
    assert "not collected yet" in printed
