"""`repro publish`: the small files of a profile as they were, and nothing that must not be committed."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from papers_case import call
from repro.core.paths import Layout
from repro.judge.artefacts import read_artefacts
from repro.judge.cells import read_cells, render_cells
from repro.site.manifest import hashes
from repro.site.publish import ENDINGS, _target

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
PACKED = {"runs.jsonl", "evaluations.jsonl", "logs.jsonl.gz", "manifest.json", "artefacts.json"}


def lines(path: Path) -> list[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in text.splitlines()]


def publish(*words: str) -> Path:
    code, printed = call("publish", *words)
    assert code == 0, printed
    return Path(printed.strip().replace("\n", ""))


def lines_of_runs(layout: Layout) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(layout.root.glob("runs/*/run.json"))]


@pytest.fixture
def layout(project: Path) -> Layout:
    return Layout(Path("results"), "tiny")


def test_small_files_are_published_and_no_weights_or_images_of_data(layout: Layout) -> None:
    layout.search_summary.parent.mkdir(parents=True)
    layout.search_summary.with_suffix(".csv").write_text("search\n")
    target = publish()
    assert target.parent == Path("results/published")
    assert target.name.startswith("tiny-")
    for name in (
        "cells.csv",
        "claims.csv",
        "artefacts.json",
        "artefacts/gat/table1.md",
        "searches/summary.csv",
    ):
        assert (target / name).read_bytes() == (layout.root / name).read_bytes(), name
    files = {path.relative_to(target) for path in target.rglob("*") if path.is_file()}
    assert {path.name for path in files if path.suffix not in ENDINGS} == PACKED
    pictures = {path.parts[0] for path in files if path.suffix in (".png", ".pdf") and len(path.parts) > 1}
    assert pictures <= {"artefacts", "searches"}  # those of evaluations show images of the data set


def test_every_record_result_and_log_line_is_in_the_packed_files(layout: Layout) -> None:
    target = publish()
    records = [json.loads(path.read_text()) for path in sorted(layout.root.glob("runs/*/run.json"))]
    assert len(records) == 4
    assert lines(target / "runs.jsonl") == records
    results = sorted(layout.root.glob("evaluations/*.json"))
    assert lines(target / "evaluations.jsonl") == [
        {"evaluation_id": path.stem, **json.loads(path.read_text())} for path in results
    ]
    logged = [
        {"run_id": record["run_id"], **line}
        for record in records
        for line in lines(layout.log(record["run_id"]))
    ]
    assert len(logged) > len(records)
    assert lines(target / "logs.jsonl.gz") == logged
    frame = pd.read_json(target / "logs.jsonl.gz", lines=True, precise_float=True)
    assert frame.to_dict("records") == logged
    assert len(pd.read_json(target / "runs.jsonl", lines=True)) == len(records)


def test_publishing_again_gives_the_same_bytes(layout: Layout) -> None:
    target = publish()
    first = hashes(target)
    (target / "cells.csv").unlink()  # what is missing is nobody's
    assert hashes(publish()) == first
    assert first == json.loads((target / "manifest.json").read_text())["files"]
    assert hashes(publish("--into", "elsewhere")) == first


def test_what_an_earlier_publication_left_is_gone(layout: Layout) -> None:
    publish("--into", "published")
    extra = layout.root / "artefacts" / "gat" / "table1.tex"
    extra.unlink()
    publish("--into", "published")
    assert not Path("published/artefacts/gat/table1.tex").exists()


def test_a_publication_of_runs_that_the_profile_no_longer_has_stays(layout: Layout) -> None:
    target = publish()
    before = hashes(target)
    gone = next(layout.root.glob("runs/*/run.json"))
    shutil.rmtree(gone.parent)
    code, printed = call("publish")
    assert code == 2
    assert f"1 runs are published there that this profile no longer has, {gone.parent.name}" in printed
    assert hashes(target) == before
    publish("--into", "elsewhere")  # as the remedy says
    target.rename(target.with_name("older"))
    publish()


def test_later_runs_on_another_device_join_those_that_are_published(layout: Layout) -> None:
    first = publish()
    for path in sorted(layout.root.glob("runs/*/run.json")):
        record = json.loads(path.read_text())
        record["sessions"][-1]["device"] = "NVIDIA H100"
        path.write_text(json.dumps(record))
    assert publish() == first
    for name in ("manifest.json", "runs.jsonl"):  # of another profile, of other runs: a folder of its own
        kept = (first / name).read_text()
        (first / name).write_text(kept.replace('"tiny"', '"other"').replace('"run_id":"', '"run_id":"x'))
        assert _target(layout, lines_of_runs(layout)).name == "tiny-nvidia-h100"
        (first / name).write_text(kept)


@pytest.mark.parametrize(("others", "name"), [(1, "cpu-a"), (3, "nvidia-h100")])
def test_the_device_that_most_runs_were_trained_on_names_the_folder(
    layout: Layout, others: int, name: str
) -> None:
    records = lines_of_runs(layout)
    for place, record in enumerate(records):
        record["sessions"].append({"device": "NVIDIA H100" if place < others else "CPU a"})
    assert _target(layout, records).name == f"tiny-{name}"


def train_again(layout: Layout, device: str, runs: slice = slice(None)) -> None:
    """Give runs of a profile other checkpoints, and say that they were trained on ``device``."""
    for path in sorted(layout.root.glob("runs/*/run.json"))[runs]:
        record = json.loads(path.read_text())
        record["checkpoint_sha256"] = record["checkpoint_sha256"][::-1]
        record["sessions"][-1]["device"] = device
        path.write_text(json.dumps(record))
        for measured in layout.root.glob("evaluations/*.json"):
            result = json.loads(measured.read_text())
            if result["spec"]["run"] == record["run_id"]:
                result["checkpoint_sha256"] = record["checkpoint_sha256"]
                measured.write_text(json.dumps(result))


def test_a_repetition_on_another_device_stands_beside_what_it_repeats(layout: Layout) -> None:
    first = publish()
    before = hashes(first)
    train_again(layout, "NVIDIA H100")
    second = publish()
    assert second.name == "tiny-nvidia-h100"
    assert hashes(first) == before
    assert publish() == second  # the same results drawn again keep their folder
    pages = Path("results/published/site")
    assert {path.name for path in pages.glob("tiny-*")} == {first.name, second.name}


@pytest.mark.parametrize("runs", [slice(None), slice(1)], ids=["all", "one"])
def test_a_repetition_on_the_same_device_replaces_nothing_unasked(layout: Layout, runs: slice) -> None:
    first = publish()
    before = hashes(first)
    train_again(layout, lines_of_runs(layout)[0]["sessions"][-1]["device"], runs)
    anew = min(path.parent.name for path in layout.root.glob("runs/*/run.json"))
    for words in ((), ("--into", str(first))):
        code, printed = call("publish", *words)
        said = " ".join(printed.split())
        assert code == 2
        assert f"runs are published there that were trained to other checkpoints, {anew} for one" in said
        assert f"where: {first / 'runs.jsonl'}" in said
        assert f"--into {first}-again" in said
        assert hashes(first) == before
    again = publish("--into", f"{first}-again")  # as the remedy says
    index = (first.parent / "README.md").read_text()
    assert f"[{again.name}]" in index
    assert publish() == again
    shutil.rmtree(again)
    shutil.rmtree(first)  # as the remedy says where these shall replace those
    assert publish() == first


@pytest.mark.parametrize("name", ["thesis.tex", ".git/config", "artefacts/gat/table1.md", "manifest.json"])
def test_what_nobody_is_known_to_have_published_stays(project: Path, name: str) -> None:
    publish("--into", "published")
    path = Path("published", name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("years of work")
    before = {each: each.read_bytes() for each in Path("published").rglob("*") if each.is_file()}
    code, printed = call("publish", "--into", "published")
    assert code == 2
    assert f"where:  {path}" in printed
    assert {each: each.read_bytes() for each in Path("published").rglob("*") if each.is_file()} == before
    path.rename("moved-elsewhere")  # as the remedy says
    if name != "manifest.json":
        publish("--into", "published")
    publish("--into", "another")


@pytest.mark.parametrize("into", [".", "results", "results/tiny", "config", "figures"])
def test_folders_of_something_else_are_left(project: Path, into: str) -> None:
    before = hashes(project)
    code, printed = call("publish", "--into", into)
    assert code == 2
    assert "made no such file" in printed
    assert hashes(project) == before


def test_a_link_to_a_folder_stays_one(project: Path) -> None:
    Path("disk").mkdir()
    Path("link").symlink_to("disk")
    publish("--into", "link")
    publish("--into", "link")
    assert Path("link").is_symlink()
    assert Path("disk/cells.csv").is_file()
    assert not list(project.glob(".disk*"))


@pytest.mark.parametrize(
    "name",
    ["artefacts/gat/table1.md", "artefacts/gat", "artefacts", "runs", "evaluations", "cells.csv", "runs/x"],
)
def test_links_out_of_the_results_are_not_followed(layout: Layout, name: str) -> None:
    place, outside = layout.root / name, Path("outside")
    if name == "runs/x":
        source = next(layout.root.glob("runs/gan-*"))
        shutil.copytree(source, outside)
    else:
        place.rename(outside)
    place.symlink_to(outside.resolve())
    code, printed = call("publish")
    assert code == 2
    assert f"where:  {place}" in printed
    assert "symbolic link" in printed
    assert not list(Path("results/published").glob("tiny*"))
    real = place.with_name("real")  # what the remedy says: cp -rL, rm, mv
    (shutil.copytree if outside.is_dir() else shutil.copyfile)(outside, real)
    place.unlink()
    if name == "runs/x":  # the record of another run: or delete it, says the remedy
        shutil.rmtree(real)
    else:
        real.rename(place)
    publish()


def test_an_unfinished_profile_is_not_published(project: Path) -> None:
    layout = Layout(project / "results", "tiny")
    layout.cells.unlink()
    code, printed = call("publish")
    assert code != 0
    assert "this profile has no cells yet" in printed
    assert "snakemake --cores all figures/ --config profile=tiny" in " ".join(printed.split())
    assert not (project / "results" / "published").exists()
    assert call("cells")[0] == 0
    (layout.root / "claims.csv").unlink()
    code, printed = call("publish")
    assert "claims.csv is missing" in printed
    assert "write it: repro cells --profile tiny" in printed
    assert call("cells", "--profile", "tiny")[0] == 0
    publish()


@pytest.mark.parametrize("name", sorted(path.parent.name for path in PUBLISHED.glob("*/cells.csv")))
def test_what_is_published_here_is_whole(name: str) -> None:
    """The committed publications: every file as listed, every cell's run and every log's run there."""
    target = PUBLISHED / name
    manifest = json.loads((target / "manifest.json").read_text())
    assert hashes(target) == manifest["files"]
    runs = {record["run_id"] for record in lines(target / "runs.jsonl")}
    frame = pd.read_csv(target / "cells.csv", dtype=str)
    measured = frame[frame["n_seeds"].fillna("0") != "0"]
    assert {run for text in measured["runs"].dropna() for run in text.split("+")} <= runs
    assert {line["run_id"] for line in lines(target / "logs.jsonl.gz")} <= runs
    results = lines(target / "evaluations.jsonl")
    assert len({result["evaluation_id"] for result in results}) == len(results) > 0


def test_an_artefact_that_was_drawn_anew_alone_is_not_published_beside_old_cells(layout: Layout) -> None:
    own = layout.entry("gat/table1").with_suffix(".csv")
    cells = read_cells(own)
    own.write_text(render_cells([replace(cells[0], n_seeds=9), *cells[1:]]))
    code, printed = call("publish")
    assert (code, "gat/table1 was drawn anew since" in printed) == (2, True), printed
    assert "--config profile=tiny" in printed


@pytest.mark.parametrize("anew", ["trained", "measured"])
def test_numbers_of_what_was_made_anew_are_not_published(layout: Layout, anew: str) -> None:
    entries = read_artefacts(layout.root / "artefacts.json").artefacts
    behind = next(each for entry in entries for each in entry.behind if each.numbers)
    path = layout.evaluation(behind.evaluations[0])
    result = json.loads(path.read_text())
    if anew == "measured":
        result["values"][behind.value] += 1
    else:
        path = layout.record(result["spec"]["run"])
        result = {**json.loads(path.read_text()), "checkpoint_sha256": "f" * 64}
    path.write_text(json.dumps(result))
    code, printed = call("publish")
    assert (code, "rests on what was trained or measured anew since" in printed) == (2, True), printed


def test_what_belongs_to_no_artefact_any_more_is_not_published(layout: Layout) -> None:
    stale = layout.root / "artefacts" / "gone" / "table9.png"
    stale.parent.mkdir()
    stale.write_bytes(b"of a paper that was renamed")
    assert not (publish() / "artefacts" / "gone").exists()
