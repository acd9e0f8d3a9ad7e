"""The papers' claims: every cell that they name is a cell of the sheets."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.compose.paper_files import all_claims
from repro.judge.claims import ALL_COLUMNS, Reference
from repro.plan.config import load_config
from repro.plan.plan import build_plan

CONFIG = Path(__file__).parents[2] / "config"
CLAIMS = all_claims(load_config(CONFIG))


@pytest.fixture(scope="module")
def cells():
    config = load_config(CONFIG)
    return {
        cell.key[:5] for cells in build_plan(config).cells.values() for cell in cells
    } | {  # the Cost artefact divides any recipe of a paper by any other
        (paper, "cost", row, column, "cost_ratio")
        for paper, sheet in config.sheets.items()
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


def test_every_paper_has_claims() -> None:
    assert {claim.paper for claim in CLAIMS} == {"robgan", "advgan", "rgan", "gat", "dat"}


def test_no_claim_only_repeats_another() -> None:
    made = [(claim.paper, frozenset(claim.all)) for claim in CLAIMS]
    assert len(set(made)) == len(made)


def test_no_margin_is_in_the_unit_of_a_metric_that_a_stand_in_rescales() -> None:
    for claim in CLAIMS:
        for predicate in claim.all:
            assert not predicate.by or predicate.left.metric == "accuracy", claim.id
