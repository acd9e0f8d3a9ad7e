"""Checks a whole plan against the methods and measurements that exist, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from repro.compose.paper_files import check_paper_files
from repro.compose.settings import read_setting
from repro.core.by_name import unread
from repro.core.errors import ReproError
from repro.core.named import named
from repro.core.spec import EvaluationSpec, RunSpec
from repro.core.yaml_lines import load_yaml
from repro.cost.measure import read_comparisons
from repro.evaluate import registry as measurements
from repro.methods import registry as methods
from repro.plan.cells import MeasuredCell, SettingCell
from repro.plan.config import PAPERS, Config
from repro.plan.names import qualified
from repro.plan.plan import Plan
from repro.plan.searches import PlannedSearch
from repro.plan.sheet import NO_OPTIONS, SCHEDULE
from repro.train.training_data import splits_of

REGISTERED = {  # what is found by a line of its own: what the line begins with, and what to do without it
    "repro.methods": (r"METHOD\b", "end it with `METHOD = ...`"),
    "repro.methods.regularisers": (r"REGULARISER\b", "end it with `REGULARISER = ...`"),
    "repro.evaluate": (r"def measure\(", "give it a function `measure`"),
    "repro.models": (r"(\w+_)?(GAN|CLASSIFIER|TWO_HEADS) = ", "end it with a line that registry.py lists"),
    "repro.data.sets": (r"DATASET\b", "end it with `DATASET = ...`"),
    "repro.data.readers": (r"def read\(", "give it a function `read`"),
}
PAPER_FILES = (
    "sheet.yaml", "reported.csv", "other_reported.csv",
    "claims.yaml", "audit.yaml", "ledger.yaml", "cost.yaml",
)  # fmt: skip


def validate_plan(plan: Plan) -> None:
    """Check every file of the papers, and names and options of every recipe, evaluation and run.

    Raises:
        ReproError: the first problem, with file and line.
    """
    config = plan.config
    check_paper_files(plan)
    read_comparisons(config)
    for paper, sheet in config.sheets.items():
        for name, recipe in sheet.recipes.items():
            place = ("recipes", name)
            _check(config, paper, place, methods.validate_options, recipe.method, recipe.options)
        for name, evaluation in sheet.evaluations.items():
            place = ("evaluations", name)
            for options in evaluation.conventions.values():
                merged = {**evaluation.options, **options}
                _check(config, paper, place, measurements.validate_options, evaluation.measure, merged)
            if evaluation.surrogate is not None:
                _check(config, paper, place, _indirect, evaluation.measure)
    _check_files(config)
    _check_code()
    _check_cells(plan)
    for spec in plan.evaluations.values():  # a profile may have changed the sheet's options
        try:
            asked = measurements.validate_options(spec.measure, spec.options)
            asked.check(spec)
        except ReproError as error:
            path = config.folder / "profiles" / f"{config.profile.name}.yaml"
            message = f"{spec.measure} of {spec.run}: {error.message}"
            raise ReproError(message, where=path, remedy=error.remedy) from error
        if measurements.needs(spec.measure).snapshots or asked.over_snapshots():
            _require_snapshots(plan, spec)
    for planned_search in plan.searches.values():
        place = ("searches", planned_search.name)
        for check in (_searchable, _starts_at_default):
            _check(config, planned_search.paper, place, check, config, planned_search)
    for artefact_id, cells in plan.cells.items():
        paper, _, artefact = artefact_id.partition("/")
        for cell in cells:
            if isinstance(cell, SettingCell):
                run = plan.runs[cell.runs[0]]
                _check(config, paper, ("artefacts", artefact), read_setting, run, cell.setting)
    for run in plan.runs.values():
        paper, _, name = run.recipe.partition(".")
        if paper in config.sheets:  # a column may have changed the recipe's options
            _check(config, paper, ("recipes", name), _trainable, run)
        else:
            _trainable(run)


def _trainable(run: RunSpec) -> None:
    methods.validate_options(run.method, run.options).check_precision(run.precision)
    splits_of(methods.load_method(run.method), run)


def _require_snapshots(plan: Plan, spec: EvaluationSpec) -> None:
    """Check that the run whose snapshots are measured leaves some."""
    run = plan.runs.get(spec.run)
    if run is None or run.snapshots:
        return
    paper, _, name = run.recipe.partition(".")
    if plan.recipes[run.run_id][run.recipe].snapshots:
        profile = plan.config.profile.name
        raise ReproError(
            f"profile {profile} lets recipe {run.recipe} leave no snapshots for {spec.measure} to measure",
            where=plan.config.folder / "profiles" / f"{profile}.yaml",
            remedy="take `snapshots: 0` out of its or its workload's entry, or leave_out the cells",
        )
    path = plan.config.sheet_path(paper)
    raise ReproError(
        f"recipe {run.recipe} leaves no snapshots, which {spec.measure} is to measure",
        where=path,
        line=load_yaml(path)[1](("recipes", name)),
        remedy="give the recipe a line such as `snapshots: 10`, or its cells another evaluation",
    )


def _check_files(config: Config) -> None:
    """Check that the papers' folders hold nothing that nobody reads."""
    for path in sorted((config.folder / PAPERS).rglob("*")):
        known = path.parent.parent == config.folder / PAPERS and path.name in PAPER_FILES
        if path.is_file() and path.suffix in (".yaml", ".yml", ".csv") and not known:
            raise ReproError(
                "nobody reads this file",
                where=path,
                remedy=f"rename it to one of {', '.join(PAPER_FILES)}, or move it elsewhere",
            )


