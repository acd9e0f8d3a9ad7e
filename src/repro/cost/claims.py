"""Cells of the Cost artefact that claims name: how much longer a step of one recipe takes than another's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from repro.core.paths import Layout
from repro.cost.costs import Cost, alike, measure_cost
from repro.cost.measure import read_runs
from repro.judge.cells import Cell
from repro.judge.claims import Claim, Reference
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
        for predicate in claim.all:
            left = predicate.left.over(Reference(paper=claim.paper))
            sides = [left, predicate.right.over(left)] if isinstance(predicate.right, Reference) else [left]
            for side in sides:
                if side.artefact == ARTEFACT and side.paper and side.row and side.column:
                    pairs[side.paper, side.row, side.column] = None
    if not pairs:
        return []
    costs: dict[tuple[str, int], Cost] = {}
    for run in read_runs(plan, layout).values():
        cost = measure_cost([run])
        if cost is not None:
            costs.setdefault((run.spec.recipe, run.spec.seed), cost)
    return [_ratio(paper, row, column, costs) for paper, row, column in pairs]


def _ratio(paper: str, row: str, column: str, costs: Mapping[tuple[str, int], Cost]) -> Cell:
    ratios: list[float] = []
    runs: list[str] = []
    stand_ins: dict[str, None] = {}
    for (recipe, seed), cost in costs.items():
        other = costs.get((f"{paper}.{column}", seed))
        if recipe != f"{paper}.{row}" or other is None:
            continue
        if alike(cost.spec, other.spec) and cost.device == other.device:
            ratios.append(cost.seconds / other.seconds)
            runs += [cost.spec.run_id, other.spec.run_id]
            stand_ins |= dict.fromkeys(cost.stand_ins + other.stand_ins)
    verdict = judge(None, None, ratios, None, tuple(stand_ins), pending=not ratios)
    return Cell(
        paper, ARTEFACT, row, column, METRIC,
        measured=verdict.mean, measured_std=verdict.std, n_seeds=verdict.n, ci_low=verdict.low,
        ci_high=verdict.high, verdict=verdict.word, stand_ins=tuple(stand_ins), runs=tuple(runs),
    )  # fmt: skip
