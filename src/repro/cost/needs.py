"""What a job of a plan asks a cluster for: memory of the machine and minutes. Imports no torch.

Memory: what finished jobs of the same kinds took (Snakemake's benchmark files), with a quarter more. Where
there is no such record: the process itself, its images twice (while they are read there are two copies) and,
on the CPU, its step (``config/steps.yaml``), with half as much again. Minutes: twice what finished runs
and measurements of the same kind took. Where there is none they are unknown.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.manifest import Stage, read_manifest
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec, Options, RunSpec
from repro.cost.sizes import images_mib, read_steps, size_of, training_mib
from repro.data.catalogue import dataset_info
from repro.plan.batches import Batch, Batches
from repro.plan.plan import Plan

PROCESS = {"cpu": 1024, "gpu": 4096}
"""MiB of a process without images and networks; on a GPU room for CUDA's libraries, unmeasured so far."""
FEATURES = 2048
"""MiB of a measurement beside images and networks: the features of 50,000 images, and their making."""
UNLISTED = 2048
"""MiB of a step that ``config/steps.yaml`` does not list."""
MEASURED, PREDICTED, TIMES = 1.25, 1.5, 2.0
"""What memory is multiplied by, measured or predicted, and what minutes are."""

Kind = tuple[object, ...]


@dataclass(frozen=True)
class Needs:
    """MiB of memory of all its processes; minutes, None where unknown."""

    mem_mb: int
    minutes: int | None


@dataclass(frozen=True)
class Forecast:
    """What the batches of a plan need, by what its results folder records and ``config/steps.yaml`` lists."""

    plan: Plan
    batches: Batches
    layout: Layout
    config: Path

    def training(self, batch: str) -> Needs:
        """Return what a training batch needs."""
        runs = [self.plan.runs[member] for member in self.batches.train[batch].members]
        predicted = max(map(self._of_run, runs)) + self._side_by_side(runs)
        needs = self._needs([*map(_run_kind, runs)], predicted, [run.steps for run in runs])
        return replace(needs, mem_mb=needs.mem_mb * self.batches.train[batch].processes)

    def evaluation(self, batch: str) -> Needs:
        """Return what an evaluation batch needs."""
        members = [self.plan.evaluations[member] for member in self.batches.evaluate[batch].members]
        return self._needs([*map(_kind, members)], max(map(self._of_evaluation, members)), [1] * len(members))

    def reading(self, dataset: str) -> Needs:
        """Return what it takes to read every split of a data set, one after the other."""
        largest = max(images_mib(dataset, split) for split in dataset_info(dataset).splits)
        return Needs(math.ceil((PROCESS["cpu"] + 2 * largest) * PREDICTED), None)

    def _needs(self, kinds: list[Kind], predicted: float, steps: list[int]) -> Needs:
        mib = predicted * PREDICTED
        if all(kind in self._memory for kind in kinds):
            mib = max(self._memory[kind] for kind in kinds) * MEASURED
        minutes = None
        if all(kind in self._seconds for kind in kinds):
            seconds = sum(self._seconds[kind] * n for kind, n in zip(kinds, steps, strict=True))
            minutes = 10 + math.ceil(TIMES * seconds / 60)
        return Needs(math.ceil(mib), minutes)

    @property
    def _process(self) -> int:
        return PROCESS["cpu" if self._on_cpu else "gpu"]

    @property
    def _on_cpu(self) -> bool:
        return self.plan.config.profile.device == "cpu"

    @cached_property
    def _steps(self) -> dict[Kind, float]:
        sizes = read_steps(self.config)
        found = {}
        for run in self.plan.runs.values():
            if (kind := _run_kind(run)) not in found:
                size = size_of(run, self.plan.recipes[run.run_id][run.recipe], sizes)
                found[kind] = UNLISTED if size is None else size.step_mib
        return found

    def _of_run(self, run: RunSpec) -> float:
        return self._process + 2 * training_mib(run) + (self._steps[_run_kind(run)] if self._on_cpu else 0)

    def _side_by_side(self, runs: list[RunSpec]) -> float:
        """Return what the other seeds of one program take; each has a step of its own."""
        seeds = min(len(runs), self.plan.config.profile.batches.seeds)
        return (seeds - 1) * max(self._steps[_run_kind(run)] for run in runs) if self._on_cpu else 0.0

    def _of_evaluation(self, spec: EvaluationSpec) -> float:
        info = dataset_info(spec.dataset)
        images = max((images_mib(spec.dataset, split, spec.limit) for split in info.splits), default=0.0)
        run = self.plan.runs.get(spec.run)
        step = self._steps[_run_kind(run)] if run is not None and self._on_cpu else 0.0
        return self._process + 2 * images + FEATURES + step

    @cached_property
    def _memory(self) -> dict[Kind, float]:
        """Return the most MiB that a finished batch took in which a kind of member was."""
        found: dict[Kind, float] = {}

        def note(stage: Stage, batch: Batch, kinds: Iterable[Kind]) -> None:
            if (mib := self._recorded(stage, batch)) is not None:
                found.update({kind: max(mib, found.get(kind, 0.0)) for kind in kinds})

        for batch in self.batches.train.values():
            note("train", batch, [_run_kind(self.plan.runs[name]) for name in batch.members])
        for batch in self.batches.evaluate.values():
            note("evaluate", batch, [_kind(self.plan.evaluations[name]) for name in batch.members])
        return found

    def _recorded(self, stage: Stage, batch: Batch) -> float | None:
        """Return the most MiB that each process of a batch held, if its job did the same members.

        One that lasted less than a member took found it finished, after a merge say, and held little.
        """
        path = self.layout.benchmark(stage, batch.name)
        if not path.is_file():
            return None
        with suppress(ReproError, OSError, ValueError, KeyError, TypeError):
            done = read_manifest(self.layout.batch(stage, batch.name))
            (line,) = csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t")
            mib = float(line["max_rss"]) / batch.processes
            place = self.layout.record if stage == "train" else self.layout.evaluation
            longest = max(json.loads(place(name).read_bytes())["seconds"] for name in batch.members)
            return mib if done.keys() == {*batch.members} and float(line["s"]) >= longest else None
        return None

    @cached_property
    def _seconds(self) -> dict[Kind, float]:
        """Return the most seconds that a step, or a measurement, of each kind took."""
        trained = ((_run_kind(run), self.layout.record(name)) for name, run in self.plan.runs.items())
        evaluations = self.plan.evaluations.items()
        measured = ((_kind(spec), self.layout.evaluation(name)) for name, spec in evaluations)
        return _most(trained) | _most(measured)


def _run_kind(run: RunSpec) -> Kind:
    return run.recipe, _text(run.options), run.dataset, run.batch_size, run.width, run.train_limit


def _kind(spec: EvaluationSpec) -> Kind:
    return spec.measure, _text(spec.options), spec.dataset, spec.limit, spec.generated


def _text(options: Options) -> str:
    return json.dumps(options, default=str, sort_keys=True)


def _most(files: Iterable[tuple[Kind, Path]]) -> dict[Kind, float]:
    """Return the most seconds, a step where a file tells how many were taken; none of what diverged."""
    found: dict[Kind, float] = {}
    for kind, path in files:
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            record = json.loads(path.read_text(encoding="utf-8"))
            if record.get("diverged") is None:
                seconds = record["seconds"] / (record.get("steps_taken") or record.get("steps") or 1)
                found[kind] = max(seconds, found.get(kind, 0.0))
    return found
