"""A search through Snakemake, as docs/searches-and-seeds.md has it: trained, drawn, summed up, adopted."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from dag_case import copy_checkout, run_repro, snakemake
from repro.core.yaml_lines import load_yaml

PROFILE = """\
name: tiny
title: a test of searches
data: synthetic
limits: {train: 64, test: 24}
max_seeds: 1
workloads: {classifier: {steps: 2, batch_size: 8, width: 0.0625}}
searches: {steps: 2, batch_size: 8, width: 0.0625}
searched: [gat/noise]
measuring: {images: 16}
artefacts: [gat/table2]
device: cpu
"""


@pytest.mark.slow
def test_a_search_is_trained_drawn_and_adopted(tmp_path: Path) -> None:
    copy_checkout(tmp_path)
    (tmp_path / "config" / "profiles" / "tiny.yaml").write_text(PROFILE)
    snakemake(tmp_path, "search", "--config", "profile=tiny")
    found = tmp_path / "results" / "tiny" / "searches"
    table, summary = (
        list(csv.DictReader(path.open())) for path in (found / "gat" / "noise.csv", found / "summary.csv")
    )
    assert [row["value"] for row in table] == ["gaussian", "random_sign"] * 2
    assert {row["search"] for row in summary} == {"gat/noise"}
    for again in (("draw", "gat/noise"), ("summary",)):
        before = {path: path.read_bytes() for path in found.rglob("*.csv")}
        code, printed = run_repro(tmp_path, "search", again[0], "--profile", "tiny", *again[1:])
        assert code == 0, printed
        assert before == {path: path.read_bytes() for path in found.rglob("*.csv")}
    code, printed = run_repro(tmp_path, "search", "adopt", "--profile", "tiny")
    assert code == 0, printed
    adopted, _ = load_yaml(tmp_path / "config" / "searched.yaml")
    assert adopted == {"tiny": {f"gat/noise@{row['dataset']}": row["winner"] for row in summary}}
