"""Cells of the Cost artefact that claims name: how much longer a step of one recipe takes than another's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from repro.core.paths import Layout
from repro.cost.costs import Cost, alike, measure_cost
from repro.cost.measure import read_runs
from repro.judge.cells import Cell
from repro.judge.claims import Claim
from repro.judge.verdict import judge
from repro.plan.plan import Plan

ARTEFACT = "cost"
METRIC = "cost_ratio"


def claimed_cells(claims: Iterable[Claim], plan: Plan, layout: Layout) -> list[Cell]:
    """Return a cell for each cost that a claim names: ``row`` a recipe, ``column`` the one it is divided by.

    Its values are the ratios of the seeds' median seconds a step; pending where either has no finished run or
    they cannot be compared.
    """
    pairs: dict[tuple[str, str, str], None] = {}
    for claim in claims:
        for side in claim.references:
            if side.artefact == ARTEFACT and side.paper and side.row and side.column:
                pairs[side.paper, side.row, side.column] = None
    if not pairs:
        return []
    costs: defaultdict[str, list[Cost]] = defaultdict(list)
    for run_id, run in read_runs(plan, layout).items():
        if (cost := measure_cost([run])) is not None:
            for name in plan.recipes[run_id]:
                costs[name].append(cost)
    return [_ratio(paper, row, column, costs) for paper, row, column in pairs]


def _ratio(paper: str, row: str, column: str, costs: Mapping[str, Sequence[Cost]]) -> Cell:
    """Divide seed by seed: on the data, with the options and by what most seeds of both recipes have run."""
    trainings: defaultdict[tuple[object, ...], list[tuple[Cost, Cost]]] = defaultdict(list)
    both = product(costs.get(f"{paper}.{row}", ()), costs.get(f"{paper}.{column}", ()))
    for cost, other in both:
        same = cost.spec.seed == other.spec.seed and cost.device == other.device
        if same and alike(cost.spec, other.spec):
            trainings[cost.spec.training, other.spec.training, cost.device].append((cost, other))
    chosen = max(trainings.values(), key=len, default=[])
    ratios = [cost.seconds / other.seconds for cost, other in chosen]
    runs = [each.spec.run_id for pair in chosen for each in pair]
    stand_ins = dict.fromkeys(mark for pair in chosen for each in pair for mark in each.stand_ins)
    verdict = judge(None, None, ratios, None, tuple(stand_ins))
    return Cell(
        paper, ARTEFACT, row, column, METRIC,
        measured=verdict.mean, measured_std=verdict.std, n_seeds=verdict.n, ci_low=verdict.low,
        ci_high=verdict.high, verdict=verdict.word, stand_ins=tuple(stand_ins), runs=tuple(runs),
    )  # fmt: skip
