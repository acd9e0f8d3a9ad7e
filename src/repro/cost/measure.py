"""What each recipe of a plan costs: from the finished runs' logs to cost.csv, .md, .tex, .png and .pdf."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from repro.core.files import atomic_write_text, read_json
from repro.core.jsonl import read_lines
from repro.core.manifest import MEASURE_ANEW
from repro.core.paths import Layout
from repro.core.records import read_record
from repro.core.spec import Frozen, RunSpec
from repro.core.yaml_model import load_model
from repro.cost.costs import Cost, RunCost, measure_cost, render_cost
from repro.cost.plot import draw_cost
from repro.cost.table import cost_latex, cost_markdown
from repro.plan.cells import PlannedCell
from repro.plan.config import Config
from repro.plan.names import no_such, qualified
from repro.plan.plan import Plan


class CostComparison(Frozen):
    """One entry of a paper's ``cost.yaml``: recipes (a shell pattern) and the one they are compared with.

    Both are recipes of the paper's own sheet, or of another's as ``paper.recipe``.
    """

    recipes: str
    baseline: str


def read_comparisons(config: Config) -> list[CostComparison]:
    """Return every paper's entries, recipes as ``paper.recipe``; a paper without the file has none.

    Raises:
        ReproError: a file is damaged, or names a recipe that no sheet declares; with its line.
    """
    found = []
    for paper in config.sheets:
        path = config.paper_file(paper, "cost.yaml")
        if not path.is_file():
            continue
        entries, line_of = load_model(path, list[CostComparison])
        for index, entry in enumerate(entries):
            baseline = qualified(entry.baseline, paper)
            if baseline not in config.recipes:
                raise no_such("recipe", baseline, list(config.recipes), path, line_of((index, "baseline")))
            found.append(CostComparison(recipes=qualified(entry.recipes, paper), baseline=baseline))
    return found


def read_runs(plan: Plan, layout: Layout) -> dict[str, RunCost]:
    """Return the finished runs that artefacts ask for, by id; a search's runs are no recipe's."""
    found = {}
    for run_id, spec in plan.runs.items():
        if run_id not in plan.only_searched and (record := read_record(layout, run_id)):
            found[run_id] = RunCost(spec, record, read_lines(layout.log(run_id)))
    return found


def measure_costs(plan: Plan, layout: Layout) -> list[Cost]:
    """Return the cost of every training of which artefacts ask for a finished run, in the plan's order."""
    runs, comparisons = read_runs(plan, layout), read_comparisons(plan.config)
    trainings: dict[str, list[RunCost]] = defaultdict(list)
    for run in runs.values():
        trainings[run.spec.training].append(run)
    told_apart = _options(run[0].spec for run in trainings.values())
    per_cell = _hours_per_cell(plan, layout, runs)
    first = {name: measure_cost(seeds) for name, seeds in trainings.items()}
    costs = []
    for name, seeds in trainings.items():
        spec = seeds[0].spec
        names = plan.recipes[spec.run_id]
        fitting = (c.baseline for each in names for c in comparisons if fnmatchcase(each, c.recipes))
        baseline = next(fitting, "")
        plain = _plain(plan, baseline, spec, first.values())
        hours = statistics.median(per_cell[name]) if per_cell.get(name) else None
        cost = measure_cost(
            seeds, options=told_apart[spec.run_id], baseline=baseline, plain=plain, hours_per_cell=hours
        )
        if cost is not None:
            costs.append(cost)
    return costs


def _plain(plan: Plan, baseline: str, spec: RunSpec, costs: Iterable[Cost | None]) -> Cost | None:
    """Return the cost of the baseline on the same data, the one of this very width and batch if there is."""
    on_same_data = (cost for cost in costs if cost and cost.spec.dataset == spec.dataset)
    found = [cost for cost in on_same_data if baseline in plan.recipes[cost.spec.run_id]]
    found.sort(key=lambda cost: (cost.spec.width, cost.spec.batch_size) != (spec.width, spec.batch_size))
    return found[0] if found else None


def _options(specs: Iterable[RunSpec]) -> dict[str, str]:
    """Return, by run, the options in which runs of one recipe on one data set differ, as text."""
    groups: dict[tuple[str, str], list[RunSpec]] = defaultdict(list)
    for spec in specs:
        groups[spec.recipe, spec.dataset].append(spec)
    texts = {}
    for group in groups.values():
        names = sorted({name for spec in group for name in spec.options})
        telling = [name for name in names if len({json.dumps(s.options.get(name)) for s in group}) > 1]
        for spec in group:
            texts[spec.run_id] = ", ".join(f"{name} {spec.options.get(name)}" for name in telling)
    return texts


def _hours_per_cell(plan: Plan, layout: Layout, runs: Mapping[str, RunCost]) -> dict[str, list[float]]:
    """Return, by training, the device hours behind each cell of it whose runs and results are all there."""
    hours: dict[str, list[float]] = defaultdict(list)
    known: dict[str, float | None] = {}
    for cells in plan.cells.values():
        for cell in cells:
            if cell.runs and (spent := _hours(cell, plan, layout, runs, known)) is not None:
                hours[plan.runs[cell.runs[0]].training].append(spent)
    return hours


def _hours(
    cell: PlannedCell, plan: Plan, layout: Layout, runs: Mapping[str, RunCost], known: dict[str, float | None]
) -> float | None:
    """Return the device hours of one cell's runs, the runs that these start from, and its evaluations.

    Those of runs are at the median step time, those of evaluations as they ran.
    """
    needed: dict[str, None] = {}
    for run_id in cell.runs:
        step: str | None = run_id
        while step is not None:
            needed[step] = None
            step = plan.runs[step].parent
    if not needed.keys() <= runs.keys():
        return None
    hours = sum(runs[name].hours for name in needed)
    seconds: list[float | None] = []
    for name in cell.evaluations:
        if name not in known:
            path = layout.evaluation(name)
            result = read_json(path, remedy=MEASURE_ANEW) if path.is_file() else {}
            known[name] = result.get("device_seconds")
        seconds.append(known[name])
    if None in seconds:
        return None
    return hours + sum(value for value in seconds if value is not None) / 3600


def write_cost(plan: Plan, layout: Layout, folder: Path) -> list[Cost]:
    """Write cost.csv, .md, .tex, .png and .pdf to ``folder`` and return what they show."""
    costs = measure_costs(plan, layout)
    profile = layout.profile
    atomic_write_text(folder / "cost.csv", render_cost(costs))
    atomic_write_text(folder / "cost.md", cost_markdown(costs, profile))
    atomic_write_text(folder / "cost.tex", cost_latex(costs, profile))
    draw_cost(costs, folder / "cost", profile)
    return costs
