"""`repro validate` finds what a job would find, with file and remedy, before anything is trained."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from papers_case import PROFILE, SHEET, plan, plan_of, write_config
from repro.core.by_name import declaring
from repro.core.errors import ReproError
from repro.data.readers.found import reader
from repro.methods.registry import validate_options
from repro.methods.regularisers import registry
from repro.methods.regularisers.base import Regulariser
from repro.methods.regularisers.zero_gp import REGULARISER
from repro.plan.config import load_config
from repro.plan.plan import build_plan
from repro.verify import validate
from repro.verify.validate import validate_plan

CONFIG = Path(__file__).parents[2] / "config"


def refused(folder: Path, sheet: str, says: str, remedy: str) -> ReproError:
    with pytest.raises(ReproError) as caught:
        validate_plan(plan(folder / "config", sheet=sheet))
    assert says in str(caught.value)
    assert remedy in caught.value.remedy
    return caught.value


@pytest.mark.parametrize("profile", sorted(path.stem for path in (CONFIG / "profiles").glob("*.yaml")))
def test_every_profile_of_the_suite_is_valid(profile: str) -> None:
    validate_plan(plan_of(profile))


def test_the_sheet_as_it_is_is_valid(tmp_path: Path) -> None:
    validate_plan(plan(tmp_path / "config"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("options: {reference_split: train}", "options: {checkpoint: best_snapshot}"),
        ("measure: fidelity\n    options: {reference_split: train}", "measure: curve\n    options: {}"),
    ],
)
def test_a_run_that_leaves_no_snapshots_to_measure(tmp_path: Path, old: str, new: str) -> None:
    sheet = SHEET.replace(old, new).replace("metric: is,", 'metric: is, value: "is@100%",')
    error = refused(tmp_path, sheet, "recipe gat.gan leaves no snapshots", "snapshots: 10")
    assert error.line == sheet[: sheet.index("  gan:")].count("\n") + 1
    recipes = sheet.replace("    options: {network: sngan", "    snapshots: 1\n    options: {network: sngan")
    validate_plan(plan(tmp_path / "with", sheet=recipes))


def test_a_value_that_no_measurement_returns(tmp_path: Path) -> None:
    refused(tmp_path, SHEET.replace("metric: is,", "metric: iss,"), "fidelity 'iss'", "did you mean is?")
    wrong = SHEET.replace("metric: accuracy,", "metric: accuracy, value: acc,")
    refused(tmp_path, wrong, "accuracy 'acc'", "accuracy")


def test_two_rows_of_one_name(tmp_path: Path) -> None:
    sheet = SHEET.replace('{name: "Other", recipe: twin}', '{name: "Baseline", recipe: twin}')
    refused(tmp_path, sheet, "row 'left: Baseline'", "different names")
    sheet = SHEET.replace('{name: "Later", pending: "not yet"}', '{name: "Printed", cited: true}')
    refused(tmp_path, sheet, "row 'left: Printed'", "different names")


BASELINE = {"artefact": "table1", "row": "left: Baseline", "column": "CIFAR-10", "metric": "accuracy"}
OTHER = {"row": "left: Other"}
RATIO = {"artefact": "cost", "row": "gan", "column": "baseline", "metric": "cost_ratio"}


def written_claim(folder: Path, left: dict[str, str], right: object) -> None:
    claim = {"id": "gat.c", "statement": "s", "all": [{"left": left, "relation": "less", "right": right}]}
    path = write_config(folder / "config") / "papers" / "gat" / "claims.yaml"
    path.write_text("# claims\n" + json.dumps([claim]))
    validate_plan(build_plan(load_config(folder / "config", "tiny")))


def test_claims_that_name_cells_and_costs_of_recipes_are_valid(tmp_path: Path) -> None:
    written_claim(tmp_path, BASELINE, OTHER)
    written_claim(tmp_path, RATIO, 2.0)


@pytest.mark.parametrize(
    ("left", "right", "says"),
    [
        (BASELINE, {"row": "left: Othr"}, "names no cell: gat / table1 / left: Othr / CIFAR-10"),
        ({**BASELINE, "metric": "acc"}, OTHER, "names no cell"),
        ({**BASELINE, "artefact": "table9"}, OTHER, "names no artefact: gat/table9"),
        ({**BASELINE, "paper": "dat"}, OTHER, "names no artefact: dat/table1"),
        ({**RATIO, "row": "gann"}, 2.0, "names no recipe: gat.gann"),
        ({**RATIO, "column": "plain"}, 2.0, "names no recipe: gat.plain"),
        ({**RATIO, "metric": "ratio"}, 2.0, "names no metric of costs: ratio"),
    ],
)
def test_a_claim_about_nothing(tmp_path: Path, left: dict[str, str], right: object, says: str) -> None:
    with pytest.raises(ReproError, match=re.escape(says)) as caught:
        written_claim(tmp_path, left, right)
    assert (Path(str(caught.value.where)).name, caught.value.line) == ("claims.yaml", 2)


@pytest.mark.parametrize("name", ["gat/sheet2.yaml", "gat/more/claims.yaml", "other.yaml", "gat/reportd.csv"])
def test_a_file_that_nobody_reads(tmp_path: Path, name: str) -> None:
    path = write_config(tmp_path / "config") / "papers" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")
    error = refused(tmp_path, SHEET, "nobody reads this file", "sheet.yaml")
    assert error.where == str(path)


def test_code_that_nobody_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = tmp_path / "suite" / "methods"
    room.mkdir(parents=True)
    for folder in (room, room.parent):
        (folder / "__init__.py").touch()
    imports = "from suite.methods import (\n    other,\n)\nfrom suite.methods.helper import x\n"
    (room / "found.py").write_text(f"{imports}\nMETHOD = x\n")
    (room / "other.py").touch()
    (room / "helper.py").write_text("x = 1\n")
    (room / "misspelt.py").write_text("METHODS = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    rooms = {"suite.methods": validate.REGISTERED["repro.methods"]}
    monkeypatch.setattr(validate, "REGISTERED", rooms)
    error = refused(tmp_path, SHEET, "nobody reads this file", "end it with `METHOD = ...`")
    assert error.where == str(room / "misspelt.py")
    (room / "misspelt.py").write_text("METHOD = 1\n")  # the remedy
    declaring.cache_clear()
    validate_plan(plan(tmp_path / "config"))


def test_a_reader_that_is_not_there() -> None:
    """Said when the data set's file is read, not when its images are."""
    with pytest.raises(ReproError, match="there is no reader 'cifr'") as caught:
        reader("cifr")
    assert "did you mean cifar?" in caught.value.remedy


