"""Groups runs and evaluations into batches, one process each, because starting a process costs seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from repro.core.families import seed_batches
from repro.methods.registry import joinable_names
from repro.plan.plan import Plan

SEARCH = "search-"  # begins the name of a batch that no artefact asks for


@dataclass(frozen=True)
class Batch:
    """Members that one job works through, and the batches that must be finished before.

    ``processes`` train each member together.
    """

    name: str
    members: tuple[str, ...]
    needs: tuple[str, ...] = ()
    processes: int = 1

    @property
    def only_searched(self) -> bool:
        """Whether only a search asks for it, so that ``figures/`` does without."""
        return self.name.startswith(SEARCH)


@dataclass(frozen=True)
class Batches:
    """All batches of a plan, by name, and the batch in which each member is."""

    train: dict[str, Batch] = field(default_factory=dict)
    evaluate: dict[str, Batch] = field(default_factory=dict)
    train_of: dict[str, str] = field(default_factory=dict)
    evaluate_of: dict[str, str] = field(default_factory=dict)


def make_batches(plan: Plan) -> Batches:
    """Cut a plan into batches of the profile's sizes.

    Runs of one paper and one depth (a run that starts from another lies deeper) go together, evaluations with
    those of the same training batch, so that a single artefact asks for few batches beside its own.
    """
    sizes = plan.config.profile.batches
    batches = Batches()
    units: dict[str, list[tuple[str, ...]]] = {}
    searched = [run for run_id, run in plan.runs.items() if run_id in plan.only_searched]
    asked = [run for run_id, run in plan.runs.items() if run_id not in plan.only_searched]
    pieces = [seed_batches(part, sizes.seeds, joinable_names()) for part in (asked, searched)]
    for unit in chain.from_iterable(pieces):
        paper = unit[0].recipe.partition(".")[0]
        level = plan.level(unit[0].run_id)
        kind = SEARCH if unit[0].run_id in plan.only_searched else ""
        processes = plan.processes(unit[0].run_id)
        together = "" if processes == 1 else f"x{processes}-"
        name = f"{kind}{paper}-{together}{level}"
        units.setdefault(name, []).append(tuple(run.run_id for run in unit))
    for name, members in _cut(units, sizes.train):
        for member in members:
            batches.train_of[member] = name
        needs = _needed(batches, (plan.runs[member].parent for member in members))
        batches.train[name] = Batch(name, members, needs, plan.processes(members[0]))
    groups: dict[str, list[tuple[str, ...]]] = {}
    for evaluation_id, evaluation in plan.evaluations.items():
        group = batches.train_of.get(evaluation.run, evaluation.run)  # the data itself belongs to no training
        kind = SEARCH if evaluation_id in plan.only_searched and not group.startswith(SEARCH) else ""
        groups.setdefault(f"{kind}{group}", []).append((evaluation_id,))
    for name, members in _cut(groups, sizes.evaluate):
        specs = [plan.evaluations[member] for member in members]
        for member in members:
            batches.evaluate_of[member] = name
        runs = [run for spec in specs for run in (spec.run, spec.extractor, spec.surrogate)]
        trained = [run for run in runs if run in plan.runs]
        batches.evaluate[name] = Batch(name, members, _needed(batches, trained))
    return batches


def _cut(groups: Mapping[str, Sequence[tuple[str, ...]]], size: int) -> list[tuple[str, tuple[str, ...]]]:
    """Cut each group into pieces of ``size`` units; shallower groups first, since deeper ones need them."""
    ordered = sorted(groups.items(), key=lambda item: (item[0].rpartition("-")[2], item[0]))
    return [
        (f"{name}-{start // size:03d}", tuple(chain.from_iterable(units[start : start + size])))
        for name, units in ordered
        for start in range(0, len(units), size)
    ]


def _needed(batches: Batches, runs: Iterable[str | None]) -> tuple[str, ...]:
    """Return the training batches that hold ``runs``, in order and once each."""
    return tuple(sorted({batches.train_of[run] for run in runs if run is not None}))
