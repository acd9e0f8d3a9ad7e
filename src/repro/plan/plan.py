"""The whole plan of a profile: every run, every evaluation, every cell, and how they depend on each other.

Torch-free, since the DAG reads it each time that Snakemake starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from repro.core.errors import ReproError
from repro.core.spec import EvaluationSpec, RunSpec, StandIn
from repro.plan.cells import Cell, cells_of, qualified
from repro.plan.config import EXTRACTOR, Config
from repro.plan.evaluations import evaluation_of
from repro.plan.resolve import in_order, run_spec, seeds_for, work_for
from repro.plan.searches import PlannedSearch, recipe_in_use, searches_of


@dataclass(frozen=True)
class PlannedCell:
    """A cell with the evaluations that measure it, one per seed, and those that are subtracted from them.

    A setting has runs (or, read from a network, none) and no evaluations; of real data it is the other way.
    """

    cell: Cell
    evaluations: tuple[str, ...] = ()
    subtracted: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    stand_ins: tuple[StandIn, ...] = ()


@dataclass
class Plan:
    """All that one profile does. ``runs`` and ``evaluations`` are keyed by their ids, in a stable order.

    ``only_searched`` holds the ids of runs and evaluations that no artefact asks for, only a search.
    """

    config: Config
    runs: dict[str, RunSpec] = field(default_factory=dict)
    evaluations: dict[str, EvaluationSpec] = field(default_factory=dict)
    cells: dict[str, list[PlannedCell]] = field(default_factory=dict)
    searches: dict[str, PlannedSearch] = field(default_factory=dict)
    only_searched: set[str] = field(default_factory=set)

    def artefact_ids(self) -> list[str]:
        """Return every artefact as ``paper/name``, in the order of the sheets."""
        return list(self.cells)

    def find_search(self, search_id: str) -> PlannedSearch:
        """Return a search by ``paper/name``.

        Raises:
            ReproError: there is no such search.
        """
        if search_id not in self.searches:
            raise ReproError(
                f"there is no search {search_id!r}", remedy=f"use one of {', '.join(self.searches) or 'none'}"
            )
        return self.searches[search_id]

    def level(self, run_id: str) -> int:
        """Return how many runs a run follows: 0 for one that starts from scratch."""
        parent = self.runs[run_id].parent
        return 0 if parent is None else 1 + self.level(parent)


def build_plan(config: Config) -> Plan:
    """Bind every live cell of every sheet to runs and evaluations under the configuration's profile."""
    plan = Plan(config)
    wanted = config.profile.artefacts
    for paper, sheet in config.sheets.items():
        for name in sheet.artefacts:
            if wanted is None or f"{paper}/{name}" in wanted:
                plan.cells[f"{paper}/{name}"] = [_bind(plan, cell) for cell in cells_of(config, paper, name)]
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
            _enter(plan, run)
            plan.evaluations.setdefault(evaluation.evaluation_id, evaluation)


def _bind(plan: Plan, cell: Cell) -> PlannedCell:
    """Enter a cell's runs and evaluations into the plan."""
    if cell.status != "live" or cell.network:
        return PlannedCell(cell)
    if cell.setting:
        return PlannedCell(cell, runs=tuple(run.run_id for run in _runs(plan, cell, cell.recipe)))
    if not cell.recipe:
        return _real_data(plan, cell)
    pairs = list(_measured(plan, cell, cell.recipe))
    others = list(_measured(plan, cell, cell.minus)) if cell.minus else []
    both = pairs + others
    return PlannedCell(
        cell,
        evaluations=tuple(evaluation.evaluation_id for _, evaluation in pairs),
        subtracted=tuple(evaluation.evaluation_id for _, evaluation in others),
        runs=tuple(dict.fromkeys(run.run_id for run, _ in both)),
        stand_ins=in_order(name for _, evaluation in both for name in evaluation.stand_ins),
    )


def _real_data(plan: Plan, cell: Cell) -> PlannedCell:
    """Enter the evaluations of a data set itself; a seed shuffles its images before the scores."""
    profile = plan.config.profile
    found = [_evaluation(plan, cell, None, profile.first_seed + index) for index in range(profile.min_seeds)]
    plan.evaluations |= {evaluation.evaluation_id: evaluation for evaluation in found}
    names = tuple(evaluation.evaluation_id for evaluation in found)
    return PlannedCell(cell, evaluations=names, stand_ins=found[0].stand_ins)