@pytest.mark.parametrize("name", registry.regulariser_names())
def test_a_negative_weight_of_any_regulariser(name: str) -> None:
    registry.parse_regulariser(name, {"weight": 0.0})
    with pytest.raises(ReproError, match="a weight is 0 or more"):
        registry.parse_regulariser(name, {"weight": -0.5})


def test_a_negative_weight_is_an_error_of_the_recipe() -> None:
    with pytest.raises(ReproError, match="a weight is 0 or more"):
        validate_options("gan", {"network": "sngan", "regulariser": "zero_gp", "regulariser.weight": -1.0})


def test_a_misspelt_hook_of_a_regulariser() -> None:
    penalty = REGULARISER.penalty
    misspelt = type("Misspelt", (Regulariser,), {"penalti": penalty})
    with pytest.raises(ValueError, match="did you mean penalty"):
        registry._check_hooks("misspelt", misspelt)
    draws = type("Draw", (Regulariser,), {"penalty": penalty, "draw": lambda self: True})
    with pytest.raises(ValueError, match="did you mean draws"):
        registry._check_hooks("draw", draws)
    with pytest.raises(ValueError, match="lacks penalty"):
        registry._check_hooks("bare", type("Bare", (Regulariser,), {}))
    registry._check_hooks("own", type("Own", (Regulariser,), {"penalty": penalty, "slope": lambda self: 1.0}))


def test_a_format_that_rounds_away_what_a_run_is_about(tmp_path: Path) -> None:
    sheet = SHEET.replace("method: gan", "method: dat").replace("{network: sngan", "{reduction: batch_mean")
    with pytest.raises(ReproError, match=r"recipes\.\w+: bfloat16 rounds away") as caught:
        validate_plan(plan(tmp_path / "bf16", sheet=sheet, profile=PROFILE + "precision: bf16\n"))
    assert "precision: float32" in caught.value.remedy
    validate_plan(plan(tmp_path / "float32", sheet=sheet, profile=PROFILE + "precision: float32\n"))


def test_held_out_images_of_a_split_that_is_not_there(tmp_path: Path) -> None:
    old = SHEET[SHEET.index("method: classifier") : SHEET.index("  twin:")]
    new = old.replace("method: classifier", "method: adversarial_training")
    sheet = SHEET.replace(old, new.replace("embedding}", "embedding, held_out: validation}"), 1)
    refused(tmp_path, sheet, "recipes.baseline: CIFAR-10 has no split 'validation'", "validation5k")


def test_a_profile_that_takes_the_snapshots_away(tmp_path: Path) -> None:
    sheet = SHEET.replace("    options: {network: sngan", "    snapshots: 1\n    options: {network: sngan")
    sheet = sheet.replace("options: {reference_split: train}", "options: {checkpoint: best_snapshot}")
    taken = PROFILE.replace("batch_size: 10, width", "batch_size: 10, snapshots: 0, width")
    with pytest.raises(ReproError, match=r"profile tiny lets recipe gat\.gan leave no snapshots") as caught:
        validate_plan(plan(tmp_path / "config", sheet=sheet, profile=taken))
    assert str(caught.value.where).endswith("tiny.yaml")
    validate_plan(plan(tmp_path / "without", sheet=sheet))  # the remedy
