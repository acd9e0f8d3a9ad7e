"""The whole plan of a profile: every run, every evaluation, every cell, and how they depend on each other.

The sheets' names are resolved here, once. Torch-free: the DAG reads it each time that Snakemake starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from repro.core.cell_key import row_key
from repro.core.errors import ReproError
from repro.core.named import named
from repro.core.spec import Options, RunSpec, stand_ins_in_order
from repro.core.yaml_lines import load_yaml
from repro.evaluate.registry import needs
from repro.plan.cells import (
    CellPlace,
    CitedCell,
    LayerCell,
    MeasuredCell,
    PendingCell,
    PlannedCell,
    SettingCell,
)
from repro.plan.config import Config
from repro.plan.names import qualified
from repro.plan.runs import PlannedRuns
from repro.plan.searches import PlannedSearch, searches_of
from repro.plan.sheet import CellFields

T = TypeVar("T")


@dataclass
class Plan(PlannedRuns):
    """All that one profile does.

    ``only_searched`` holds the ids of runs and evaluations that no artefact asks for, only a search.
    """

    cells: dict[str, list[PlannedCell]] = field(default_factory=dict)
    searches: dict[str, PlannedSearch] = field(default_factory=dict)
    only_searched: set[str] = field(default_factory=set)

    def lineage(self, run_id: str) -> Iterator[RunSpec]:
        """Yield a run, then the one that it starts from, and so on."""
        run = self.runs[run_id]
        yield run
        if run.parent:
            yield from self.lineage(run.parent)

    def find_artefact(self, name: str) -> str:
        """Return an artefact's id by ``paper/name``, or by ``paper_name`` or ``paper.name``.

        Raises:
            ReproError: there is no such artefact.
        """
        return named("artefact", name, self.cells)

    def find_search(self, search_id: str) -> PlannedSearch:
        """Return a search by ``paper/name``.

        Raises:
            ReproError: there is no such search.
        """
        return self.searches[named("search", search_id, self.searches)]


def build_plan(config: Config) -> Plan:
    """Bind every cell of every sheet to runs and evaluations under the configuration's profile."""
    plan = Plan(config)
    wanted = config.profile.artefacts
    for paper, sheet in config.sheets.items():
        for name in sheet.artefacts:
            if wanted is None or f"{paper}/{name}" in wanted:
                plan.cells[f"{paper}/{name}"] = list(_cells(plan, paper, name))
    for paper in config.sheets:
        for search in searches_of(config, paper):
            plan.searches[search.id] = search
            _enter_search(plan, search)
    return plan


def _enter_search(plan: Plan, search: PlannedSearch) -> None:
    """Enter a search's runs and evaluations into the plan."""
    for candidate in search.candidates:
        for run, evaluation in zip(candidate.runs, candidate.evaluations, strict=True):
            plan.only_searched |= {run.run_id} - plan.runs.keys()
            plan.only_searched |= {evaluation.evaluation_id} - plan.evaluations.keys()
            plan.enter_run(run, search.recipe)
            plan.enter_evaluation(evaluation)


def _cells(plan: Plan, paper: str, name: str) -> Iterator[PlannedCell]:
    """Yield every cell of one artefact, row by row, in the order of the sheet."""
    for number, panel in enumerate(plan.config.sheets[paper].artefacts[name].panels):
        for index, row in enumerate(panel.rows):
            for column in panel.columns:
                asked = panel.fields(row, column)
                place = CellPlace(
                    paper=paper,
                    artefact=name,
                    row=row_key(panel.name, row.name),
                    column=column.name,
                    metric=asked.cell_metric,
                )
                try:
                    yield from () if asked.absent else _bind(plan, place, asked, column.options)
                except ReproError as error:
                    path = plan.config.sheet_path(paper)
                    line = load_yaml(path)[1](("artefacts", name, "panels", number, "rows", index))
                    message = f"{paper}/{name}: {error.message}"
                    raise ReproError(message, where=path, line=line, remedy=error.remedy) from error


