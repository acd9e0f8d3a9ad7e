"""From rows and columns to cells: merging, conventions, pending and cited cells, undeclared names."""

from __future__ import annotations

from pathlib import Path

import pytest

from papers_case import SHEET, line_of, read
from papers_case import plan as small_plan
from repro.core.errors import ReproError
from repro.plan.cells import CitedCell, MeasuredCell, PendingCell, PlannedCell

# the second recipe trains another way, so that its runs are not the first one's
TWO = SHEET.replace("  twin:\n    method: classifier\n", "  twin:\n    method: fast_gradient_training\n")


def cells(folder: Path, name: str = "table1", sheet: str = SHEET) -> list[PlannedCell]:
    return small_plan(folder, sheet=sheet).cells[f"gat/{name}"]


def test_measured_cells_come_once_a_convention_others_once(tmp_path: Path) -> None:
    found = [(c.row, c.column, c.convention, type(c)) for c in cells(tmp_path)]
    assert found == [
        ("left: Baseline", "CIFAR-10", "paper", MeasuredCell),
        ("left: Baseline", "CIFAR-10", "standard", MeasuredCell),
        ("left: Baseline", "gain", "standard", PendingCell),
        ("left: Other", "CIFAR-10", "paper", MeasuredCell),
        ("left: Other", "CIFAR-10", "standard", MeasuredCell),
        ("left: Other", "gain", "paper", MeasuredCell),
        ("left: Other", "gain", "standard", MeasuredCell),
        ("left: Printed", "CIFAR-10", "standard", CitedCell),
        ("left: Printed", "gain", "standard", CitedCell),
        ("left: Later", "CIFAR-10", "standard", PendingCell),
        ("left: Later", "gain", "standard", PendingCell),
        ("right: GAN", "IS", "standard", MeasuredCell),
        ("right: GAN, longer", "IS", "standard", MeasuredCell),
    ]


def test_a_difference_subtracts_the_row_that_it_names_seed_by_seed(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, sheet=TWO)
    gains = [c for c in plan.cells["gat/table1"] if c.column == "gain" and isinstance(c, MeasuredCell)]
    for gain in gains:
        assert (gain.value, gain.metric) == ("accuracy", "accuracy_gain")
        runs = [[plan.runs[plan.evaluations[name].run] for name in seed] for seed in gain.seeds]
        assert [[run.recipe for run in pair] for pair in runs] == [["gat.twin", "gat.baseline"]] * 2
        assert [[run.seed for run in pair] for pair in runs] == [[0, 0], [1, 1]]
    assert len(gains) == 2


def test_the_value_is_the_metric_unless_it_is_named(tmp_path: Path) -> None:
    found = {c.value for c in cells(tmp_path) if c.column == "IS" and isinstance(c, MeasuredCell)}
    assert found == {"is"}


def test_reasons_are_kept(tmp_path: Path) -> None:
    reasons = {(c.row, c.column): c.reason for c in cells(tmp_path) if isinstance(c, PendingCell)}
    assert reasons["left: Later", "CIFAR-10"] == "not yet"
    assert reasons["left: Baseline", "gain"] == "nothing to subtract from"


def test_a_row_wins_over_its_column_and_options_are_merged(tmp_path: Path) -> None:
    sheet = SHEET.replace(
        '{name: "Other", recipe: twin}',
        '{name: "Other", recipe: twin, metric: m, value: v, dataset: cifar100, options: {a: 1, b: 2}}',
    ).replace(
        '{name: "CIFAR-10", metric: accuracy,',
        '{name: "CIFAR-10", metric: accuracy, dataset: stl10, options: {b: 3, c: 4},',
    )
    plan = small_plan(tmp_path, sheet=sheet)
    other = next(c for c in plan.cells["gat/table1"] if c.row == "left: Other")
    run = plan.runs[other.runs[0]]
    assert (other.metric, run.dataset) == ("m", "cifar100")
    assert run.options == {"network": "embedding", "a": 1, "b": 2, "c": 4}


