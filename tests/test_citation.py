"""CITATION.cff and .zenodo.json: what the formats ask for, all five papers, and the same in both."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import repro
from repro.core.yaml_lines import load_yaml

ROOT = Path(__file__).parents[1]
PAPERS = {"robgan", "advgan", "rgan", "gat", "dat"}


def test_citation_names_the_suite_and_the_five_papers() -> None:
    citation, _ = load_yaml(ROOT / "CITATION.cff")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == project["version"] == repro.__version__
    assert citation["license"] == project["license"]
    assert citation["title"].startswith(project["name"])
    for work in (citation, *citation["references"]):
        assert {"title", "authors", "type"} <= set(work)
        assert all("name" in author or "family-names" in author for author in work["authors"])
    assert {
        work["notes"].split(" in this suite")[0].split("; ")[-1] for work in citation["references"]
    } == PAPERS


def test_zenodo_is_told_what_the_citation_says() -> None:
    citation, _ = load_yaml(ROOT / "CITATION.cff")
    told = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    same = ("title", "version", "license", "keywords")
    assert {name: told[name] for name in same} == {name: citation[name] for name in same}
    assert [creator["name"] for creator in told["creators"]] == [each["name"] for each in citation["authors"]]
    assert told["upload_type"] == "software"
    assert len(told["description"]) > 50
