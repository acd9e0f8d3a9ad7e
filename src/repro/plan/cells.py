"""From a sheet's rows and columns to single cells: what is asked, of which recipe, under which convention."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from repro.core.errors import ReproError
from repro.core.row_key import row_key
from repro.core.spec import Options
from repro.core.yaml_lines import load_yaml
from repro.data.catalogue import CATALOGUE
from repro.plan.config import Config
from repro.plan.sheet import CellFields, Entry, Evaluation, Panel, Recipe

Status = Literal["live", "pending", "cited"]


@dataclass(frozen=True)
class Cell:
    """One cell of one artefact under one convention, before it is bound to runs.

    ``row`` carries the panel's name in front where the panel has one. ``recipe`` is
    ``<paper>.<recipe>``; ``minus`` names a second recipe whose value is subtracted. A live cell has an
    evaluation or a setting; one with neither recipe nor network measures a data set itself.
    """

    paper: str
    artefact: str
    row: str
    column: str
    metric: str
    convention: str
    status: Status
    reason: str = ""
    recipe: str = ""
    minus: str = ""
    dataset: str | None = None
    evaluation: Evaluation | None = None
    value: str = ""
    setting: str = ""
    stated: str = ""
    network: str = ""
    layer: int = 0
    run_options: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a cell stands in its sheet, for errors: artefact, and numbers of panel, row and column from 0."""

    config: Config
    paper: str
    name: str
    panel: int
    row: int
    column: int

    def unknown(self, message: str, *, in_row: bool) -> ReproError:
        """Build the error for a name that nobody declares, with the line of the row or the column."""
        path = self.config.sheet_path(self.paper)
        _, line_of = load_yaml(path)
        entry: tuple[str | int, ...] = ("rows", self.row) if in_row else ("columns", self.column)
        return ReproError(
            f"{self.paper}/{self.name}: {message}",
            where=path,
            line=line_of(("artefacts", self.name, "panels", self.panel, *entry)),
            remedy="declare it under recipes or evaluations of a sheet, or mend the name",
        )


def qualified(name: str, paper: str) -> str:
    """Return ``paper.recipe`` for a recipe's name as written in the sheet of ``paper``."""
    return name if "." in name else f"{paper}.{name}"


def find_recipe(config: Config, name: str) -> Recipe | None:
    """Look up ``paper.recipe``; None where there is none."""
    paper, _, recipe = name.partition(".")
    sheet = config.sheets.get(paper)
    return None if sheet is None else sheet.recipes.get(recipe)


def find_evaluation(config: Config, name: str, paper: str) -> Evaluation | None:
    """Look up an evaluation by ``evaluation`` or ``paper.evaluation``."""
    owner, _, evaluation = qualified(name, paper).partition(".")
    sheet = config.sheets.get(owner)
    return None if sheet is None else sheet.evaluations.get(evaluation)


def cells_of(config: Config, paper: str, name: str) -> Iterator[Cell]:
    """Yield every cell of one artefact, row by row, in the order of the sheet."""
    artefact = config.sheets[paper].artefacts[name]
    for panel_number, panel in enumerate(artefact.panels):
        for row_number, row in enumerate(panel.rows):
            for column_number, column in enumerate(panel.columns):
                place = Place(config, paper, name, panel_number, row_number, column_number)
                merged = _merge(panel, row, column)
                if not merged.absent:
                    yield from _conventions(place, panel, row, column, merged)


def _merge(panel: Panel, row: Entry, column: Entry) -> CellFields:
    """Merge column, row and overrides; later ones win, options are merged key by key."""
    fields: dict[str, object] = {}
    options: Options = {}
    layers: list[CellFields] = [column, row]
    layers += [
        override
        for override in panel.overrides
        if (override.row, override.column) == (row.name, column.name)
        and override.on_metric in (None, column.metric)
    ]
    for layer in layers:
        given = layer.model_dump(include=set(CellFields.model_fields), exclude_unset=True)
        options |= given.pop("options", {})
        fields |= {key: value for key, value in given.items() if value is not None}
    return CellFields.model_validate({**fields, "options": options})


def _conventions(place: Place, panel: Panel, row: Entry, column: Entry, merged: CellFields) -> Iterator[Cell]:
    """Yield the cell once per convention of its evaluation; pending and cited cells once."""
    config, paper = place.config, place.paper
    shown = row_key(panel.name, row.name)
    metric = merged.metric or merged.value or "value"
    cell = partial(Cell, paper=paper, artefact=place.name, row=shown, column=column.name, metric=metric)
    if merged.cited:
        yield cell(convention="standard", status="cited", reason="taken from another paper")
        return
    if merged.pending or not (merged.setting or merged.evaluation):
        reason = merged.pending or "the sheet names no evaluation and no setting for it yet"
        yield cell(convention="standard", status="pending", reason=reason)
        return
    if merged.dataset is not None and merged.dataset not in CATALOGUE:
        raise place.unknown(f"there is no data set {merged.dataset!r}", in_row=bool(row.dataset))
    recipe = qualified(merged.recipe, paper) if merged.recipe else ""
    found = find_recipe(config, recipe) if recipe else None
    if recipe and found is None:
        raise place.unknown(f"there is no recipe {recipe!r}", in_row=bool(row.recipe))
    at = f"{paper}/{place.name}/{shown}/{column.name}"
    if found and config.profile.leaves_out(recipe, merged.dataset or found.dataset, at):
        reason = f"profile {config.profile.name} does not train {recipe} on this data set or for this cell"
        yield cell(convention="standard", status="pending", reason=reason)
        return
    cell = partial(
        cell, status="live", dataset=merged.dataset, run_options=tuple(sorted(merged.options.items()))
    )
    if merged.setting:
        yield _setting(place, cell, recipe, merged)
        return
    assert merged.evaluation is not None
    evaluation = find_evaluation(config, merged.evaluation, paper)
    if evaluation is None:
        raise place.unknown(f"there is no evaluation {merged.evaluation!r}", in_row=bool(row.evaluation))
    needed, given = ("recipe", recipe) if evaluation.needs_run else ("dataset", merged.dataset)
    if not given:
        raise place.unknown(f"{shown} names no {needed} for {merged.evaluation} to measure", in_row=True)
    minus = ""
    if merged.minus is not None:
        rows = {entry.name: entry.recipe for entry in panel.rows}
        minus = qualified(rows.get(merged.minus) or merged.minus, paper)
        if find_recipe(config, minus) is None:
            raise place.unknown(f"minus names no recipe, no row: {merged.minus!r}", in_row=bool(row.minus))
    for convention in evaluation.conventions:
        yield cell(
            convention=convention,
            recipe=recipe if evaluation.needs_run else "",
            minus=minus,
            evaluation=evaluation,
            value=merged.value or metric,
        )


def _setting(place: Place, cell: Callable[..., Cell], recipe: str, merged: CellFields) -> Cell:
    """Return a cell that is read from a recipe as it ran, or from a layer of a network."""
    if not (merged.layer if merged.network else recipe):
        missing = "layer" if merged.network else "recipe"
        raise place.unknown(f"the setting {merged.setting!r} names no {missing}", in_row=True)
    if merged.network:
        return cell(convention="standard", setting=merged.setting, network=merged.network, layer=merged.layer)
    return cell(convention="standard", setting=merged.setting, stated=merged.stated or "", recipe=recipe)
