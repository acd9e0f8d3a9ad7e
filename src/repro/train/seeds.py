"""Runs that differ in their seeds alone, from their specifications to their records, side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

from repro.core.device import within_memory
from repro.core.locks import only_process
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.methods.registry import load_method
from repro.train.begin import begin, new_run
from repro.train.loop import train
from repro.train.metric_means import DivergedError
from repro.train.other_data import set_aside_other
from repro.train.run import finish, is_finished, stopped_at_the_end
from repro.train.seed_batch import MembersDivergedError, SeedBatch, each
from repro.train.settings import LoopSettings
from repro.train.training_data import TrainingData


def train_seeds(
    specs: Sequence[RunSpec],
    layout: Layout,
    *,
    device: torch.device,
    data_root: Path | None,
    progress: bool = True,
    settings: LoopSettings | None = None,
    data: TrainingData | None = None,
) -> dict[str, DivergedError]:
    """Train runs that differ in their seeds alone, side by side; finished ones as ``run.train_run`` does.

    Runs that were stopped at different steps catch up first. One that diverges leaves the others.

    Args:
        specs: the runs.

    Other args as ``run.train_run``.

    Returns:
        Why runs diverged, now or earlier, by run id, where ``settings.diverged`` is "stop"; the last good
        checkpoint of each is kept. One whose divergence was recorded did not fail.

    Raises:
        ReproError, StoppedError: as ``run.train_run``.
    """
    settings = settings or LoopSettings()
    first, steps = specs[0], specs[0].steps
    with ExitStack() as locks:
        for spec in specs:
            locks.enter_context(only_process(layout.run(spec.run_id), f"run {spec.run_id}"))
        locks.enter_context(within_memory(device, f"run {first.run_id}", layout.run(first.run_id)))
        left: list[RunSpec] = []
        data = data or TrainingData()
        failed: dict[str, DivergedError] = {}
        for spec in specs:
            set_aside_other(spec, layout, data, data_root, device)
            try:
                if not is_finished(spec, layout, settings):
                    left.append(spec)
            except DivergedError as error:
                failed[spec.run_id] = error
        while left:
            kind = load_method(first.method)
            images, validation = data.load_all(kind, first, data_root, device)
            runs = [
                new_run(kind, images, spec, layout, device=device, validation=validation, settings=settings)
                for spec in left
            ]
            try:
                each(runs, begin)
                step = min(run.step for run in runs)
                now = [run for run in runs if run.step == step]
                until = min((run.step for run in runs if run.step > step), default=steps)
                signal = train(SeedBatch(now), until=until, progress=progress)
            except MembersDivergedError as error:
                for run in [run for run in runs if run.name in error.members]:
                    if settings.diverged == "stop":
                        failed[run.name] = error.members[run.name]
                    else:
                        finish(run, error.members[run.name].divergence, progress=progress)
                left = [run.spec for run in runs if run.name not in error.members]
                if left:
                    print(f"going on without {', '.join(error.members)}", file=sys.stderr, flush=True)
                continue
            if until == steps:
                for run in now:
                    finish(run, progress=progress)
                if signal is not None:
                    raise stopped_at_the_end(now[0], signal)
                left = [run.spec for run in runs if run not in now]
        return failed
