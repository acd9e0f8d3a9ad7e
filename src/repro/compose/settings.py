"""Settings tables: what a run was trained with, or how a network is built, instead of what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import read_json
from repro.core.manifest import TRAIN_ANEW, listed_file
from repro.core.paths import Layout
from repro.core.spec import RunSpec, StandIn
from repro.data.catalogue import dataset_info
from repro.draw.architectures import network, read_architectures
from repro.plan.batches import Batches
from repro.plan.cells import LayerCell, SettingCell
from repro.plan.plan import Plan

RUN_SETTINGS = ("batch_size", "steps", "width", "precision")
DATA_SETTINGS = ("height", "width", "channels", "classes")
LAYER_SETTINGS = ("kernel", "filters", "stride")
# What a profile may change about a run, and the mark that it leaves.
REDUCES: Mapping[str, StandIn] = {
    "steps": "reduced_budget",
    "batch_size": "changed_batch_size",
    "width": "reduced_width",
}
Value = float | str


def read_setting(run: RunSpec, setting: str) -> Value:
    """Return one setting of a run: a field, ``options.<name>`` or ``data.<name>``; yes, no and lists as text.

    Raises:
        ReproError: a run has no such setting, or its recipe leaves that option to the method's default.
    """
    group, _, name = setting.rpartition(".")
    found: object = None
    if not group and name in RUN_SETTINGS:
        found = getattr(run, name)
    elif group == "options":
        found = run.options.get(name)
    elif group == "data" and name in DATA_SETTINGS:
        found = getattr(dataset_info(run.dataset), name)
    if found is None:
        known = [*RUN_SETTINGS, *(f"options.{each}" for each in run.options)]
        known += [f"data.{each}" for each in DATA_SETTINGS]
        raise ReproError(
            f"a run of {run.recipe} has no setting {setting!r}",
            remedy=f"let the sheet's cell name one of {', '.join(known)}, or give the recipe that option",
        )
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else str(found)


def run_setting(
    plan: Plan, batches: Batches, layout: Layout, cell: SettingCell
) -> tuple[Value, tuple[StandIn, ...]]:
    """Return the setting that a cell asks for, and the mark if the profile changed that very setting.

    Raises:
        ReproError: the run's record is missing or not what the DAG's rule wrote, or has no such setting.
    """
    run_id = cell.runs[0]  # seeds differ in the seed alone
    record = read_json(listed_file(layout, "train", batches.train_of[run_id], run_id), remedy=TRAIN_ANEW)
    run = RunSpec.model_validate(record["spec"])
    value, mark = read_setting(run, cell.setting), REDUCES.get(cell.setting)
    marks = plan.runs[run_id].stand_ins
    if mark in marks and any(value != read_setting(each, cell.setting) for each in plan.unreduced(run_id)):
        return value, (mark,)
    return value, ()


def layer_setting(architectures: Path, cell: LayerCell) -> Value:
    """Return kernel, filters or stride of one layer, counted as papers do: convolutions and the average.

    Raises:
        ReproError: there is no such network or layer, or the layer has no such thing.
    """
    layers = network(read_architectures(architectures), cell.network).windows
    place = f"{cell.paper}/{cell.artefact}: layer {cell.layer} of {cell.network}"
    if cell.layer > len(layers):
        raise ReproError(
            f"{place} does not exist", remedy=f"the network has {len(layers)} layers; mend the sheet"
        )
    value = getattr(layers[cell.layer - 1], cell.setting) if cell.setting in LAYER_SETTINGS else None
    if value is None:
        raise ReproError(
            f"{place} has no {cell.setting!r}",
            remedy=f"name one of {', '.join(LAYER_SETTINGS)}, or mark the cell as absent in the sheet",
        )
    return float(value)
