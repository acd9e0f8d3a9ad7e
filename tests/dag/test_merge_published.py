"""Results joined with a publication, whose runs have no weights: seeds are added, nothing is done again."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from papers_case import PROFILE, SHEET, call, write_config
from repro.core.errors import ReproError
from repro.core.files import atomic_write_json, sha256_file
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.evaluate.context import Context
from repro.evaluate.result import read_result, write_result
from repro.plan.batches import make_batches
from repro.plan.config import load_config
from repro.plan.plan import build_plan
from repro.train.parents import load_parent
from repro.verify.evaluations import check_evaluations
from repro.verify.findings import Findings

HERE, JOINED = Layout(Path("results"), "tiny"), Layout(Path("joined"), "tiny")
PACKED = ("runs.jsonl", "evaluations.jsonl")
ADDED = "classifier-cifar10-b56666ac74-s1"
FIRST = ADDED.replace("s1", "s0")


@pytest.fixture
def publication(project: Path) -> Path:
    """A small project's publication without one run; all of the project lies in other/, weights included."""
    shutil.copytree("results/tiny", "other/tiny")
    shutil.rmtree(HERE.run(ADDED))
    for path in sorted((HERE.root / "evaluations").glob("*.json")):
        result = read_result(path)
        if result is not None and result.spec.run == ADDED:
            path.unlink()
    done("publish", "--into", "results/published/tiny-cpu")
    return Path("results/published/tiny-cpu")


def done(*words: str) -> str:
    code, printed = call(*words)
    assert code == 0, (words, printed)
    return " ".join(printed.split())


def refused(*words: str) -> str:
    code, printed = call(*words)
    assert code == 2, (words, printed)
    return " ".join(printed.split())


def merge(*words: str) -> str:
    return done("merge", *words, "--results", "joined")


def files(pattern: str) -> dict[Path, str]:
    return {path: sha256_file(path) for path in sorted(JOINED.root.glob(pattern))}


def steps(kind: str) -> Iterator[tuple[str, ...]]:
    batches = make_batches(build_plan(load_config(Path("config"))))
    for name in getattr(batches, kind):
        yield kind, "--batch", name, "--results", "joined"


def test_a_seed_joins_a_publication_and_only_it_is_trained(publication: Path) -> None:
    assert "3 runs and 3 evaluations copied" in merge(str(publication))
    assert not files("runs/*/*.safetensors")
    records = {path.name: sha256_file(HERE.record(path.name)) for path in HERE.root.glob("runs/*")}
    assert {path.parent.name: sha256 for path, sha256 in files("runs/*/run.json").items()} == records
    before = files("runs/*/run.json") | files("evaluations/*.json")
    for step in (*steps("train"), *steps("evaluate"), ("draw", "gat/table1", "--results", "joined")):
        done(*step)
    after = files("runs/*/run.json") | files("evaluations/*.json")
    assert before.items() <= after.items()
    assert [path.parent.name for path in files("runs/*/*.safetensors")] == [ADDED]
    drawn = "tiny/cells/gat/table1.csv"
    assert Path("joined", drawn).read_bytes() == Path("other", drawn).read_bytes()
    for words in (("draw", "gat/figure4"), ("cells",), ("report",), ("collect",)):
        done(*words, "--results", "joined")
    told = done("verify", "--results", "joined")
    assert f"of the publication tiny-cpu, its weights could not be checked: joined/tiny/runs/{FIRST}" in told
    done("publish", "--results", "joined", "--into", str(publication))  # it is a later state of the first
    assert len((publication / "runs.jsonl").read_text().splitlines()) == 4
    assert "4 runs and 5 evaluations copied" in done("merge", str(publication), "--results", "again")


def test_weights_take_the_place_of_their_record(publication: Path) -> None:
    merge(str(publication))
    assert "4 runs and 2 evaluations copied, 6 were here" in merge("other")
    assert len(files("runs/*/checkpoint.safetensors")) == 4
    assert not files("runs/*/published.json")
    assert "0 runs and 0 evaluations copied" in merge(str(publication))
    shutil.rmtree("joined")
    merge(str(publication), "other")
    assert len(files("runs/*/checkpoint.safetensors")) == 4


def test_a_training_that_goes_on_here_is_kept_where_the_other_has_no_weights(publication: Path) -> None:
    name = sorted(path.parent.name for path in HERE.root.glob("runs/*/run.json"))[0]
    shutil.copytree(HERE.run(name), JOINED.run(name))
    JOINED.record(name).unlink()
    before = sha256_file(JOINED.checkpoint(name))
    assert name in merge(str(publication))  # as not finished
    assert sha256_file(JOINED.checkpoint(name)) == before
    merge("other")
    assert JOINED.record(name).is_file()


def test_what_needs_weights_says_so(publication: Path) -> None:
    merge(str(publication))
    (path,) = (path for path in files("evaluations/fidelity-*.json"))
    path.unlink()
    (step,) = (step for step in steps("evaluate") if step[2] == "gat-0-001-000")
    printed = refused(*step)
    assert "is of the publication tiny-cpu, which holds no weights" in printed
    shutil.copy(f"other/tiny/evaluations/{path.name}", path)  # as the remedy says
    done(*step)
    spec = RunSpec.model_validate(json.loads(JOINED.record(FIRST).read_text())["spec"])
    child = spec.model_copy(update={"parent": FIRST})
    with pytest.raises(ReproError, match="is of the publication tiny-cpu, which holds no weights"):
        load_parent(child, JOINED)
    shutil.rmtree(JOINED.run(FIRST))  # the other remedy
    for each in steps("train"):
        done(*each)
    assert JOINED.checkpoint(FIRST).is_file()


