"""Exported results read back: cells are lines of cells.csv, runs are their records, the crate is whole."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from papers_case import call
from repro.core.paths import Layout
from repro.judge.artefacts import read_artefacts
from repro.judge.cells import Cell, read_cells
from repro.plan.config import load_config
from repro.site.export.crate import write_crate
from repro.site.export.files import cell_record, export, file_of, run_record
from repro.site.export.records import CellRecord, RunRecord
from repro.site.manifest import hashes
from repro.site.material import Material, read_material
from repro.verify.remake import papers_of

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results" / "published"
PAPERS = papers_of(load_config(ROOT / "config"))
NAMES = ("dat-cpu-amd-epyc", "gat-cpu-amd-epyc")


def material(name: str) -> Material:
    return read_material(Layout(PUBLISHED, name), PAPERS)


@pytest.fixture(scope="module", params=NAMES)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    name: str = request.param
    return name, export(material(name), tmp_path_factory.mktemp("export") / name)


def cells_of(folder: Path) -> list[CellRecord]:
    return [CellRecord.model_validate_json(path.read_bytes()) for path in folder.glob("cells/*/*/*.json")]


def test_a_cells_file_says_what_its_line_of_the_csv_says(exported: tuple[str, Path]) -> None:
    name, folder = exported
    with (PUBLISHED / name / "cells.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    found = {(c.paper, c.artefact, c.row, c.column, c.metric, c.convention): c for c in cells_of(folder)}
    assert len(found) == len(lines) > 200
    for line in lines:
        key = tuple(line[part] for part in ("paper", "artefact", "row", "column", "metric", "convention"))
        cell = found[key].model_dump()
        assert len(key) == 6
        for field, text in line.items():
            if isinstance(cell[field], tuple):
                told = [part for part in cell[field] if part != "mixed_code"]  # younger than these files
                assert told == [part for part in text.split("+") if part], (key, field)
            elif isinstance(cell[field], float | int):
                assert cell[field] == float(text), (key, field)
            else:
                assert (cell[field] or "") == text, (key, field)


def test_a_runs_file_says_what_its_records_say(exported: tuple[str, Path]) -> None:
    name, folder = exported
    runs = [json.loads(line) for line in (PUBLISHED / name / "runs.jsonl").read_text().splitlines()]
    shown_in = {file_of(cell): cell.runs for cell in read_cells(PUBLISHED / name / "cells.csv") if cell.runs}
    measured = [
        json.loads(line) for line in (PUBLISHED / name / "evaluations.jsonl").read_text().splitlines()
    ]
    assert {path.stem for path in folder.glob("runs/*.json")} == {run["run_id"] for run in runs}
    for run in runs:
        found = RunRecord.model_validate_json((folder / "runs" / f"{run['run_id']}.json").read_bytes())
        assert (found.spec, found.provenance) == (run["spec"], run["provenance"])
        assert found.checkpoint_sha256 == run["checkpoint_sha256"]
        own = {each["evaluation_id"]: each for each in measured if each["spec"]["run"] == run["run_id"]}
        assert {each.evaluation: each.values for each in found.evaluations} == {
            key: each["values"] for key, each in own.items()
        }
        assert set(found.cells) == {file for file, runs in shown_in.items() if run["run_id"] in runs}
        attacking = [each["values"] for each in own.values() if each.get("threat_model")]
        radii = [value for values in attacking for value in values if re.fullmatch(r"accuracy@[\d.]+", value)]
        assert len(found.attacks) == len(radii) - radii.count("accuracy@0")
        for attack in found.attacks:
            options, values = own[attack.evaluation]["spec"]["options"], own[attack.evaluation]["values"]
            assert attack.threat.eps in options["radii"]
            assert attack.threat.threat_model == {"l2": "L2", "linf": "Linf"}[options["norm"]]
            assert attack.robust_acc == values[f"accuracy@{attack.threat.eps:g}"]
            assert attack.clean_acc == values["accuracy@0"]


def test_what_is_behind_a_cell_gives_its_number(exported: tuple[str, Path]) -> None:
    name, folder = exported
    measured = {
        each["evaluation_id"]: each["values"]
        for each in map(json.loads, (PUBLISHED / name / "evaluations.jsonl").read_text().splitlines())
    }
    known = [cell for cell in cells_of(folder) if cell.evaluations]
    assert len(known) > 100
    for cell in known:
        values = [measured[each][cell.value] for each in cell.evaluations]
        assert sum(values) / len(values) == pytest.approx(cell.measured, rel=1e-8)
        assert cell.measured_how["measurement"] == cell.evaluations[0].partition("-")[0]
    attacked = [cell for cell in known if cell.threat and cell.threat.eps]
    assert all(cell.clean_acc is not None for cell in attacked)
    if name.startswith("gat"):
        assert {cell.threat.eps for cell in attacked if cell.threat} == {0.1, 0.2, 0.3, 0.5, 0.75, 1.0}
        audited = [cell for cell in attacked if "AutoAttack" in cell.row]
        assert audited
        assert all(cell.autoattack_acc == cell.measured for cell in audited)
    else:
        fid = [cell for cell in known if cell.metric in ("fid_train", "kid_train", "is")]
        assert {cell.measured_how["generated images"] for cell in fid} == {"2,000"}
        split = {cell.measured_how.get("real images") for cell in fid if cell.metric != "is"}
        assert split == {"cifar10 train, 10,000 images"}
        assert not any("real images" in cell.measured_how for cell in fid if cell.metric == "is")


def test_schemas_lie_beside_and_the_same_results_give_the_same_bytes(
    exported: tuple[str, Path], tmp_path: Path
) -> None:
    name, folder = exported
    schema = json.loads((folder / "schema" / "cell.json").read_text())
    assert schema["properties"].keys() == CellRecord.model_fields.keys()
    assert hashes(export(material(name), tmp_path / "again")) == hashes(folder)


def test_the_command_exports_a_profile_and_leaves_other_folders_alone(project: Path) -> None:
    code, printed = call("export", "--into", "out")
    assert (code, printed.strip()) == (0, "out")
    cells = read_cells(Path("results/tiny/cells.csv"))
    assert all((Path("out") / file_of(cell)).is_file() for cell in cells)
    gan = next(
        cell for cell in cells_of(Path("out")) if cell.row == "right: GAN" and cell.convention == "standard"
    )
    artefacts = read_artefacts(Path("results/tiny/artefacts.json")).artefacts
    told = {each for artefact in artefacts for behind in artefact.behind for each in behind.evaluations}
    assert {*gan.evaluations} & told  # its artefact says so, nothing is searched
    assert gan.measured_how["generated images"] == "40"
    assert gan.measured_how["features"].startswith("classifier")
    Path("out/mine.txt").write_text("kept")
    code, printed = call("export", "--into", "out")
    assert code == 2
    assert "`repro export` made no such file" in printed
    assert call("export", "--from", "nowhere")[0] == 2


def test_two_ways_with_one_number_are_not_told_apart() -> None:
    """A publication that does not say what is behind a cell: of two different ways none is named."""
    found = material("gat-cpu-amd-epyc")
    silent = [cell for cell in found.cells if cell.artefact == "figure3" and cell.key not in found.behind]
    assert "(a) CIFAR-10: Baseline" in {cell.row for cell in silent if cell.column == "0"}  # by two attacks
    assert all(found.measured_how(cell) == {} for cell in silent)


def test_a_run_keeps_the_marks_that_its_data_told() -> None:
    faces = material("rgan-faces-amd-epyc")
    for page in faces.runs.values():
        spec, found = page.record["spec"], run_record(page, faces)
        assert set(found.stand_ins) == {*spec["stand_ins"], *page.record["stand_ins"]}
        assert "sample_data" in set(found.stand_ins) - set(spec["stand_ins"])
        assert "a part of the images" in (found.footnote or "")


@pytest.fixture(scope="module")
def crate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("rocrate", reason="the extra `crate` is not installed")
    folder = tmp_path_factory.mktemp("crate") / "dat"
    layout = Layout(PUBLISHED, NAMES[0])
    return write_crate(material(NAMES[0]), layout, ROOT, folder).parent


def test_the_crate_is_read_back_whole(crate: Path) -> None:
    from rocrate.rocrate import ROCrate

    found = ROCrate(crate)
    assert found.mainEntity.id == "Snakefile"
    assert found.mainEntity["programmingLanguage"]["name"] == "Snakemake"
    assert found.license["identifier"] == "MIT"
    author = json.loads((ROOT / ".zenodo.json").read_text())["creators"][0]["name"]
    assert found.creator["name"] == author
    files = {entity.id for entity in found.data_entities} - {"./"}
    assert all((crate / name).is_file() for name in files)
    execution = found.dereference("#execution")
    assert execution["instrument"] is found.mainEntity
    made = {each.id for each in execution["result"]}
    runs = {json.loads(line)["run_id"] for line in (PUBLISHED / NAMES[0] / "runs.jsonl").open()}
    shown = read_cells(PUBLISHED / NAMES[0] / "cells.csv")
    assert {"results/cells.csv", "results/artefacts/dat/table2.png"} <= made
    assert {f"export/{file_of(cell)}" for cell in shown} <= made
    used = {run for cell in shown for run in cell.runs}
    assert {f"export/runs/{run}.json" for run in used} <= {f"export/runs/{run}.json" for run in runs} <= made


def test_a_crate_binds_results_to_the_packed_workflow_only_where_it_plans_them(
    crate: Path, tmp_path: Path
) -> None:
    def described(folder: Path) -> tuple[dict[str, Any], str]:
        graph = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]
        things = {each["@id"]: each for each in graph}
        return things["#execution"], things["./"]["description"]

    execution, description = described(crate)
    said = "by an older workflow and profile (most runs by code 3863d212, da6dc837) than those packed: "
    assert said in execution["description"]
    assert said in description
    assert "dat/table4" in description
    assert "object" not in execution
    name = "rgan-faces-amd-epyc"
    write_crate(material(name), Layout(PUBLISHED, name), ROOT, tmp_path / "now")
    execution, description = described(tmp_path / "now")
    assert "older" not in execution["description"] + description
    assert len(execution["object"]) > 10


def test_a_crate_needs_its_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "rocrate.rocrate", None)
    code, printed = call("export", "--ro-crate", "crate")
    assert code == 2
    assert "pip install -c constraints.txt -e '.[crate]'" in printed
    code, printed = call("export", "--ro-crate", "crate", "--into", "files")
    assert code == 2
    assert "two exports" in printed


def test_a_cells_address_is_of_its_key_alone() -> None:
    cell = Cell("dat", "table2", "SNGAN", "CIFAR-10", "fid_train")
    assert file_of(cell) == file_of(Cell("dat", "table2", "SNGAN", "CIFAR-10", "fid_train", measured=1.0))


def test_cells_that_are_no_networks_accuracy_have_none_of_a_network() -> None:
    read = material("robgan-cpu-amd-epyc")
    records = [cell_record(cell, read) for cell in read.cells]
    differences = ("accuracy_gain", "accuracy_gap")
    gains = [each for each in records if each.metric in differences and each.evaluations]
    assert gains
    assert all(each.clean_acc is None and each.autoattack_acc is None for each in gains)
    attacked = [each.threat for each in records if each.threat is not None and each.threat.eps]
    assert attacked
    assert {(each.threat_model, each.eps_range) for each in attacked} == {
        ("Linf", "model"),
        ("Linf", "symmetric"),
    }
    plain = [each for each in records if each.metric == "accuracy" and each.value.startswith("accuracy@0.")]
    assert any(each.clean_acc is not None for each in plain)


def test_a_run_that_diverged_has_no_accuracy() -> None:
    read = material("gat-bf16-nvidia-h100-80gb-hbm3")
    page = next(page for page in read.runs.values() if page.evaluations)
    assert run_record(page, read).clean_acc is not None
    lost = {name: {**result, "values": {}} for name, result in page.evaluations.items()}
    assert run_record(replace(page, evaluations=lost), read).clean_acc is None
