"""Runs that differ in their seeds alone, from their specifications to their records, side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

from repro.core.device import within_memory
from repro.core.errors import ReproError
from repro.core.locks import only_process
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.methods.registry import load_method
from repro.train.begin import begin, new_run
from repro.train.loop import train
from repro.train.metric_means import DivergedError
from repro.train.other_data import set_aside_other
from repro.train.run import finish, is_finished, stopped_at_the_end
from repro.train.seed_batch import MembersFailedError, SeedBatch, each
from repro.train.settings import LoopSettings
from repro.train.signals import StoppedError
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
) -> dict[str, ReproError]:
    """Train runs that differ in their seeds alone, side by side; finished ones as ``run.train_run`` does.

    Runs that were stopped at different steps catch up first. One that diverges or fails leaves the others.

    Args:
        specs: the runs.

    Other args as ``run.train_run``.

    Returns:
        Why runs failed, by run id: damaged files, what keeps all that are left from being trained, or a
        divergence, now or earlier, where ``settings.diverged`` is "stop"; the last good checkpoint of each is
        kept. One whose divergence was recorded did not fail.

    Raises:
        ReproError: another process trains one of them, or the device's memory is full.
        StoppedError: as ``run.train_run``.
    """
    settings = settings or LoopSettings()
    first, steps = specs[0], specs[0].steps
    with ExitStack() as locks:
        for spec in specs:
            locks.enter_context(only_process(layout.run(spec.run_id), f"run {spec.run_id}"))
        locks.enter_context(within_memory(device, f"run {first.run_id}", layout.run(first.run_id)))
        left: list[RunSpec] = []
        data = data or TrainingData()
        failed: dict[str, ReproError] = {}
        for spec in specs:
            try:
                set_aside_other(spec, layout, data, data_root, device)
                if not is_finished(spec, layout, settings):
                    left.append(spec)
            except ReproError as error:
                failed[spec.run_id] = error
        while left:
            try:
                kind = load_method(first.method)
                images, validation = data.load_all(kind, first, data_root, device)
                runs = [
                    new_run(
                        kind, images, spec, layout, device=device, validation=validation, settings=settings
                    )
                    for spec in left
                ]
                each(runs, begin)
                step = min(run.step for run in runs)
                now = [run for run in runs if run.step == step]
                until = min((run.step for run in runs if run.step > step), default=steps)
                signal = train(SeedBatch(now), until=until, progress=progress)
            except MembersFailedError as error:
                for run in [run for run in runs if run.name in error.members]:
                    why = error.members[run.name]
                    if isinstance(why, DivergedError) and settings.diverged == "record":
                        finish(run, why.divergence, progress=progress)
                    else:
                        failed[run.name] = why
                left = [run.spec for run in runs if run.name not in error.members]
                if left:
                    print(f"going on without {', '.join(error.members)}", file=sys.stderr, flush=True)
                continue
            except StoppedError:
                raise
            except ReproError as error:  # of what all have in common
                return failed | dict.fromkeys([spec.run_id for spec in left], error)
            if until == steps:
                for run in now:
                    finish(run, progress=progress)
                if signal is not None:
                    raise stopped_at_the_end(now[0], signal)
                left = [run.spec for run in runs if run not in now]
        return failed