def with_picture(path: Path, layout: Layout) -> None:
    """Give a result a picture beside it, as measurements with pictures do."""
    result = read_result(path)
    assert result is not None
    picture = layout.evaluation(path.stem).with_suffix("") / "grid.png"
    picture.parent.mkdir()
    picture.write_text("a picture")
    listed = {"pictures": (picture.name,), "pictures_sha256": (sha256_file(picture),)}
    write_result(path, result.model_copy(update=listed))


def test_a_result_holds_without_its_pictures_and_with_none_but_these(publication: Path) -> None:
    (path,) = HERE.root.glob("evaluations/fidelity-*.json")
    with_picture(path, HERE)
    done("publish", "--into", str(publication))
    merge(str(publication))
    (step,) = (step for step in steps("evaluate") if step[2] == "gat-0-001-000")
    before = files("evaluations/fidelity-*.json")
    done(*step)
    assert files("evaluations/fidelity-*.json") == before
    found, plan = Findings(), build_plan(load_config(Path("config")))
    check_evaluations(plan, make_batches(plan), JOINED, found)
    assert not found.problems
    assert (
        f"of a publication, its pictures could not be checked: {JOINED.evaluation(path.stem)}" in found.notes
    )
    picture = JOINED.evaluation(path.stem).with_suffix("") / "grid.png"
    picture.parent.mkdir()
    picture.write_text("another")
    assert "which holds no weights" in refused(*step)
    assert "3 runs and 1 evaluations copied" in merge("results")  # whose pictures and weights are there
    assert picture.read_text() == "a picture"


@pytest.mark.parametrize("other", ["extractor", "images"])
def test_a_result_of_another_extractor_or_other_images_does_not_hold(
    publication: Path, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge(str(publication))
    (path,) = files("evaluations/fidelity-*.json")
    result = read_result(path)
    assert result is not None
    assert result.spec.extractor is not None
    record = JOINED.record(result.spec.extractor)
    if other == "extractor":
        atomic_write_json(record, json.loads(record.read_text()) | {"checkpoint_sha256": "0" * 64})
    else:
        monkeypatch.setattr(Context, "has_changed", lambda self, data: True)
    (step,) = (step for step in steps("evaluate") if step[2] == "gat-0-001-000")
    assert "which holds no weights" in refused(*step)


def test_a_result_of_another_checkpoint_does_not_hold(publication: Path) -> None:
    merge(str(publication))
    (path, *_) = files("evaluations/accuracy-*.json")
    result = read_result(path)
    assert result is not None
    write_result(path, result.model_copy(update={"checkpoint_sha256": "0" * 64}))
    printed = " ".join(call(*step)[1] for step in steps("evaluate"))
    assert "which holds no weights" in " ".join(printed.split())


@pytest.mark.parametrize("name", ["runs.jsonl", "evaluations.jsonl", "logs.jsonl.gz"])
def test_a_changed_publication_is_refused(publication: Path, name: str) -> None:
    path = publication / name
    kept = path.read_bytes()
    text = gzip.decompress(kept) if name.endswith("gz") else kept
    other = text.replace(b"accuracy", b"accurate")
    path.write_bytes(gzip.compress(other) if name.endswith("gz") else other)
    printed = refused("merge", str(publication), "--results", "joined")
    assert f"{name} is not as it was published" in printed
    assert not JOINED.root.exists()
    path.write_bytes(kept)  # the remedy
    merge(str(publication))


def test_another_profiles_publication_is_refused(publication: Path) -> None:
    write_config(Path("config"), sheet=SHEET, profile=PROFILE)
    Path("config/profiles/other.yaml").write_text(PROFILE.replace("name: tiny", "name: other"))
    printed = refused("merge", str(publication), "--profile", "other", "--results", "joined")
    assert "these results are of profile tiny, not of other" in printed
    (publication / "manifest.json").unlink()
    assert "these results are no publication's" in refused("merge", str(publication), "--results", "joined")


def test_the_documented_example_takes_over_every_published_run(project: Path) -> None:
    root = Path(__file__).parents[2]
    lines = (root / "docs/cluster.md").read_text(encoding="utf-8").splitlines()
    (example,) = (line for line in lines if line.startswith("repro merge results/published/"))
    folder, *words = example.split()[2:]
    printed = done(
        "merge", str(root / folder), *words, "--config", str(root / "config"), "--results", "joined"
    )
    count = {name: len((root / folder / name).read_text().splitlines()) for name in PACKED}
    assert f"{count[PACKED[0]]} runs and {count[PACKED[1]]} evaluations copied, 0 were here" in printed


def test_one_of_an_older_version_is_refused(project: Path) -> None:
    """Records of old have no hash of their log, by which a run's numbers are known for its own."""
    root = Path(__file__).parents[2]
    old = root / "results/published/dat-cpu-amd-epyc"
    config = ("--config", str(root / "config"), "--profile", "dat-cpu")
    printed = refused("merge", str(old), *config, "--results", "joined")
    assert "was published by an older version" in printed
    assert not Path("joined").exists()