def _measured(plan: Plan, cell: Cell, recipe_name: str) -> Iterator[tuple[RunSpec, EvaluationSpec]]:
    """Yield the run and the evaluation of each seed."""
    for run in _runs(plan, cell, recipe_name):
        evaluation = _evaluation(plan, cell, run, surrogate=_surrogate(plan, cell, run))
        plan.evaluations[evaluation.evaluation_id] = evaluation
        yield run, evaluation


def _surrogate(plan: Plan, cell: Cell, run: RunSpec) -> RunSpec | None:
    """Return the run that an indirect attack on ``run`` takes its gradients from, its next seed in a circle.

    A profile with a single seed trains one more for it.
    """
    assert cell.evaluation is not None  # live cells have one
    if cell.evaluation.surrogate is None:
        return None
    profile, name = plan.config.profile, qualified(cell.evaluation.surrogate, cell.paper)
    recipe = recipe_in_use(plan.config, name, run.dataset)
    if recipe is None:
        raise ReproError(
            f"{cell.paper}/{cell.artefact} takes gradients from {name}, which nobody declares",
            where=plan.config.sheet_path(cell.paper),
            remedy="declare that recipe, or mend surrogate",
        )
    count = len(seeds_for(profile, work_for(profile, name, recipe, run.dataset), recipe))
    seed = profile.first_seed + (run.seed - profile.first_seed + 1) % max(2, count)
    parent = _parent(plan, name, recipe.start_from, seed, run.dataset)
    return _enter(plan, run_spec(profile, name, recipe, seed, dataset=run.dataset, parent=parent))


def _runs(plan: Plan, cell: Cell, recipe_name: str) -> Iterator[RunSpec]:
    """Yield one run per seed, each with the runs that it starts from entered into the plan."""
    profile = plan.config.profile
    recipe = recipe_in_use(plan.config, recipe_name, cell.dataset)
    assert recipe is not None  # cells_of has checked the name
    options = dict(cell.run_options)
    for seed in seeds_for(profile, work_for(profile, recipe_name, recipe, cell.dataset), recipe):
        parent = _parent(plan, recipe_name, recipe.start_from, seed, cell.dataset)
        run = run_spec(
            profile,
            recipe_name,
            recipe,
            seed,
            dataset=cell.dataset,
            options=options,  # type: ignore[arg-type]
            parent=parent,
        )
        yield _enter(plan, run)


def _enter(plan: Plan, run: RunSpec) -> RunSpec:
    """Add a run unless the plan has it; a shared run keeps the name of the recipe that asked first."""
    return plan.runs.setdefault(run.run_id, run)


def _parent(plan: Plan, child: str, start_from: str | None, seed: int, dataset: str | None) -> RunSpec | None:
    """Return the run that a recipe starts from, same seed and data set."""
    if start_from is None:
        return None
    paper = child.partition(".")[0]
    name = qualified(start_from, paper)
    recipe = recipe_in_use(plan.config, name, dataset)
    if recipe is None:
        raise ReproError(
            f"recipe {child} starts from {name}, which nobody declares",
            where=plan.config.sheet_path(paper),
            remedy="declare that recipe, or mend start_from",
        )
    grandparent = _parent(plan, name, recipe.start_from, seed, dataset)
    return _enter(
        plan, run_spec(plan.config.profile, name, recipe, seed, dataset=dataset, parent=grandparent)
    )


def _evaluation(
    plan: Plan, cell: Cell, run: RunSpec | None, seed: int = 0, surrogate: RunSpec | None = None
) -> EvaluationSpec:
    """Return the evaluation of one run that a cell asks for; without a run, that of the cell's data set."""
    extractor, dataset = None, run.dataset if run else cell.dataset
    if cell.evaluation and cell.evaluation.features and plan.config.profile.extractor == "embedded":
        assert dataset is not None
        extractor = _extractor(plan, dataset)
    return evaluation_of(plan.config.profile, cell, run, seed=seed, surrogate=surrogate, extractor=extractor)


def _extractor(plan: Plan, dataset: str) -> RunSpec:
    """Return the run of the embedded feature extractor for one data set, or for that which lends it one."""
    settings = plan.config.settings
    recipe, dataset = settings.extractor, settings.extractor_from.get(dataset, dataset)
    run = run_spec(plan.config.profile, EXTRACTOR, recipe, plan.config.profile.first_seed, dataset=dataset)
    return _enter(plan, run)
