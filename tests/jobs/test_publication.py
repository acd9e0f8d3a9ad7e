"""Cells of a publication as whoever shows them reads them: with the flag that older files lack."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from papers_case import call
from repro.compose.drawn import read_drawn
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.jobs.publication import cells_in, unpack
from repro.judge.cells import read_cells, render_cells
from repro.plan.config import load_config
from repro.site.material import read_material
from repro.verify.remake import papers_of

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results" / "published"
CONFIG = ("--config", str(ROOT / "config"))
OLD = Layout(PUBLISHED, "gat-cpu-amd-epyc")  # published before the flag mixed_code


def told(*words: str) -> Any:
    code, printed = call(*words, "--json", *CONFIG)
    assert code == 0, printed
    return json.loads(printed)


def test_pages_tables_and_comparisons_flag_the_same_cells() -> None:
    cells = cells_in(OLD)
    marked = {cell.key for cell in cells if "mixed_code" in cell.flags}
    assert len(marked) == 124
    assert not any("mixed_code" in cell.flags for cell in read_cells(OLD.cells))
    of_pages = read_material(OLD, papers_of(load_config(ROOT / "config"))).cells
    assert {cell.key for cell in of_pages if "mixed_code" in cell.flags} == marked
    own = {key for key in marked if key[:2] == ("gat", "table2")}
    assert {cell.key for cell in read_drawn(OLD, "gat/table2")[1] if "mixed_code" in cell.flags} == own
    shown = told("table", "gat/table2", "--from", OLD.profile)["cells"]
    names = ("paper", "artefact", "row", "column", "metric", "convention")
    assert {tuple(each[n] for n in names) for each in shown if "mixed_code" in each["flags"]} == own
    found = told("compare", OLD.profile, "gat-bf16-nvidia-h100-80gb-hbm3")["both"]
    both = [each for each in found if tuple(each[n] for n in names) in own]
    assert both
    assert all("flags" in each["other"] for each in both)
    assert "⚑" in call("table", "gat/table2", "--from", OLD.profile, *CONFIG)[1]


def test_without_records_cells_are_as_they_are(tmp_path: Path) -> None:
    cells = read_cells(OLD.cells)
    layout = Layout(tmp_path, "mine")
    layout.root.mkdir()
    layout.cells.write_text(render_cells(cells))
    assert cells_in(layout) == cells
    (layout.root / "runs.jsonl").write_text("{")
    with pytest.raises(ReproError, match="it cannot be read"):
        cells_in(layout)


def test_reported_numbers_keep_the_papers_decimals_wherever_they_are_shown() -> None:
    """Files of cells hold numbers, in which 309 is 309.00 and 40.10 is 40.1."""
    config = load_config(ROOT / "config")
    for name in ("dat-cpu-amd-epyc", "robgan-cpu-amd-epyc", "rgan-cpu-amd-epyc"):
        material = read_material(Layout(PUBLISHED, name), papers_of(config))
        texts = {}
        for paper in material.papers:
            lines = csv.reader((config.folder / "papers" / paper / "reported.csv").read_text().splitlines())
            texts |= {tuple(line[:5]): " ± ".join(filter(None, line[5:])) for line in lines}
        for artefact in ("dat/table4", "robgan/table1", "rgan/table3"):
            if artefact not in {each.id for each in material.artefacts.artefacts}:
                continue
            printed = call("table", artefact, "--from", name, *CONFIG)[1]
            own = [cell for cell in material.cells if f"{cell.paper}/{cell.artefact}" == artefact]
            for cell in own:
                if cell.reported is not None:
                    assert f" {texts[cell.key[:5]]} " in printed, cell


def test_a_damaged_packed_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl.gz"
    content = bytearray(gzip.compress(b'{"run_id": "a"}\n' * 100))
    content[15] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ReproError, match="it cannot be read") as caught:
        list(unpack(path))
    assert caught.value.remedy == "restore it from git"