def _check_code() -> None:
    """Check that no file beside methods, measurements, networks and data sets has a line that is misspelt."""
    for package, (declaration, remedy) in REGISTERED.items():
        for path in unread(package, declaration):
            raise ReproError(
                "nobody reads this file: it lacks the line by which it would be found, none imports it",
                where=path,
                remedy=f"{remedy}, or remove it",
            )


def _check_cells(plan: Plan) -> None:
    """Check that no cell is there twice, and that each asks for a number that its measurement returns."""
    for artefact_id, cells in plan.cells.items():
        paper, _, artefact = artefact_id.partition("/")
        seen: set[tuple[str, ...]] = set()
        for cell in cells:
            place = ("artefacts", artefact)
            if cell.key in seen:
                _check(plan.config, paper, place, _twice, cell.row, cell.column)
            seen.add(cell.key)
            if isinstance(cell, MeasuredCell):
                measure = plan.evaluations[cell.evaluations[0]].measure
                _check(plan.config, paper, place, _is_returned, measure, cell.value)


def _twice(row: str, column: str) -> None:
    raise ReproError(
        f"row {row!r} and column {column!r} make one and the same cell twice",
        remedy="give rows of one panel, and columns of one metric, different names",
    )


def _is_returned(measure: str, value: str) -> None:
    returned = measurements.needs(measure).values
    if returned is not None:
        named(f"value of the measurement {measure}", value.partition("@")[0], returned)


def _indirect(measure: str) -> None:
    """Check that a measurement which is given a surrogate can use it."""
    if not measurements.needs(measure).indirect:
        raise ReproError(f"the measurement {measure} uses no surrogate", remedy="remove surrogate")


def _searchable(config: Config, planned: PlannedSearch) -> None:
    """Check that a search can be planned as its sheet says, on validation images alone."""
    search = planned.search
    evaluation = config.evaluations[qualified(search.evaluation, planned.paper)]
    users = (search.recipe, *search.used_by)
    in_steps = [name for name in users if config.recipes[qualified(name, planned.paper)].budget.steps]
    split, other = evaluation.options.get("split"), "let the search name another evaluation"
    for wrong, message, remedy in (
        (
            planned.recipe.start_from,
            f"recipe {search.recipe} starts from another's run, those of a search start from scratch",
            "search an option of a recipe without start_from",
        ),
        (
            search.option in SCHEDULE and in_steps,
            f"the length of {', '.join(in_steps)} is in steps: {search.option} would change the images seen",
            "give the recipe's budget epochs in the place of steps",
        ),
        (
            measurements.needs(evaluation.measure).samples or evaluation.surrogate,
            f"{search.evaluation} needs generated images, features or a surrogate, which no search has",
            other,
        ),
        (
            any(evaluation.conventions.values()),
            f"{search.evaluation} has conventions with options, which no search reads",
            f"{other}, with all its options under options",
        ),
        (
            not str(split).startswith("validation"),
            f"{search.evaluation} measures the split {split}, not one that is there for validation",
            f"{other}, with an option split such as validation5k",
        ),
    ):
        if wrong:
            raise ReproError(message, remedy=remedy)
    _is_returned(evaluation.measure, search.value)


def _starts_at_default(config: Config, planned: PlannedSearch) -> None:
    """Check that a search starts at what the methods of its recipes do where nothing is said."""
    search = planned.search
    for name in (search.recipe, *search.used_by):
        recipe = config.recipes[qualified(name, planned.paper)]
        if search.option in {*NO_OPTIONS, *recipe.options}:
            continue
        default = getattr(methods.validate_options(recipe.method, recipe.options), search.option, None)
        if default != search.start:
            raise ReproError(
                f"the search starts at {search.start!r}, the method {recipe.method} at {default!r}",
                remedy=f"write start: {default!r}, or state {search.option} in recipe {name}",
            )


def _check(
    config: Config, paper: str, place: Sequence[str], check: Callable[..., object], *arguments: object
) -> None:
    """Run one check and add the sheet's file and line to its error."""
    try:
        check(*arguments)
    except ReproError as error:
        path = config.sheet_path(paper)
        _, line_of = load_yaml(path)
        raise ReproError(
            f"{'.'.join(place)}: {error.message}", where=path, line=line_of(place), remedy=error.remedy
        ) from error
