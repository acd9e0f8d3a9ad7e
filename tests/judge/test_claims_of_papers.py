"""The papers' claims: every cell that they name is a cell of the sheets."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from papers_case import plan_of
from repro.compose.paper_files import all_claims, all_reported
from repro.judge.cells import Cell
from repro.judge.claims import ALL_COLUMNS, DEFAULT_RULES, Judgement, Reference, render_claims
from repro.judge.judging import judge_claims
from repro.plan.config import load_config

CONFIG = Path(__file__).parents[2] / "config"
OPENED = load_config(CONFIG)
CLAIMS = all_claims(OPENED)
REPORTED = all_reported(OPENED)


@pytest.fixture(scope="module")
def cells():
    return {
        cell.key[:5] for cells in plan_of("smoke").cells.values() for cell in cells
    } | {  # the Cost artefact divides any recipe of a paper by any other
        (paper, "cost", row, column, "cost_ratio")
        for paper, sheet in OPENED.sheets.items()
        for row in sheet.recipes
        for column in sheet.recipes
        if row != column
    }


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_names_existing_and_different_cells(claim, cells) -> None:
    assert claim.source
    for predicate in claim.all:
        left = predicate.left.over(Reference(paper=claim.paper))
        sides = [left]
        if isinstance(predicate.right, Reference):
            sides.append(predicate.right.over(left))
        names = [(side.paper, side.artefact, side.row, side.column, side.metric) for side in sides]
        assert len(set(names)) == len(names), "a cell is compared with itself"
        for paper, artefact, row, column, metric in names:
            if column == ALL_COLUMNS:
                columns = {cell[3] for cell in cells if cell[:3] + cell[4:] == (paper, artefact, row, metric)}
                assert len(columns) > 1
            else:
                assert (paper, artefact, row, column, metric) in cells


@pytest.mark.parametrize("profile", ["paper", "quick"])
def test_the_spread_of_a_row_has_seeds_to_choose_by_and_to_measure_with(profile: str) -> None:
    plan = plan_of(profile)
    found = 0
    for predicate in (each for claim in CLAIMS for each in claim.all if each.left.column == ALL_COLUMNS):
        for side in (predicate.left, predicate.right):
            assert isinstance(side, Reference)
            row = side.over(predicate.left).row
            for cell in (cell for cell in plan.cells[f"rgan/{predicate.left.artefact}"] if cell.row == row):
                assert len(cell.runs) - len(cell.runs) // 2 >= DEFAULT_RULES.seeds
                found += 1
    assert found


def test_every_paper_has_claims() -> None:
    assert {claim.paper for claim in CLAIMS} == {"robgan", "advgan", "rgan", "gat", "dat"}


def test_no_claim_only_repeats_another() -> None:
    made = [(claim.paper, frozenset(claim.all)) for claim in CLAIMS]
    assert len(set(made)) == len(made)


def test_no_margin_is_in_the_unit_of_a_metric_that_a_stand_in_rescales() -> None:
    for claim in CLAIMS:
        for predicate in claim.all:
            assert not predicate.by or predicate.left.metric == "accuracy", claim.id


def gats_claims_on_table_2(factor: float, seeds: dict[str, int], draw: int) -> dict[str, Judgement]:
    """Judge GAT's claims over CIFAR-10's column on drawn seeds, printed gains times ``factor``."""
    printed = {
        place.row: entry
        for place, entry in REPORTED.items()
        if (place.paper, place.artefact, place.column) == ("gat", "table2", "CIFAR-10")
    }
    claims = [claim for claim in CLAIMS if claim.id in TABLE_2]
    random, base = np.random.default_rng(draw), float(printed["Baseline"].value)
    cells = []
    for name, entry in printed.items():
        mean = base + factor * (float(entry.value) - base)
        drawn = random.normal(mean, float(entry.std or 0), seeds.get(name, 5))
        cells.append(
            Cell(
                "gat", "table2", name, "CIFAR-10", "accuracy", measured=float(drawn.mean()),
                measured_std=float(drawn.std(ddof=1)), n_seeds=len(drawn), precision=("float32",),
                batch_size=("64",),
            )
        )  # fmt: skip
    return {item.claim.id: item for item in judge_claims(claims, cells)}


TABLE_2 = {
    "gat.beats_regularisers_cifar10", "gat.beats_dropout_cifar10", "gat.improves_by_four_cifar10",
    "gat.existing_improve_cifar10", "gat.improves_with_dropout_by_four_cifar10",
}  # fmt: skip
GAT_AND_BOTH = {"Adv. training (GAT)": 3, "Dropout + GAT": 3}


@pytest.mark.parametrize("seeds", [{}, GAT_AND_BOTH])
def test_does_gat_beat_dropout_by_how_much_and_with_which_p(seeds: dict[str, int]) -> None:
    found = [gats_claims_on_table_2(1.0, seeds, draw) for draw in range(200)]
    words = [item["gat.beats_dropout_cifar10"] for item in found]
    assert {*found[0]} == TABLE_2
    supported = [item for item in words if item.word == "supported"]
    assert len(supported) > (190 if not seeds else 140)
    assert not [item for item in words if item.word == "not supported"]
    first = supported[0]
    assert (first.direction, first.stand_ins) == ("", ())
    assert first.low < first.effect < first.high
    assert 0 < first.p <= first.p_holm < 0.05
    assert sum(item.low < 1.84 < item.high for item in words) == pytest.approx(190, abs=10)  # 95 % intervals
    (line,) = csv.DictReader(io.StringIO(render_claims([first])))
    assert (line["verdict"], line["effect"]) == ("supported", f"{first.effect:.4g}")
    assert line["p_holm"] == f"{first.p_holm:.4g}"
    means = f"{first.effect:+.3g} ({first.low:.3g} to {first.high:.3g}), p = {first.p:.2g}"
    assert line["reason"].startswith("Adv. training (GAT) [CIFAR-10] greater than Dropout [CIFAR-10]: ")
    assert means in line["reason"]
    # what the printed numbers themselves contradict: 2.85 are no 4 points, random noise gains 0.11
    refuted = [item["gat.improves_by_four_cifar10"].word for item in found]
    assert "supported" not in refuted
    assert not [item for item in found if item["gat.existing_improve_cifar10"].word == "supported"]


def test_rows_that_are_all_alike_support_nothing() -> None:
    found = [gats_claims_on_table_2(0.0, {}, draw) for draw in range(300)]
    wrong = [any(item.word == "supported" for item in each.values()) for each in found]
    assert sum(wrong) / len(wrong) < 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5
