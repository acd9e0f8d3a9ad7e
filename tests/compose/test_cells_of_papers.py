"""From rows and columns to cells: merging, conventions, pending and cited cells, undeclared names."""

from __future__ import annotations

from pathlib import Path

import pytest

from papers_case import SHEET, line_of, read
from repro.core.errors import ReproError
from repro.plan.cells import Cell, cells_of


def cells(folder: Path, name: str = "table1", sheet: str = SHEET) -> list[Cell]:
    return list(cells_of(read(folder, sheet=sheet), "gat", name))


def test_live_cells_come_once_a_convention_others_once(tmp_path: Path) -> None:
    found = [(c.row, c.column, c.convention, c.status) for c in cells(tmp_path)]
    assert found == [
        ("left: Baseline", "CIFAR-10", "paper", "live"),
        ("left: Baseline", "CIFAR-10", "standard", "live"),
        ("left: Baseline", "gain", "standard", "pending"),
        ("left: Other", "CIFAR-10", "paper", "live"),
        ("left: Other", "CIFAR-10", "standard", "live"),
        ("left: Other", "gain", "paper", "live"),
        ("left: Other", "gain", "standard", "live"),
        ("left: Printed", "CIFAR-10", "standard", "cited"),
        ("left: Printed", "gain", "standard", "cited"),
        ("left: Later", "CIFAR-10", "standard", "pending"),
        ("left: Later", "gain", "standard", "pending"),
        ("right: GAN", "IS", "standard", "live"),
        ("right: GAN, longer", "IS", "standard", "live"),
    ]


def test_a_difference_names_the_recipe_of_the_row_that_is_subtracted(tmp_path: Path) -> None:
    gains = [c for c in cells(tmp_path) if c.column == "gain" and c.status == "live"]
    assert {(c.recipe, c.minus, c.value, c.metric) for c in gains} == {
        ("gat.twin", "gat.baseline", "accuracy", "accuracy_gain")
    }


def test_the_value_is_the_metric_unless_it_is_named(tmp_path: Path) -> None:
    assert {c.value for c in cells(tmp_path) if c.column == "IS"} == {"is"}


def test_reasons_are_kept(tmp_path: Path) -> None:
    reasons = {(c.row, c.column): c.reason for c in cells(tmp_path)}
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
    other, *_ = [c for c in cells(tmp_path, sheet=sheet) if c.row == "left: Other"]
    assert (other.metric, other.dataset) == ("m", "cifar100")
    assert dict(other.run_options) == {"a": 1, "b": 2, "c": 4}


def test_an_override_wins_over_both_and_only_where_its_metric_is(tmp_path: Path) -> None:
    override = '          - {row: "Other", column: "CIFAR-10", on_metric: METRIC, recipe: gan}\n'
    here = SHEET.replace("        except:\n", "        except:\n" + override.replace("METRIC", "accuracy"))
    elsewhere = SHEET.replace("        except:\n", "        except:\n" + override.replace("METRIC", "fid"))
    for sheet, recipe in ((here, "gat.gan"), (elsewhere, "gat.twin")):
        found = {
            c.recipe for c in cells(tmp_path, sheet=sheet) if (c.row, c.column) == ("left: Other", "CIFAR-10")
        }
        assert found == {recipe}


def test_an_unset_field_of_a_row_does_not_hide_the_columns(tmp_path: Path) -> None:
    sheet = SHEET.replace('{name: "GAN", recipe: gan}', '{name: "GAN", recipe: gan, evaluation: null}')
    assert {c.status for c in cells(tmp_path, sheet=sheet) if c.row == "right: GAN"} == {"live"}


def test_a_row_of_another_paper_is_found(tmp_path: Path) -> None:
    sheet = SHEET.replace(
        '{name: "GAN", recipe: gan}', '{name: "GAN", recipe: gat.gan, evaluation: gat.scores}'
    )
    assert {c.recipe for c in cells(tmp_path, sheet=sheet) if c.row == "right: GAN"} == {"gat.gan"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('{name: "Other", recipe: twin}', '{name: "Other", recipe: twinn}', "no recipe 'gat.twinn'"),
        ('{name: "GAN", recipe: gan}', '{name: "GAN", recipe: dat.gan}', "no recipe 'dat.gan'"),
        ("metric: is, evaluation: scores}", "metric: is, evaluation: score}", "'score'"),
        ('value: accuracy, minus: Baseline}', 'value: accuracy, minus: Basline}', "'Basline'"),
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
    assert "gat/table1" in caught.value.message
    assert caught.value.where == str(tmp_path / "papers" / "gat" / "sheet.yaml")
    assert caught.value.line == line_of(sheet, new)
    assert "declare it" in caught.value.remedy


def test_the_line_is_found_without_panels_too(tmp_path: Path) -> None:
    sheet = SHEET.replace('      pending: "swept later"\n', "").replace(
        '    rows:\n      - {name: "Baseline", recipe: baseline}',
        '    rows:\n      - {name: "Fine", recipe: baseline}\n      - {name: "Wrong", recipe: none_such}',
    )
    with pytest.raises(ReproError) as caught:
        cells(tmp_path, "figure4", sheet)
    assert caught.value.line == line_of(sheet, '{name: "Wrong"')