def overridden(folder: Path, sheet: str, metric: str) -> dict[str, set[str]]:
    """Train the cell of one metric on another recipe; return the recipes of the row's cells, by metric."""
    override = f'          - {{row: "Other", column: "CIFAR-10", on_metric: {metric}, recipe: gan}}\n'
    plan = small_plan(folder, sheet=sheet.replace("        except:\n", "        except:\n" + override))
    return {
        cell.metric: {plan.runs[run].recipe for run in cell.runs}
        for cell in plan.cells["gat/table1"]
        if (cell.row, cell.column) == ("left: Other", "CIFAR-10")
    }


def test_an_override_wins_over_both_and_only_where_its_metric_is(tmp_path: Path) -> None:
    loss = '          - {name: "CIFAR-10", metric: loss, value: accuracy, evaluation: test_accuracy}\n'
    sheet = TWO.replace("        except:\n", loss + "        except:\n")
    assert overridden(tmp_path, sheet, "loss") == {"accuracy": {"gat.twin"}, "loss": {"gat.gan"}}


def test_an_override_is_found_by_the_metric_that_its_row_gives(tmp_path: Path) -> None:
    sheet = TWO.replace('"Other", recipe: twin', '"Other", recipe: twin, metric: share, value: accuracy')
    assert overridden(tmp_path, sheet, "share") == {"share": {"gat.gan"}}


@pytest.mark.parametrize("row", ["recipe: gan, evaluation: null", "recipe: gat.gan, evaluation: gat.scores"])
def test_unset_fields_hide_nothing_and_names_may_carry_their_paper(tmp_path: Path, row: str) -> None:
    plan = small_plan(tmp_path, sheet=SHEET.replace('{name: "GAN", recipe: gan}', f'{{name: "GAN", {row}}}'))
    (found,) = [c for c in plan.cells["gat/table1"] if c.row == "right: GAN"]
    assert isinstance(found, MeasuredCell)
    assert {plan.runs[run].recipe for run in found.runs} == {"gat.gan"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('{name: "Other", recipe: twin}', '{name: "Other", recipe: twinn}', "no recipe 'gat.twinn'"),
        ('{name: "GAN", recipe: gan}', '{name: "GAN", recipe: dat.gan}', "no recipe 'dat.gan'"),
        ("metric: is, evaluation: scores}", "metric: is, evaluation: score}", "'gat.score'"),
        ('value: accuracy, minus: baseline}', 'value: accuracy, minus: basline}', "'gat.basline'"),
        ('{name: "GAN", recipe: gan}', '{name: "GAN", recipe: gan, dataset: cifar9}', "'cifar9'"),
    ],
)  # fmt: skip
def test_an_unknown_name_is_refused_with_the_line_of_its_row_or_column(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    sheet = SHEET.replace(old, new)
    with pytest.raises(ReproError) as caught:
        cells(tmp_path, sheet=sheet)
    assert message in caught.value.message
    assert "artefacts.table1" in caught.value.message
    assert caught.value.where == str(tmp_path / "papers" / "gat" / "sheet.yaml")
    assert caught.value.line == line_of(sheet, new)
    assert "declare it" in caught.value.remedy


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("start_from: gan", "start_from: gann", "recipes.later"),
        ("    measure: accuracy\n", "    measure: accuracy\n    surrogate: gann\n", "evaluations.test"),
    ],
)  # fmt: skip
def test_a_recipe_that_another_entry_names_must_be_there(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    sheet = SHEET.replace(old, new)
    with pytest.raises(ReproError, match=rf"{place}\w*: there is no recipe 'gat\.gann'") as caught:
        read(tmp_path, sheet=sheet)
    assert caught.value.where == str(tmp_path / "papers" / "gat" / "sheet.yaml")
    assert caught.value.line == line_of(sheet, new.splitlines()[-1])
    assert "gat.gan" in caught.value.remedy


def test_the_line_is_found_without_panels_too(tmp_path: Path) -> None:
    sheet = SHEET.replace('      pending: "swept later"\n', "").replace(
        '    rows:\n      - {name: "Baseline", recipe: baseline}',
        '    rows:\n      - {name: "Fine", recipe: baseline}\n      - {name: "Wrong", recipe: none_such}',
    )
    with pytest.raises(ReproError) as caught:
        cells(tmp_path, "figure4", sheet)
    assert caught.value.line == line_of(sheet, '{name: "Wrong"')
