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
from repro.plan.cells import Cell, find_recipe
from repro.plan.plan import Plan, PlannedCell
from repro.plan.profile import Profile
from repro.plan.resolve import run_spec

RUN_SETTINGS = ("batch_size", "steps", "width", "precision")
DATA_SETTINGS = ("height", "width", "channels", "classes")
LAYER_SETTINGS = ("kernel", "filters", "stride")
UNREDUCED = Profile(name="unreduced", title="the recipes as they are written", data="real")
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


def used(
    plan: Plan, batches: Batches, layout: Layout, planned: PlannedCell
) -> tuple[Value, tuple[StandIn, ...]]:
    """Return the setting that a live cell asks for, and the mark if the profile changed that very setting.

    Raises:
        ReproError: the run's record is missing or is not what the DAG's rule wrote, or there is no such
            setting, network or layer.
    """
    cell = planned.cell
    if cell.network:
        return layer_setting(layout.root / "architectures.json", cell), ()
    run = _ran(batches, layout, planned.runs[0])  # seeds differ in the seed alone
    value = read_setting(run, cell.setting)
    mark = REDUCES.get(cell.setting)
    if (
        mark is None
        or mark not in run.stand_ins
        or value
        == read_setting(unreduced(plan, cell.recipe, cell.dataset, dict(cell.run_options)), cell.setting)
    ):
        return value, ()
    return value, (mark,)


def layer_setting(architectures: Path, cell: Cell) -> Value:
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


def _ran(batches: Batches, layout: Layout, run_id: str) -> RunSpec:
    """Return the configuration that a finished run recorded."""
    path = listed_file(layout, "train", batches.train_of[run_id], run_id)
    record = read_json(path, remedy=TRAIN_ANEW)
    return RunSpec.model_validate(record["spec"])


def unreduced(plan: Plan, recipe_name: str, dataset: str | None, options: Mapping[str, object]) -> RunSpec:
    """Return the run as its recipe (``paper.recipe``) is written, whatever the profile pays for."""
    recipe = find_recipe(plan.config, recipe_name)
    assert recipe is not None  # cells_of has checked the name
    return run_spec(UNREDUCED, recipe_name, recipe, 0, dataset=dataset, options=dict(options))  # type: ignore[arg-type]
