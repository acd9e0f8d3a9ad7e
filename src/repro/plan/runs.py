"""Collects a plan's runs: those of a recipe, one a seed, and what they start from or are measured with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from repro.core.errors import ReproError
from repro.core.spec import EvaluationSpec, Options, RunSpec, stand_ins_in_order
from repro.data.catalogue import dataset_info
from repro.evaluate.registry import needs
from repro.plan.config import EXTRACTOR, Config
from repro.plan.evaluations import evaluation_of
from repro.plan.names import qualified
from repro.plan.profile import Profile
from repro.plan.resolve import run_spec, seeds_for, work_for
from repro.plan.searches import recipe_in_use
from repro.plan.sheet import Convention, Recipe

Spec = TypeVar("Spec", RunSpec, EvaluationSpec)
UNREDUCED = Profile(name="unreduced", title="the recipes as they are written", data="real")


@dataclass
class PlannedRuns:
    """Runs and evaluations by their ids, in a stable order.

    ``recipes`` are those that ask for a run, by name, first the one whose name it has. ``asked`` holds each
    run by what a cell asked for: many cells ask for the same one.
    """

    config: Config
    runs: dict[str, RunSpec] = field(default_factory=dict)
    evaluations: dict[str, EvaluationSpec] = field(default_factory=dict)
    recipes: dict[str, dict[str, Recipe]] = field(default_factory=dict)
    asked: dict[tuple[str, int, str | None, str], RunSpec] = field(default_factory=dict, repr=False)

    def level(self, run_id: str) -> int:
        """Return how many runs a run follows: 0 for one that starts from scratch."""
        parent = self.runs[run_id].parent
        return 0 if parent is None else 1 + self.level(parent)

    def unreduced(self, run_id: str) -> list[RunSpec]:
        """Return a run as each recipe that asks for it is written, whatever the profile pays for."""
        run = self.runs[run_id]
        return [
            run_spec(UNREDUCED, name, recipe, run.seed, dataset=run.dataset, options=run.options)
            for name, recipe in self.recipes[run_id].items()
        ]

    def processes(self, run_id: str) -> int:
        """Return how many processes train a run together: the most that a recipe of it is given."""
        profile, dataset = self.config.profile, self.runs[run_id].dataset
        given = (work_for(profile, *named, dataset).processes for named in self.recipes[run_id].items())
        return max(processes or 1 for processes in given)

    def enter_run(self, run: RunSpec, recipe: Recipe) -> RunSpec:
        """Add a run; a shared one keeps the name of the recipe that asked first, and the marks of all.

        The same training may be a whole budget to one recipe and a part of it to another.
        """
        self.recipes.setdefault(run.run_id, {}).setdefault(run.recipe, recipe)
        self.runs[run.run_id] = _marked(self.runs.get(run.run_id, run), run)
        return self.runs[run.run_id]

    def evaluate(
        self, name: str, convention: Convention, measured: RunSpec | str, *, seed: int = 0
    ) -> EvaluationSpec:
        """Enter one evaluation (``paper.evaluation``) of a run or a data set, and the runs that it needs."""
        declared = self.config.evaluations[name]
        surrogate = extractor = None
        if declared.surrogate and not isinstance(measured, str):
            surrogate = self._surrogate(qualified(declared.surrogate, name.partition(".")[0]), measured)
        wanted = needs(declared.measure)
        if wanted.features and not wanted.extractor and self.config.profile.extractor == "embedded":
            extractor = self._extractor(measured if isinstance(measured, str) else measured.dataset)
        evaluation = evaluation_of(
            self.config.profile, declared, convention, measured,
            seed=seed, surrogate=surrogate, extractor=extractor,
        )  # fmt: skip
        return self.enter_evaluation(evaluation)

    def enter_evaluation(self, evaluation: EvaluationSpec) -> EvaluationSpec:
        """Add an evaluation; a shared one keeps the marks of all that ask for it."""
        name = evaluation.evaluation_id
        self.evaluations[name] = _marked(self.evaluations.get(name, evaluation), evaluation)
        return self.evaluations[name]

    def of_recipe(self, name: str, dataset: str | None, options: Options) -> Iterator[RunSpec]:
        """Yield one run of a recipe (``paper.recipe``) for each seed, all entered."""
        recipe = recipe_in_use(self.config, name, dataset)
        for seed in self._seeds(name, recipe, dataset):
            yield self._run(name, recipe, seed, dataset, options)

    def _surrogate(self, name: str, run: RunSpec) -> RunSpec:
        """Return the run of a recipe that an indirect attack on ``run`` takes its gradients from.

        It is of the next seed, in a circle; a profile with a single seed trains one more for it.
        """
        recipe = recipe_in_use(self.config, name, run.dataset)
        count = max(2, len(self._seeds(name, recipe, run.dataset)))
        return self._run(name, recipe, (run.seed + 1) % count, run.dataset)

    def _extractor(self, dataset: str) -> RunSpec:
        """Return the run of the embedded feature extractor of a data set, or of that which lends it one."""
        settings = self.config.settings
        lender = settings.extractor_from.get(dataset, dataset)
        if not dataset_info(lender).classes:
            raise ReproError(
                f"{lender} has no classes to train a feature extractor on",
                remedy="let another set lend it one, in config/config.yaml, such as "
                f"extractor_from: {{{dataset}: tiny_imagenet}}",
            )
        return self._run(EXTRACTOR, settings.extractor, 0, lender)

    def _seeds(self, name: str, recipe: Recipe, dataset: str | None) -> range:
        profile = self.config.profile
        return seeds_for(profile, work_for(profile, name, recipe, dataset), recipe)

    def _run(
        self, name: str, recipe: Recipe, seed: int, dataset: str | None, options: Options | None = None
    ) -> RunSpec:
        """Enter one run, after the one that it starts from: of the same seed and data set."""
        key = (name, seed, dataset, repr(options or {}))
        if key in self.asked:
            return self.asked[key]
        parent = None
        if recipe.start_from is not None:
            source = qualified(recipe.start_from, name.partition(".")[0])
            parent = self._run(source, recipe_in_use(self.config, source, dataset), seed, dataset)
        profile = self.config.profile
        run = run_spec(profile, name, recipe, seed, dataset=dataset, options=options, parent=parent)
        self.asked[key] = self.enter_run(run, recipe)
        return self.asked[key]


def _marked(first: Spec, other: Spec) -> Spec:
    """Return ``first`` with the stand-ins of both."""
    if first.stand_ins == other.stand_ins:
        return first
    return first.model_copy(update={"stand_ins": stand_ins_in_order(first.stand_ins + other.stand_ins)})
