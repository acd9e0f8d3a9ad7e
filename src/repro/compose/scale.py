"""What each cell was made with, as far as a profile can change it: two rows alike in this can be compared."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

from repro.core.cell_key import CellKey
from repro.core.spec import EvaluationSpec, RunSpec
from repro.judge.welch import Scale
from repro.plan.cells import MeasuredCell, PlannedCell
from repro.plan.plan import Plan


def scales(plan: Plan) -> dict[CellKey, Scale]:
    """Return width, share of the budget, data, features and images of every cell with runs, by its key.

    A run that starts from another is made with both of them. The batch size counts relative to the recipe's
    own: rows whose batches the papers themselves have of other sizes are compared. Parts of two splits are
    other images, whole splits are what a claim speaks of.
    """

    @cache
    def made_with(run_id: str) -> tuple[tuple[str, str], ...]:
        found = []
        for run in plan.lineage(run_id):
            found.append(("width", f"{run.width:g}"))
            found.append(("precision", run.precision))
            found.append(("data", f"{run.dataset} {run.source} {run.train_limit or 'all'}"))
            for whole in plan.unreduced(run.run_id):
                found.append(("share of the budget", f"{_images(run) / _images(whole):.2g}"))
                found.append(("share of the batch size", f"{run.batch_size / whole.batch_size:.2g}"))
        return tuple(found)

    def of(planned: PlannedCell) -> Scale:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for run_id in planned.runs:
            for aspect, value in made_with(run_id):
                found[aspect].add(value)
        for name in planned.evaluations:
            spec = plan.evaluations[name]
            found["images measured"].add(_measured(spec, planned))
            found["samples"].add(str(spec.generated))
            found["features"].add(str(spec.extractor))
        return {aspect: frozenset(values) for aspect, values in found.items()}

    return {each.key: of(each) for cells in plan.cells.values() for each in cells if each.runs}


def _measured(spec: EvaluationSpec, planned: PlannedCell) -> str:
    """Return on how many images a value is measured, and where these are a part, of which split.

    All seeds see the same part, so their spread says nothing of what other images would give: the first 1,000
    training and test images of CIFAR-10 differ by 4 points of accuracy, the whole splits by half a point.
    """
    if spec.limit is None:
        return f"{spec.source} all"
    option = "gap_split" if isinstance(planned, MeasuredCell) and "of_gap_split" in planned.value else "split"
    return f"{spec.source} {spec.limit} of {spec.options.get(option, 'its own')}"


def _images(run: RunSpec) -> int:
    """Return how many images a run sees."""
    return run.steps * run.batch_size
