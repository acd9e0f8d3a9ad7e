"""Sheets: panels, sweeps and overrides spelled out, budgets, and what the schema refuses."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from papers_case import PROFILE, SETTINGS, SHEET, line_of, write_config
from repro.core.errors import ReproError
from repro.plan.config import load_config
from repro.plan.sheet import Budget, SheetArtefact

TABLE = {"kind": "table", "title": "t", "source": "s"}


def test_rows_without_panels_are_one_unnamed_panel() -> None:
    rows, columns = [{"name": "r"}], [{"name": "c"}]
    overrides = [{"row": "r", "column": "c", "pending": "later"}]
    artefact = SheetArtefact.model_validate({**TABLE, "rows": rows, "columns": columns, "except": overrides})
    (panel,) = artefact.panels
    assert (panel.name, panel.rows[0].name, panel.columns[0].name) == ("", "r", "c")
    assert panel.overrides[0].pending == "later"


def test_a_drawing_needs_no_panel() -> None:
    assert SheetArtefact.model_validate({**TABLE, "kind": "drawing"}).panels == ()


def test_a_sweep_is_one_column_a_value() -> None:
    sweep = {
        "values": [0, 0.02, 1.5e-3],
        "name": "eps = {}",
        "value": "accuracy@{}",
        "option": "epsilon",
        "options": {"steps": 5},
        "metric": "accuracy",
    }
    columns = SheetArtefact.model_validate({**TABLE, "columns": sweep}).panels[0].columns
    assert [column.name for column in columns] == ["eps = 0", "eps = 0.02", "eps = 0.0015"]
    assert [column.value for column in columns] == ["accuracy@0", "accuracy@0.02", "accuracy@0.0015"]
    assert [column.options for column in columns] == [{"steps": 5, "epsilon": v} for v in (0, 0.02, 1.5e-3)]
    assert {column.metric for column in columns} == {"accuracy"}


@pytest.mark.parametrize("budget", [{}, {"epochs": 1, "steps": 1}, {"epochs": 0}, {"steps": -1}])
def test_a_budget_has_exactly_one_positive_unit(budget: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Budget.model_validate({"batch_size": 10, **budget})


def test_epochs_count_whole_batches() -> None:
    assert Budget(batch_size=128, epochs=100).resolve(50_000) == 100 * 390
    assert Budget(batch_size=100, epochs=0.001).resolve(200) == 1
    assert Budget(batch_size=128, steps=7).resolve(50_000) == 7


def refused(folder: Path, file: str, line: int | None, message: str, remedy: str = "") -> None:
    """Check that reading the folder names file, line, problem and remedy."""
    with pytest.raises(ReproError) as caught:
        load_config(folder)
    assert message in caught.value.message
    assert caught.value.where == str(folder / file)
    assert caught.value.line == line
    assert remedy in caught.value.remedy


def test_a_misspelt_field_is_refused_with_its_line(tmp_path: Path) -> None:
    text = SHEET.replace("    seeds: 50\n", "    seedz: 50\n", 1)
    folder = write_config(tmp_path, sheet=text)
    refused(folder, "papers/gat/sheet.yaml", line_of(text, "seedz"), "recipes.baseline.seedz", "seedz")


def test_a_misspelt_row_of_measured_places_is_refused_with_its_line(tmp_path: Path) -> None:
    text = SHEET.replace("kind: plot", 'kind: plot\n    x_row: "Baselin"')
    folder = write_config(tmp_path, sheet=text)
    refused(folder, "papers/gat/sheet.yaml", line_of(text, "figure4:"), "no row 'Baselin'; rows: Baseline")
    load_config(write_config(tmp_path, sheet=text.replace('Baselin"', 'Baseline"')))


def test_an_unknown_kind_of_artefact_is_refused_with_its_line(tmp_path: Path) -> None:
    text = SHEET.replace("kind: plot", "kind: picture")
    folder = write_config(tmp_path, sheet=text)
    refused(folder, "papers/gat/sheet.yaml", line_of(text, "kind: picture"), "figure4.kind", "'samples'")


def test_a_passed_recipe_that_is_misspelt_is_refused_with_its_line(tmp_path: Path) -> None:
    panel = '{name: "IS", metric: is, evaluation: scores'
    text = SHEET.replace(panel, panel + ", passes: {recipe: nobody, epochs: 2}")
    folder = write_config(tmp_path, sheet=text)
    refused(folder, "papers/gat/sheet.yaml", line_of(text, "nobody"), "no recipe 'gat.nobody'")


@pytest.mark.parametrize(
    ("entry", "wrong", "right", "what"),
    [
        ('row: "{}", column: "gain"', "Baselin", "Baseline", "row"),
        ('row: "{}", column: "gain"', "GAN", "Other", "row"),  # the other panel's
        ('row: "Other", column: "{}"', "IS", "gain", "column"),
        ('row: "Other", column: "CIFAR-10", on_metric: "{}"', "gain", "accuracy", "metric"),
    ],
)
def test_an_override_of_no_cell_is_refused_with_its_line(
    tmp_path: Path, entry: str, wrong: str, right: str, what: str
) -> None:
    text, mended = (
        SHEET.replace('row: "Baseline", column: "gain"', entry.format(name)) for name in (wrong, right)
    )
    folder = write_config(tmp_path, sheet=text)
    message = f"artefacts.table1, panel 'left': there is no {what} '{wrong}'"
    refused(folder, "papers/gat/sheet.yaml", line_of(text, entry.format(wrong)), message, right)
    load_config(write_config(tmp_path, sheet=mended))


@pytest.mark.parametrize(
    ("what", "old", "name", "mended"),
    [
        ("table", "table1", "table2b", "table2"),
        ("table", "table1", "figure1", "table_one"),  # the rule of figures expects no table's files
        ("plot", "figure4", "table_c", "figure_c"),
        ("plot", "figure4", "figure4_b", "figure_b"),
        ("recipe", "baseline", "base.line", "base_line"),
        ("evaluation", "scores", "sco-res", "sco_res"),
        ("search", "rate", "Rate", "rate_2"),
    ],
)
def test_a_name_that_no_rule_takes_is_refused_with_its_line(
    tmp_path: Path, what: str, old: str, name: str, mended: str
) -> None:
    search = "{recipe: gan, option: n_dis, values: [1, 2], evaluation: scores, value: is}"
    sheet = SHEET.replace("artefacts:\n", f"searches:\n  rate: {search}\nartefacts:\n")
    text = re.sub(rf"\b{old}\b", name, sheet)
    folder = write_config(tmp_path, sheet=text)
    says, remedy = f"no {what} can be called '{name}'", "choose another name: "
    refused(folder, "papers/gat/sheet.yaml", line_of(text, f"  {name}:"), says, remedy)
    load_config(write_config(tmp_path, sheet=text.replace(name, mended)))


def test_the_extractor_needs_a_data_set_that_exists(tmp_path: Path) -> None:
    text = SETTINGS.replace("cifar10", "mnist")
    folder = write_config(tmp_path, settings=text)
    refused(folder, "config.yaml", line_of(text, "mnist"), "no data set 'mnist'")


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("kid: 0.001", "kid: wide", "tolerances.kid"),
        ("kid: 0.001", "kid: {relative: 0.1, absolute: 1}", "give either `absolute` or `relative`"),
        ("{level: 0.05}", "{level: 0.7}", "claims.level"),
        ("{level: 0.05}", "{seeds: 1}", "claims.seeds"),
        ("{level: 0.05}", "{lvel: 0.05}", "claims.lvel"),
    ],
)
def test_rules_of_judgement_are_checked_with_the_settings(
    tmp_path: Path, right: str, wrong: str, says: str
) -> None:
    settings = f"{SETTINGS}claims: {{level: 0.05}}\n"
    loaded = load_config(write_config(tmp_path, settings=settings)).settings
    assert (loaded.claims.seeds, loaded.tolerances["kid"].absolute) == (3, 0.001)
    text = settings.replace(right, wrong)
    refused(write_config(tmp_path, settings=text), "config.yaml", line_of(text, wrong), says)


def test_a_folder_that_cannot_be_a_paper_is_refused(tmp_path: Path) -> None:
    folder = write_config(tmp_path)
    for name in ("Sn-GAN", "suite", "search"):
        (folder / "papers" / "gat").rename(folder / "papers" / name)
        refused(folder, f"papers/{name}", None, f"cannot be called '{name}'", "lower-case letters")
        (folder / "papers" / name).rename(folder / "papers" / "gat")
    (folder / "papers" / "gat" / "sheet.yaml").unlink()
    refused(folder, "papers/gat/sheet.yaml", None, "missing")
    shutil.rmtree(folder / "papers")
    refused(folder, "papers", None, "no paper", "from git")


def test_papers_stand_in_the_order_that_their_sheets_state(tmp_path: Path) -> None:
    folder = write_config(tmp_path)
    for name, order in (("dat", 3), ("abc", 2), ("xyz", 0)):
        shutil.copytree(folder / "papers" / "gat", folder / "papers" / name)
        (folder / "papers" / name / "sheet.yaml").write_text(SHEET.replace("order: 1", f"order: {order}"))
    assert list(load_config(folder).sheets) == ["xyz", "gat", "abc", "dat"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: tiny", "name: huge", "calls itself 'huge'"),
        ("device: cpu", "artefacts: [gat/table1, gat/table9]", "no artefact 'gat/table9'"),
        ("device: cpu", "recipes: {gat.basline: {steps: 1}}", "no recipe 'gat.basline'"),
        ("device: cpu", "recipes: {gat.bas?lin: {steps: 1}}", "no recipe"),
        ("device: cpu", 'recipes: {"gat.*@cifar11": {steps: 1}}', "no data set 'cifar11'"),
        ("device: cpu", "leave_out: [gat.droput]", "no recipe or cell 'gat.droput'"),
        ("device: cpu", 'leave_out: ["gat/table1/left: */CIFAR-11"]', "no recipe or cell"),
        ("images: 30", "images_of: {acuracy: 5}", "no measurement 'acuracy'"),
        ("images: 30", "images_of: {accuracy@paper: 5}", "no measurement 'accuracy@paper'"),
        ("images: 30", "options_of: {accuracy@standrad: {}}", "no measurement 'accuracy@standrad'"),
        ("classifier: {steps: 4", "clasifier: {steps: 4", "workloads.clasifier"),
        ("data: synthetic", "data: imagined", "data"),
        ("steps: 4", "steps: 0", "workloads.classifier.steps"),
        ("device: cpu", "device: mps", "device"),
        ("device: cpu", "device: 'cuda:'", "device"),
        ("device: cpu", "device: gpu", "device"),
        ("width: 0.25", "width: .inf", "workloads.classifier.width"),
        ("width: 0.25", "width: .nan", "workloads.classifier.width"),
        ("width: 0.25", "width: 1e9", "workloads.classifier.width"),
        ("steps: 4,", "epochs: .inf,", "workloads.classifier.epochs"),
        ("steps: 4,", "epochs: .nan,", "workloads.classifier.epochs"),
    ],
)
def test_a_wrong_profile_is_refused_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = PROFILE.replace(old, new, 1)
    folder = write_config(tmp_path, profile=text)
    refused(folder, "profiles/tiny.yaml", line_of(text, new[:8]), message)


@pytest.mark.parametrize(
    ("old", "wrong", "message", "remedy", "mended"),
    [
        (
            "images: 30",
            "images_of: {fidelity: 500}",
            "images_of.fidelity changes nothing",
            "write `limits: {test: 500}`",
            "images: 30",
        ),
        (
            "images: 30",
            "options_of: {accuracy@paper: {bach_size: 5}}",
            "options_of.accuracy@paper.bach_size changes nothing",
            "one that it states (batch_size)",
            "options_of: {accuracy@paper: {batch_size: 5}}",
        ),
        (
            "images: 30",
            "options_of: {accuracy@standard: {batch_size: 5}}",
            "options_of.accuracy@standard.batch_size changes nothing",
            "it states (none), or set it for all conventions: accuracy",
            "options_of: {accuracy: {batch_size: 5}}",
        ),
        (
            "images: 30",
            "images_of: {accuracy: 0}",
            "greater than or equal to 1",
            "",
            "images_of: {accuracy: 1}",
        ),
        (
            "classifier: {steps: 4",
            "classifier: {epochs: 1, steps: 4",
            "workloads.classifier: Value error, give either epochs or steps",
            "",
            "classifier: {epochs: 1",
        ),
        (
            "max_seeds: 2",
            "max_seeds: 2\nmin_seeds: 5",
            "max_seeds: Value error, give at least min_seeds, which is 5",
            "",
            "max_seeds: 5\nmin_seeds: 5",
        ),
        (
            "device: cpu",
            "searches: {processes: 2}",
            "searches: Value error, runs have the processes of their recipe; give them under recipes",
            "",
            "recipes: {gat.twin: {processes: 2}}",
        ),
    ],
)
def test_an_entry_of_a_profile_that_would_change_nothing_is_refused_with_its_line(
    tmp_path: Path, old: str, wrong: str, message: str, remedy: str, mended: str
) -> None:
    text = PROFILE.replace(old, wrong, 1)
    folder = write_config(tmp_path, profile=text)
    refused(folder, "profiles/tiny.yaml", line_of(text, wrong), message, remedy)
    load_config(write_config(tmp_path, profile=PROFILE.replace(old, mended, 1)))


def test_an_unknown_profile_is_refused_and_the_known_ones_are_named(tmp_path: Path) -> None:
    folder = write_config(tmp_path)
    with pytest.raises(ReproError, match="no profile 'nope'") as caught:
        load_config(folder, "nope")
    assert "tiny" in caught.value.remedy
