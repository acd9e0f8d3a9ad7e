"""`repro publish`: the small files of a profile as they were, and nothing that must not be committed."""

from __future__ import annotations

from pathlib import Path

from papers_case import call
from repro.core.paths import Layout
from repro.site.publish import ENDINGS

ALLOWED = {*ENDINGS, ".json", ".jsonl"}


def test_small_files_are_published_and_no_weights_or_images_of_data(project: Path) -> None:
    layout = Layout(project / "results", "tiny")
    layout.search_summary.parent.mkdir(parents=True)
    layout.search_summary.with_suffix(".csv").write_text("search\n")
    code, printed = call("publish")
    assert code == 0, printed
    target = Path(printed.strip().replace("\n", ""))
    assert target.parent == Path("results/published")
    assert target.name.startswith("tiny-")
    files = {path.relative_to(target) for path in target.rglob("*") if path.is_file()}
    for name in (
        "cells.csv",
        "claims.csv",
        "artefacts.json",
        "artefacts/gat/table1.md",
        "searches/summary.csv",
    ):
        assert (target / name).read_bytes() == (layout.root / name).read_bytes(), name
    runs = {path.parent.name for path in layout.root.glob("runs/*/run.json")}
    assert {path.parent.name for path in files if path.name == "run.json"} == runs
    assert {path.suffix for path in files} <= ALLOWED
    pictures = {path.parts[0] for path in files if path.suffix in (".png", ".pdf") and len(path.parts) > 1}
    assert pictures <= {"artefacts", "searches"}  # those of evaluations show images of the data set


def test_what_an_earlier_publication_left_is_gone(project: Path) -> None:
    old = project / "published" / "runs" / "gone" / "run.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    code, printed = call("publish", "--into", "published")
    assert code == 0, printed
    assert not old.exists()
    assert (project / "published" / "cells.csv").is_file()


def test_an_unfinished_profile_is_not_published(project: Path) -> None:
    layout = Layout(project / "results", "tiny")
    layout.cells.unlink()
    code, printed = call("publish")
    assert code != 0
    assert "this profile has no cells yet" in printed
    assert "snakemake --cores all figures/ --config profile=tiny" in " ".join(printed.split())
    assert not (project / "results" / "published").exists()