def _bind(plan: Plan, place: CellPlace, asked: CellFields, of_column: Options) -> Iterator[PlannedCell]:
    """Yield a cell with its runs and evaluations entered: once per convention where it is measured.

    What is taken off (``minus``, ``passes``) has the column's options, as the setting of both, not the row's.
    """
    config, paper = plan.config, place["paper"]
    recipe = asked.recipe and qualified(asked.recipe, paper)
    other = asked.passes.recipe if asked.passes else asked.minus
    other = other and qualified(other, paper)
    at = "/".join((paper, place["artefact"], place["row"], place["column"]))
    if asked.cited:
        yield CitedCell(**place)
    elif asked.pending or not (asked.setting or asked.evaluation):
        reason = asked.pending or "the sheet names no evaluation and no setting for it yet"
        yield PendingCell(**place, reason=reason)
    elif reason := next(filter(None, _untrained(config, paper, asked, other)), "") or (
        config.profile.leaves_out_cell(at)
    ):
        yield PendingCell(**place, reason=reason)
    elif asked.setting and asked.network:
        layer = _given(asked.layer, "layer", asked.setting)
        yield LayerCell(**place, setting=asked.setting, network=asked.network, layer=layer)
    elif asked.setting:
        runs = plan.of_recipe(_given(recipe, "recipe", asked.setting), asked.dataset, asked.options)
        ids = tuple(run.run_id for run in runs)
        yield SettingCell(**place, setting=asked.setting, stated=asked.stated, runs=ids)
    elif asked.evaluation:
        name = qualified(asked.evaluation, paper)
        for convention in config.evaluations[name].conventions:
            measure = partial(plan.evaluate, name, convention)
            if needs(config.evaluations[name].measure).run:
                recipes = [_given(recipe, "recipe", name), *([other] if other else [])]
                pairs = [
                    plan.of_recipe(each, asked.dataset, of_column if index else asked.options)
                    for index, each in enumerate(recipes)
                ]
                sides = [[measure(run) for run in runs] for runs in pairs]
            else:
                if other:
                    raise ReproError(
                        f"{name} measures a data set, which has no run to compare with {other}",
                        remedy="take minus or passes out of its row or column",
                    )
                dataset = _given(asked.dataset, "dataset", name)
                shuffles = range(config.profile.min_seeds)  # of its images
                sides = [[measure(dataset, seed=seed) for seed in shuffles]]
            specs = [spec for side in sides for spec in side]
            yield MeasuredCell(
                **place,
                convention=convention,
                value=asked.value or place["metric"],
                seeds=tuple(zip(*([spec.evaluation_id for spec in side] for side in sides), strict=False)),
                runs=tuple(dict.fromkeys(spec.run for spec in specs if spec.run in plan.runs)),
                stand_ins=stand_ins_in_order(mark for spec in specs for mark in spec.stand_ins),
                passing=asked.passes,
            )


def _untrained(config: Config, paper: str, asked: CellFields, other: str | None) -> Iterator[str]:
    """Yield, for each recipe that a cell needs, why the profile does not train it; or ""."""
    if asked.recipe:
        recipe, evaluation = (qualified(name, paper) for name in (asked.recipe, asked.evaluation or ""))
        yield from _lineage(config, recipe, asked.dataset)
        surrogate = config.evaluations[evaluation].surrogate if asked.evaluation else None
        if surrogate:
            dataset = asked.dataset or config.recipes[recipe].dataset
            yield from _lineage(config, qualified(surrogate, evaluation.partition(".")[0]), dataset)
    if other:
        yield from _lineage(config, other, asked.dataset)


def _lineage(
    config: Config, recipe: str, dataset: str | None, children: tuple[str, ...] = ()
) -> Iterator[str]:
    """Yield the same for a recipe and all that it starts from; ``children`` start from it."""
    if recipe in children:
        raise ReproError(
            f"recipe {recipe} starts from itself",
            remedy="let it, or one that it starts from, start from scratch",
        )
    declared = config.recipes[recipe]
    yield config.profile.leaves_out(recipe, dataset or declared.dataset)
    if declared.start_from:
        parent = qualified(declared.start_from, recipe.partition(".")[0])
        yield from _lineage(config, parent, dataset, (*children, recipe))


def _given(value: T | None, what: str, asked_for: str) -> T:
    """Return what a cell cannot do without."""
    if value is None:
        raise ReproError(f"a cell names no {what} for {asked_for}", remedy=f"give its row or column a {what}")
    return value
