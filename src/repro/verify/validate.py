"""Checks a whole plan against the methods and measurements that exist, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from repro.compose.paper_files import check_paper_files
from repro.compose.settings import read_setting
from repro.core.errors import ReproError
from repro.core.yaml_lines import load_yaml
from repro.cost.measure import read_comparisons
from repro.evaluate import registry as measurements
from repro.methods import registry as methods
from repro.plan.cells import SettingCell
from repro.plan.config import Config
from repro.plan.names import qualified
from repro.plan.plan import Plan
from repro.plan.searches import PlannedSearch
from repro.plan.sheet import SCHEDULE


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
            _check(config, paper, place, _needs_run, evaluation.measure, evaluation.needs_run)
            if evaluation.surrogate is not None:
                _check(config, paper, place, _indirect, evaluation.measure)
    for spec in plan.evaluations.values():  # a profile may have changed the sheet's options
        try:
            measurements.validate_options(spec.measure, spec.options).check(spec)
        except ReproError as error:
            path = config.folder / "profiles" / f"{config.profile.name}.yaml"
            message = f"{spec.measure} of {spec.run}: {error.message}"
            raise ReproError(message, where=path, remedy=error.remedy) from error
    for planned_search in plan.searches.values():
        place = ("searches", planned_search.name)
        _check(config, planned_search.paper, place, _starts_at_default, config, planned_search)
    for artefact_id, cells in plan.cells.items():
        paper, _, artefact = artefact_id.partition("/")
        for cell in cells:
            if isinstance(cell, SettingCell):
                run = plan.runs[cell.runs[0]]
                _check(config, paper, ("artefacts", artefact), read_setting, run, cell.setting)
    for run in plan.runs.values():
        paper, _, name = run.recipe.partition(".")
        if paper in config.sheets:  # a column may have changed the recipe's options
            _check(config, paper, ("recipes", name), methods.validate_options, run.method, run.options)
        else:
            methods.validate_options(run.method, run.options)


def _needs_run(measure: str, declared: bool) -> None:
    """Check that a sheet says of a measurement what the measurement says of itself."""
    if measurements.load_measurement(measure).needs_run != declared:
        wanted = "no run" if declared else "a run"
        raise ReproError(
            f"the measurement {measure} needs {wanted}", remedy=f"set needs_run: {str(not declared).lower()}"
        )


def _indirect(measure: str) -> None:
    """Check that a measurement which is given a surrogate can use it."""
    if not measurements.load_measurement(measure).indirect:
        raise ReproError(f"the measurement {measure} uses no surrogate", remedy="remove surrogate")


def _starts_at_default(config: Config, planned: PlannedSearch) -> None:
    """Check that a search starts at what the methods of its recipes do where nothing is said."""
    search = planned.search
    for name in (search.recipe, *search.used_by):
        recipe = config.recipes[qualified(name, planned.paper)]
        if search.option in {*SCHEDULE, *recipe.options}:
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
