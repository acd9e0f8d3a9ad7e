"""Settings tables: read from recorded runs and built networks, judged against what the papers state."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from papers_case import plan_of
from repro.compose.compose import compose
from repro.compose.paper_files import all_reported
from repro.compose.settings import layer_setting, read_setting
from repro.core.errors import ReproError
from repro.core.files import sha256_file
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.jobs.architectures import write_architectures
from repro.jobs.measured import Measured
from repro.judge.cells import Cell
from repro.plan.batches import Batches, make_batches
from repro.plan.config import load_config
from repro.plan.plan import Plan, build_plan
from repro.verify.validate import validate_plan

CONFIG = Path(__file__).parents[2] / "config"
RUN = RunSpec(
    recipe="dat.sngan", method="gan", dataset="stl10", source="synthetic", seed=0, steps=7, batch_size=16,
    width=0.5, options={"learning_rate": 2e-4, "decay": "linear", "spectral": True},
    stand_ins=("reduced_budget",),
)  # fmt: skip


@pytest.fixture(scope="module")
def smoke() -> Plan:
    return plan_of("smoke")


@pytest.fixture(scope="module")
def architectures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("networks") / "architectures.json"
    write_architectures(path)
    return path


def record(
    layout: Layout, batches: Batches, plan: Plan, change: Callable[[RunSpec], RunSpec] = lambda run: run
) -> None:
    """Write records and manifests as training leaves them, of the runs that dat/table1 shows."""
    for run_id in {name for cell in plan.cells["dat/table1"] for name in cell.runs}:
        path = layout.record(run_id)
        path.parent.mkdir(parents=True)
        spec = change(plan.runs[run_id])
        path.write_text(json.dumps({"run_id": run_id, "spec": spec.model_dump(mode="json")}))
        manifest = layout.batch("train", batches.train_of[run_id])
        manifest.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(manifest.read_text()) if manifest.exists() else {}
        manifest.write_text(json.dumps({**known, run_id: {"sha256": sha256_file(path)}}))


def composed(plan: Plan, layout: Layout, artefact: str) -> dict[tuple[str, str, str], Cell]:
    measured = Measured(layout, make_batches(plan))
    _, cells = compose(plan, measured, all_reported(plan.config), {}, artefact)
    return {(cell.row, cell.column, cell.metric): cell for cell in cells}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("steps", 7.0),
        ("batch_size", 16.0),
        ("width", 0.5),
        ("options.learning_rate", 2e-4),
        ("options.decay", "linear"),
        ("options.spectral", "True"),
        ("data.height", 48.0),
        ("data.classes", 10.0),
    ],
)
def test_settings_of_a_run(setting: str, value: float | str) -> None:
    assert read_setting(RUN, setting) == value


@pytest.mark.parametrize(
    "setting", ["seed", "options.beta1", "data.fetch", "height", "options", "model_dump"]
)
def test_a_setting_that_a_run_does_not_have(setting: str) -> None:
    with pytest.raises(ReproError, match=setting) as caught:
        read_setting(RUN, setting)
    assert "options.learning_rate" in caught.value.remedy


def test_dat_table1_is_what_the_run_recorded(smoke: Plan, layout: Layout) -> None:
    record(layout, make_batches(smoke), smoke)
    cells = composed(smoke, layout, "dat/table1")
    row = {column: cell for (name, column, _), cell in cells.items() if name == "CIFAR-10"}
    assert {column: cell.verdict for column, cell in row.items()} == {
        "Resolution": "reproduced",
        "Batch Size": "not comparable",
        "Learning Rate": "reproduced",
        "β1": "reproduced",
        "β2": "reproduced",
        "Decay Policy": "reproduced",
        "ndis": "reproduced",
        "niter": "not comparable",
    }
    assert (row["niter"].reported, row["niter"].measured) == (100_000, 5)
    assert row["niter"].stand_ins == ("reduced_budget",)
    assert row["Batch Size"].stand_ins == ("changed_batch_size",)
    assert (row["Learning Rate"].reported, row["Learning Rate"].measured) == (2e-4, 2e-4)
    assert row["Learning Rate"].stand_ins == ()
    assert all(cell.n_seeds == 1 and len(cell.runs) == 1 for cell in row.values())
    sides = {name: cell.measured for (name, column, _), cell in cells.items() if column == "Resolution"}
    assert sides == {"CIFAR-10": 32, "CIFAR-100": 32, "STL-10": 48, "Tiny-ImageNet": 64, "LSUN-Bedroom": 64}
    assert not {cell.verdict for cell in cells.values()} - {"reproduced", "not comparable"}
    decay = {name: (cell.reported, cell.measured) for (name, at, _), cell in cells.items() if at[0] == "D"}
    assert decay.pop("Tiny-ImageNet") == ("None", "none")
    assert set(decay.values()) == {("Linear", "linear")}


def test_an_unreduced_schedule_is_judged(layout: Layout) -> None:
    plan = plan_of("paper")
    record(layout, make_batches(plan), plan)
    cells = composed(plan, layout, "dat/table1")
    assert cells["CIFAR-10", "niter", "setting"].verdict == "reproduced"
    assert len(cells["CIFAR-10", "niter", "setting"].runs) == 3


def test_a_batch_size_that_the_profile_leaves_alone_is_judged_though_the_budget_is_reduced(
    layout: Layout,
) -> None:
    plan = plan_of("quick")
    record(layout, make_batches(plan), plan)
    cells = composed(plan, layout, "dat/table1")
    assert cells["CIFAR-10", "Batch Size", "setting"].verdict == "reproduced"
    assert cells["CIFAR-10", "niter", "setting"].verdict == "not comparable"


def test_another_learning_rate_is_not_reproduced(smoke: Plan, layout: Layout) -> None:
    def faster(run: RunSpec) -> RunSpec:
        return run.model_copy(update={"options": {**run.options, "learning_rate": 4e-4}})

    record(layout, make_batches(smoke), smoke, faster)
    cell = composed(smoke, layout, "dat/table1")["CIFAR-10", "Learning Rate", "setting"]
    assert (cell.verdict, cell.measured) == ("not reproduced", 4e-4)


def test_a_record_that_no_rule_wrote_is_refused(smoke: Plan, layout: Layout) -> None:
    record(layout, make_batches(smoke), smoke)
    run_id = next(cell.runs[0] for cell in smoke.cells["dat/table1"] if cell.runs)
    path = layout.record(run_id)
    steps = smoke.runs[run_id].steps
    path.write_text(path.read_text().replace(f'"steps": {steps}', '"steps": 100000'))
    with pytest.raises(ReproError, match="not the one that"):
        composed(smoke, layout, "dat/table1")
    path.unlink()
    with pytest.raises(ReproError):
        composed(smoke, layout, "dat/table1")


def test_gat_table1_is_what_the_networks_are(smoke: Plan, layout: Layout, architectures: Path) -> None:
    layout.root.mkdir(parents=True)
    (layout.root / "architectures.json").write_bytes(architectures.read_bytes())
    cells = composed(smoke, layout, "gat/table1")
    printed = {key: cell for key, cell in cells.items() if cell.reported is not None}
    assert len(printed) == 34
    assert {cell.verdict for cell in printed.values()} == {"reproduced"}
    strides = [cells[f"layer {n}", "classifier", "stride"] for n in range(1, 8)]
    assert [cell.measured for cell in strides] == [1, 2, 1, 2, 1, 1, 1]
    assert {cell.verdict for cell in strides if cell.reported is None} == {"unreported"}
    assert ("layer 8", "classifier", "filters") not in cells
    assert ("layer 1", "classifier (CIFAR-100)", "filters") not in cells
    assert cells["layer 8", "classifier", "kernel"].measured == 8
    assert all(not cell.stand_ins and not cell.runs for cell in cells.values())


def test_layers_that_do_not_exist(smoke: Plan, architectures: Path) -> None:
    cell = next(item for item in smoke.cells["gat/table1"])
    assert layer_setting(architectures, cell) == 3
    for change, message in (
        ({"layer": 9}, "layer 9 of gat.classifier does not exist"),
        ({"layer": 8, "setting": "filters"}, "has no 'filters'"),
        ({"setting": "parameters"}, "has no 'parameters'"),
        ({"network": "gat.nothing"}, "gat.nothing"),
    ):
        with pytest.raises(ReproError, match=message):
            layer_setting(architectures, replace(cell, **change))  # type: ignore[arg-type]


def sheet_with(tmp_path: Path, old: str, new: str) -> Path:
    """Return a copy of ``config`` in which one line of the sheets of DAT is another."""
    copy = tmp_path / "config"
    shutil.copytree(CONFIG, copy)
    sheet = copy / "papers" / "dat" / "sheet.yaml"
    text = sheet.read_text(encoding="utf-8")
    assert old in text
    sheet.write_text(text.replace(old, new), encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("setting: options.n_dis", "setting: options.n_discs", "no setting 'options.n_discs'"),
        ("setting: data.height", "network: gat.classifier, setting: kernel", "names no layer"),
        ('"CIFAR-100", recipe: dat_discriminator, dataset: cifar100', '"CIFAR-100"', "names no recipe"),
        ("setting: steps", "evaluation: rgan.real_data", "names no dataset"),
    ],
)
def test_mistakes_in_a_sheet_are_named_with_their_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    config = sheet_with(tmp_path, old, new)
    with pytest.raises(ReproError, match=message) as caught:
        validate_plan(build_plan(load_config(config, "smoke")))
    assert caught.value.where == str(config / "papers" / "dat" / "sheet.yaml")
    assert caught.value.line
