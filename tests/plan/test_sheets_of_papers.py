"""The sheets and the printed numbers under ``config/``: complete, in agreement, free of duplicates."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from repro.compose.paper_files import all_reported
from repro.plan.cells import CitedCell, MeasuredCell, PendingCell, PlannedCell
from repro.plan.config import Config, load_config
from repro.plan.names import qualified, used_names
from repro.plan.plan import Plan, build_plan
from repro.plan.profile import Profile

CONFIG = Path(__file__).parents[2] / "config"

ARTEFACTS = {
    "robgan": "table1 figure1 figure2 figure3 figure4 figure5 figure6 figure7 figure8",
    "advgan": "table1 figure1 figure2 figure3 figure4 figure5 figure6 figure7 figure8",
    "rgan": "table1 table2 table3 figure1 figure2 figure3 figure4 figure5 figure6",
    "gat": "table1 table2 figure1 figure2 figure3 figure4",
    "dat": "table1 table2 table3 table4 figure1 figure2 figure3 figure4 figure5 figure6"
    " figure7 figure8 figure9 figure10 figure11 figure12",
}
DRAWINGS = {
    "robgan": {"figure1", "figure3", "figure4", "figure5"},
    "advgan": {"figure2", "figure3", "figure4"},
    "rgan": set(),
    "gat": {"figure1"},
    "dat": {"figure2", "figure10"},
}
# no paper has them: names without a number
OF_OUR_OWN = {
    ("dat", "table_toy"),
    ("dat", "figure_gradient"),
    ("robgan", "table_modes"),
    *((paper, "table_conventions") for paper in ("dat", "rgan", "robgan")),
}
ROWS_OF_OUR_OWN = {  # measured rows that the papers do not have
    ("dat", "table4", "SNGAN-DAT (Discriminator only) (reduction: batch_mean, as published code)"),
    *(
        ("dat", "table4", f"{row} (as published {what})")
        for row, what in [
            ("SNGAN(Baseline)", "trainer: generator in eval mode from step 500"),
            ("SNGAN(Baseline)", "trainer: seeds reset every 500 steps"),
            ("SNGAN-DAT (Discriminator only)", "trainer: generator in eval mode from step 500"),
            ("SNGAN-DAT (Discriminator only)", "trainer: seeds reset every 500 steps"),
            ("SNGAN-DAT (Discriminator only)", "code: real images not clipped"),
            ("SNGAN-DAT (Discriminator only)", "code: clamp 0.6 instead of ε"),
            ("SNGAN-DAT (Discriminator only)", "code: clean images passed twice"),
        ]
    ),
    *(
        ("dat", "table4", f"SNGAN-DAT (Discriminator only) ({option})")
        for option in ("targets: algorithm1", "targets: raw", "reduction: batch_mean")
    ),
    ("dat", "table4", "SNGAN-DAT (Generator only) (perturbed images detached)"),
    *(
        ("rgan", "table1", f"{row} (on WGAN-GP-res's network)")
        for row in ("Weight clipping", "Layer norm", "Weight norm", "Orthonormal")
    ),
    *(("rgan", "table2", row) for row in ("DCGAN", "AC-GAN")),  # without a printed FID
}
COLUMNS_OF_OUR_OWN = {  # audits of what the papers' own attacks leave
    (paper, "table1", f"{column}, AutoAttack")
    for paper in ("robgan", "advgan")
    for column in ("CIFAR10 delta=0.08", "ImageNet (64px) delta=0.03")
}
CITED = {  # rows that RGAN took from other papers
    "table1": "Weight clipping|Layer norm|Weight norm|Orthonormal|ALI|BEGAN|Improved GAN (-L+HA)"
    "|EGAN-Ent-VI|DFM|CT GAN",
    "table2": "SGAN-no-joint",
}

Key = tuple[str, str, str, str, str]


def _config() -> Config:
    profile = Profile(name="check", title="reads the sheets only", data="synthetic")
    return replace(load_config(CONFIG), profile=profile)


@pytest.fixture(scope="module")
def config() -> Config:
    return _config()


@pytest.fixture(scope="module")
def plan(config: Config) -> Plan:
    return build_plan(config)


@pytest.fixture(scope="module")
def cells(plan: Plan) -> list[PlannedCell]:
    return [cell for cells in plan.cells.values() for cell in cells]


@pytest.fixture(scope="module")
def reported(config: Config) -> set[Key]:
    return {tuple(place) for place in all_reported(config)}


def _cell_key(cell: PlannedCell) -> Key:
    return cell.key[:5]


def test_all_49_artefacts_are_declared_and_no_others(config: Config) -> None:
    declared = {(paper, name) for paper, sheet in config.sheets.items() for name in sheet.artefacts}
    printed = {(paper, name) for paper, names in ARTEFACTS.items() for name in names.split()}
    assert len(printed) == 49
    assert declared == printed | OF_OUR_OWN


def test_what_no_paper_prints_has_no_number_in_its_name(config: Config, reported: set[Key]) -> None:
    for paper, sheet in config.sheets.items():
        for name, artefact in sheet.artefacts.items():
            own = not re.search(r"\d", name)
            assert own == artefact.source.startswith("not in the paper"), (paper, name)
            assert own == ((paper, name) in OF_OUR_OWN)
            assert not own or not any(key[:2] == (paper, name) for key in reported)


def test_the_ten_drawings_are_marked_and_hold_no_cells(config: Config) -> None:
    for paper, sheet in config.sheets.items():
        drawn = {name for name, artefact in sheet.artefacts.items() if artefact.kind == "drawing"}
        assert drawn == DRAWINGS[paper]
        assert not any(
            panel.rows or panel.columns for name in drawn for panel in sheet.artefacts[name].panels
        )
    assert sum(map(len, DRAWINGS.values())) == 10


def test_every_artefact_says_what_it_shows_and_where_it_stands(config: Config) -> None:
    for paper, sheet in config.sheets.items():
        for name, artefact in sheet.artefacts.items():
            assert artefact.title, name
            if (paper, name) in OF_OUR_OWN:
                continue
            label = {"t": "Table", "f": r"Fig(ure|\.)"}[name[0]]
            assert re.match(rf"{label} (\d+|[IV]+), \S", artefact.source), (paper, name, artefact.source)
            if artefact.kind != "drawing":
                assert all(panel.rows and panel.columns for panel in artefact.panels), (paper, name)
                assert artefact.panels, (paper, name)


def test_no_cell_is_declared_twice(cells: list[PlannedCell]) -> None:
    counts = Counter((*_cell_key(cell), cell.convention) for cell in cells)
    assert not {key: count for key, count in counts.items() if count > 1}


def test_every_printed_number_has_its_cell(cells: list[PlannedCell], reported: set[Key]) -> None:
    assert not reported - {_cell_key(cell) for cell in cells}


def test_every_live_cell_of_a_table_has_its_printed_number(
    cells: list[PlannedCell], config: Config, reported: set[Key]
) -> None:
    tables = {
        (paper, name)
        for paper, sheet in config.sheets.items()
        for name, artefact in sheet.artefacts.items()
        if artefact.kind == "table" and (paper, name) not in OF_OUR_OWN
    }
    live = {
        _cell_key(cell)
        for cell in cells
        if not isinstance(cell, PendingCell | CitedCell) and (cell.paper, cell.artefact) in tables
    }
    columns = {(key[0], key[1], key[3]) for key in live - reported}
    assert columns >= COLUMNS_OF_OUR_OWN
    ours = {key for key in live - reported if (key[0], key[1], key[3]) not in COLUMNS_OF_OUR_OWN}
    rows = {key[:3] for key in ours}
    assert rows >= ROWS_OF_OUR_OWN
    assert all(row.endswith("(ours)") for _, _, row in rows - ROWS_OF_OUR_OWN)  # as README's own row is


def test_every_pending_cell_says_why(cells: list[PlannedCell]) -> None:
    for cell in cells:
        if isinstance(cell, PendingCell):
            assert cell.reason.strip()
            assert "\n" not in cell.reason
            assert "the sheet names no evaluation" not in cell.reason, _cell_key(cell)


def test_cited_rows_are_those_that_another_paper_measured(cells: list[PlannedCell]) -> None:
    cited = {(cell.paper, cell.artefact, cell.row) for cell in cells if isinstance(cell, CitedCell)}
    assert cited == {("rgan", name, row) for name, rows in CITED.items() for row in rows.split("|")}


def test_the_slices_of_all_four_methods_are_live(cells: list[PlannedCell]) -> None:
    live = {cell.paper + "/" + cell.artefact for cell in cells if isinstance(cell, MeasuredCell)}
    assert {"gat/table2", "dat/table4", "robgan/table1", "advgan/table1", "rgan/table3"} <= live


def test_every_recipe_and_evaluation_is_used(config: Config) -> None:
    used = {
        (what, qualified(name, paper))
        for paper, sheet in config.sheets.items()
        for _, what, name in used_names(sheet)
        if name
    }
    assert {("recipe", name) for name in config.recipes} <= used
    assert {("evaluation", name) for name in config.evaluations} <= used
