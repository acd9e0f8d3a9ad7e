"""Searches of what a paper leaves open, on validation images; planned as runs and evaluations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from repro.core.spec import EvaluationSpec, Options, OptionValue, RunSpec
from repro.plan.config import Config
from repro.plan.evaluations import evaluation_of
from repro.plan.names import qualified
from repro.plan.profile import Profile
from repro.plan.resolve import run_spec, seeds_for, work_for
from repro.plan.sheet import NO_OPTIONS, PRECISION, SCHEDULE, Recipe, Search


@dataclass(frozen=True)
class Candidate:
    """One value of a search on one data set, with its runs and their evaluations, one for each seed."""

    dataset: str
    value: OptionValue
    runs: tuple[RunSpec, ...]
    evaluations: tuple[EvaluationSpec, ...]


@dataclass(frozen=True)
class PlannedSearch:
    """A search and all its candidates, data set by data set, in the order of its values."""

    paper: str
    name: str
    search: Search
    recipe: Recipe
    candidates: tuple[Candidate, ...]

    @property
    def id(self) -> str:
        """E.g. ``gat/c_g``."""
        return f"{self.paper}/{self.name}"


def adopted_key(search_id: str, dataset: str) -> str:
    """Return the key in ``config/searched.yaml`` of a search on a data set, e.g. ``gat/c_g@cifar10``."""
    return f"{search_id}@{dataset}"


def value_in_use(config: Config, planned: PlannedSearch, dataset: str) -> OptionValue:
    """Return the value that recipes take: the adopted one, or the sheet's.

    A batch size that the profile sets is the one in use; the number format is always the profile's. Where the
    profile sets a run's length, adopted epochs count for nothing, and the sheet's are in use.
    """
    search, recipe = planned.search, planned.recipe
    work = work_for(config.profile, qualified(search.recipe, planned.paper), recipe, dataset)
    if search.option == PRECISION:
        return work.precision or config.profile.precision
    if search.option == "batch_size" and work.batch_size is not None:
        return work.batch_size
    if search.option == "epochs" and (work.epochs is not None or work.steps is not None):
        return declared(recipe, search)
    adopted = config.searched.get(adopted_key(planned.id, dataset))
    return declared(recipe, search) if adopted is None else adopted


def declared(recipe: Recipe, search: Search) -> OptionValue:
    """Return the value that a recipe states for a search's option, else the one that the search starts at."""
    if search.option in SCHEDULE:
        value: OptionValue = getattr(recipe.budget, search.option)
        return value
    return recipe.options.get(search.option, search.start)


def recipe_in_use(config: Config, name: str, dataset: str | None) -> Recipe:
    """Return a recipe (``paper.recipe``) with the values that searches on ``dataset`` have found for it.

    Values are adopted by ``repro search adopt``, which writes ``config/searched.yaml``; without that file a
    recipe is as its sheet declares it.
    """
    recipe = config.recipes[name]
    for paper, sheet in config.sheets.items():
        for search_name, search in sheet.searches.items():
            key = adopted_key(f"{paper}/{search_name}", dataset or recipe.dataset)
            if key not in config.searched:
                continue
            if name in {qualified(user, paper) for user in (search.recipe, *search.used_by)}:
                value = config.searched[key]
                if value != declared(recipe, search):  # else its runs stay what they are
                    recipe = _with(recipe, search.option, value)
    return recipe


def _with(recipe: Recipe, option: str, value: OptionValue) -> Recipe:
    if option in SCHEDULE:
        budget = recipe.budget.model_copy(update={option: value})
        return recipe.model_copy(update={"budget": budget})
    return recipe.model_copy(update={"options": {**recipe.options, option: value}})


def searches_of(config: Config, paper: str) -> Iterator[PlannedSearch]:
    """Yield a paper's planned searches, but for those of recipes that the profile leaves out.

    One starts from what the sheet declares, not from adopted values.
    """
    for name, search in config.sheets[paper].searches.items():
        if not config.profile.wants_search(f"{paper}/{name}"):
            continue
        recipe_name = qualified(search.recipe, paper)
        recipe = config.recipes[recipe_name]
        evaluation = config.evaluations[qualified(search.evaluation, paper)]
        candidates = []
        for dataset in search.datasets or (recipe.dataset,):
            if config.profile.leaves_out(recipe_name, dataset):
                continue
            for value in search.values:
                runs = tuple(_runs(config.profile, recipe_name, recipe, search, dataset, value))
                measured = tuple(evaluation_of(config.profile, evaluation, "standard", run) for run in runs)
                candidates.append(Candidate(dataset, value, runs, measured))
        if candidates:
            yield PlannedSearch(paper, name, search, recipe, tuple(candidates))


def _runs(
    profile: Profile, name: str, recipe: Recipe, search: Search, dataset: str, value: OptionValue
) -> Iterator[RunSpec]:
    """Yield the runs of one value, one for each seed, with the work that the profile pays for in searches."""
    paid = profile.searches
    options: Options = {}
    default = search.option not in recipe.options and value == search.start
    if search.option not in NO_OPTIONS and not default:  # the method's own value: the same run as without it
        options[search.option] = value
    for seed in seeds_for(profile, work_for(profile, name, recipe, dataset, paid), recipe, search.seeds):
        run = run_spec(profile, name, recipe, seed, dataset=dataset, options=options, over=paid)
        if search.option == "batch_size":  # as many images seen, in batches of another size
            size = int(str(value))
            steps = max(1, round(run.steps * run.batch_size / size))
            run = run.model_copy(update={"batch_size": size, "steps": steps})
        elif search.option == PRECISION:
            run = run.model_copy(update={"precision": value})
        elif search.option == "epochs" and recipe.budget.epochs:  # in steps it is refused beforehand
            factor = float(str(value)) / recipe.budget.epochs
            run = run.model_copy(update={"steps": max(1, round(run.steps * factor))})
        yield RunSpec.model_validate(run.model_dump())  # a copy would keep the old run's cached id
