"""The convention strip: what a page says of a measurement is what its record says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from repro.core.paths import Layout
from repro.evaluate import fidelity_conventions
from repro.plan.config import load_config
from repro.site.attachments import Shelf
from repro.site.convention.strip import FEWER, strip
from repro.site.convention.ways import is_shown, side_by_side, ways_of
from repro.site.html import write_report
from repro.site.material import Material, read_material
from repro.verify.remake import papers_of

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results" / "published"
PAPERS = papers_of(load_config(ROOT / "config"))


@pytest.fixture(scope="module", params=["dat-cpu-amd-epyc", "gat-cpu-amd-epyc"])
def material(request: pytest.FixtureRequest) -> Material:
    return read_material(Layout(PUBLISHED, request.param), PAPERS)


def record(**changes: Any) -> dict[str, Any]:
    """The newest kind of record: it lists the images that were read."""
    return {
        "spec": {"measure": "fidelity", "run": "r-s0", "dataset": "cifar10", "extractor": "inception",
                 "seed": 3, "generated": 50_000, "limit": None, "options": {"generated": 10_000}},
        "values": {"fid": 3.0, "reference": 10_000.0},
        "data": [{"name": "cifar10", "split": "train", "images": 50_000}],
        "extractor_sha256": "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        "provenance": {"settings": {"matmul_precision": "tf32", "convolution_precision": "ieee"},
                       "packages": {"torch-fidelity": "0.4.0"}},
        "threat_model": None,
    } | changes  # fmt: skip


def test_how_many_samples_fewer_are_is_said() -> None:
    found = read_material(Layout(PUBLISHED, "rgan-cpu-amd-epyc"), PAPERS)
    told = {cell.column: found.measured_how(cell) for cell in found.cells if cell.metric == "fid"}
    assert told["10,000 samples"]["generated images"] == "the first 2,000 of 10,000"  # its former name
    assert told["as the field does"]["generated images"] == "10,000"
    assert fidelity_conventions.Options().fewer == FEWER


def test_the_strip_is_the_records_own() -> None:
    assert strip([record()], "fid", [1, 0, 10]) == {
        "measurement": "fidelity",
        "real images": "cifar10 train, 50,000 images, 10,000 used",
        "generated images": "10,000",
        "features": "Inception, weights 6726825d0af5",
        "resizing": "to 299 x 299 by torch-fidelity 0.4.0, as TensorFlow 1 did",
        "format": "float32 and tf32",
        "measurement seed": "3",
        "training seeds": "0, 1, 10",
    }
    silent = record(data=[], provenance={}, values={"fid": 1.0})
    assert strip([silent]).keys() == {
        "measurement", "generated images", "features", "resizing", "measurement seed"
    }  # what a record does not say is not said  # fmt: skip
    other = record(data=[{"name": "cifar10", "split": "test", "images": 10_000}])
    assert strip([record(), other])["real images"] == (
        "cifar10 train, 50,000 images, 10,000 used / cifar10 test, 10,000 images"
    )


def test_every_published_fidelity_and_attack_has_its_strip(material: Material, tmp_path: Path) -> None:
    layout = Layout(PUBLISHED, "dat-cpu-amd-epyc")
    of_dat = material.papers == ["dat"]
    numbers = [cell for cell in material.cells if cell.measured is not None]
    fidelity = [cell for cell in numbers if cell.metric.partition("_")[0] in ("fid", "kid", "is")]
    assert len(fidelity) == (170 if of_dat else 0)
    for cell in fidelity:
        how = material.measured_how(cell)
        assert is_shown(cell, how)
        assert {"generated images", "features", "resizing", "format", "training seeds"} <= how.keys()
        assert ("real images" in how) == (cell.metric != "is")
        if "_t" in cell.metric:
            assert cell.metric.rpartition("_")[2] in how["real images"]  # train or test
    if not of_dat:
        return
    write_report(layout, PAPERS, Shelf(tmp_path), material)
    page = (tmp_path / "dat" / "table2.html").read_text()
    ways, way_of, _ = ways_of(material, [cell for cell in fidelity if cell.artefact == "table2"])
    assert f"How measured: {ways[0].line}" in page
    for way in ways:
        assert f'<tr id="{way.id}">' in page
        assert page.count(f'<a href="#{way.id}"') == sum(each is way for each in way_of.values())


def test_a_number_that_two_measurements_gave_alike_leads_to_both(material: Material, tmp_path: Path) -> None:
    """In a publication from before artefacts list what is behind cells; without attack, attacks are alike."""
    figures = [cell for cell in material.cells if cell.artefact in ("figure3", "figure4")]
    attacked = [cell for cell in figures if cell.metric == "accuracy"]
    known = [cell for cell in attacked if cell.measured is not None and material.measured_how(cell)]
    alike = [cell for cell in attacked if len(material.maybe_measured_how(cell)) > 1]
    if material.papers == ["dat"]:
        assert not attacked
        return
    assert len(alike) == 40
    assert len(known) + len(alike) == sum(cell.measured is not None for cell in attacked)
    write_report(Layout(PUBLISHED, "gat-cpu-amd-epyc"), PAPERS, Shelf(tmp_path), material)
    for name in ("figure3", "figure4"):
        page = (tmp_path / "gat" / f"{name}.html").read_text()
        own = [cell for cell in alike if cell.artefact == name]
        assert page.count("the same number in several measurements: <a") == len(own)
        _, _, of_several = ways_of(material, [cell for cell in attacked if cell.artefact == name])
        for cell in own:
            attacks = {way.how["attack"].partition("; ")[2] for way in of_several[cell.key]}
            assert {"at the largest: L2 radius 1 in [0, 1], 1 step of 1, " in each for each in attacks} == {
                True,
                False,
            }, cell


def test_one_run_stands_under_all_its_conventions(material: Material) -> None:
    (paper,) = material.papers
    sides = side_by_side(material, paper)
    assert sides is not None
    lines = (PUBLISHED / f"{paper}-cpu-amd-epyc" / "evaluations.jsonl").read_text().splitlines()
    measures = {"dat": {"fidelity"}, "gat": {"robust_accuracy", "auto_attack"}}[paper]
    own = [
        r
        for r in map(json.loads, lines)
        if r["spec"]["run"] == sides["run"] and r["spec"]["measure"] in measures
    ]
    assert len(sides["ways"]) == len(own) == {"dat": 4, "gat": 5}[paper]  # type: ignore[arg-type]
    shown = [way.values for way in sides["ways"]]  # type: ignore[attr-defined]
    if paper == "dat":
        assert sorted(float(each["FID*"]) for each in shown) == sorted(
            round(r["values"]["fid"], 2) for r in own
        )
        assert sides["columns"] == ["FID*", "IS*", "KID*"]
    else:
        assert sorted(float(each["at 0.2"]) for each in shown) == sorted(
            round(r["values"]["accuracy@0.2"], 2) for r in own
        )
        assert sides["columns"] == [
            f"at {radius}" for radius in ("0", "0.1", "0.2", "0.3", "0.5", "0.75", "1")
        ]
