"""CITATION.cff: valid YAML with the fields that the format (1.2.0) asks for, and all five papers."""

from __future__ import annotations

import tomllib
from pathlib import Path

from repro.core.yaml_lines import load_yaml

ROOT = Path(__file__).parents[1]
PAPERS = {"robgan", "advgan", "rgan", "gat", "dat"}


def test_citation_names_the_suite_and_the_five_papers() -> None:
    citation, _ = load_yaml(ROOT / "CITATION.cff")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert citation["title"].startswith(project["name"])
    for work in (citation, *citation["references"]):
        assert {"title", "authors", "type"} <= set(work)
        assert all("name" in author or "family-names" in author for author in work["authors"])
    assert {
        work["notes"].split(" in this suite")[0].split("; ")[-1] for work in citation["references"]
    } == PAPERS
