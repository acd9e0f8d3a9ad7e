"""Runs, from their specifications to their records: one, or several seeds of one training side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

from repro.core.device import within_memory
from repro.core.divergence import divergence_of
from repro.core.locks import only_process
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.data.image_set import ImageSet
from repro.methods.base import Method
from repro.methods.registry import load_method
from repro.models.stacked import Way
from repro.train.loop import Loop
from repro.train.meter import DivergedError
from repro.train.record import finished
from repro.train.seeds import program
from repro.train.session import finish, prepare, record_divergence, stopped_at_the_end
from repro.train.settings import LoopSettings
from repro.train.together import MembersDivergedError, run_together
from repro.train.training_data import TrainingData


def train_run(
    spec: RunSpec,
    layout: Layout,
    *,
    device: torch.device,
    data_root: Path | None,
    progress: bool = True,
    settings: LoopSettings | None = None,
) -> Path:
    """Train a run to its end, or go on where an earlier process left it; a finished run is left as it is.

    A run that diverges ends there. With ``settings.diverged`` "record" its record says so, it counts as
    finished and is never trained again; a run that starts from it is recorded likewise, untrained.

    Args and errors as ``train_seeds``.

    Returns:
        The record, ``run.json``.

    Raises:
        DivergedError: the training diverged, now or earlier, and ``settings.diverged`` is "stop".
    """
    diverged = train_seeds(
        [spec], layout, device=device, data_root=data_root, progress=progress, settings=settings
    )
    for error in diverged.values():
        raise error
    return layout.record(spec.run_id)


def train_seeds(
    specs: Sequence[RunSpec],
    layout: Layout,
    *,
    device: torch.device,
    data_root: Path | None,
    progress: bool = True,
    settings: LoopSettings | None = None,
    data: TrainingData | None = None,
    way: Way | None = None,
) -> dict[str, DivergedError]:
    """Train runs that differ in their seeds alone, side by side; finished ones are left as they are.

    Args:
        specs: the runs; one alone is trained in just the same way.
        layout: where their files go.
        device: where they are trained.
        data_root: folder of the data sets; not needed for synthetic images.
        progress: show progress on stderr.
        settings: intervals of log and checkpoints, bound for the loss, what a divergence is.
        data: keeps the images for the next runs.
        way: how the stacked networks are computed; None: what is fastest on the device.

    Returns:
        Why runs diverged, now or earlier, by run id, where ``settings.diverged`` is "stop"; the last good
        checkpoint of each is kept. One whose divergence was recorded did not fail.

    Raises:
        ReproError: unknown method or option, missing data, parent not finished, files damaged or of another
            configuration, another process trains a run, device memory or disk full.
        StoppedError: SIGTERM or SIGINT came; the step was finished and a checkpoint written.
    """
    with ExitStack() as locks:
        for spec in specs:
            locks.enter_context(only_process(layout.run(spec.run_id), f"run {spec.run_id}"))
        first = specs[0].run_id
        locks.enter_context(within_memory(device, f"run {first}", layout.run(first)))
        settings = settings or LoopSettings()
        records = {spec.run_id: finished(layout, spec.run_id, spec) for spec in specs}
        diverged: dict[str, DivergedError] = {}
        if settings.diverged == "stop":
            found = {run_id: divergence_of(layout, run_id) for run_id, record in records.items() if record}
            diverged = {run_id: DivergedError(each) for run_id, each in found.items() if each is not None}
        left = [spec for spec in specs if records[spec.run_id] is None]
        if not left:
            return diverged
        kind = load_method(left[0].method)
        images, validation = (data or TrainingData()).load_all(kind, left[0], data_root, device)
        return diverged | train_method(
            kind,
            images,
            left,
            layout,
            device=device,
            validation=validation,
            progress=progress,
            settings=settings,
            way=way,
        )


def train_method(
    kind: type[Method],
    images: ImageSet,
    specs: Sequence[RunSpec],
    layout: Layout,
    *,
    device: torch.device,
    validation: ImageSet | None = None,
    progress: bool = True,
    settings: LoopSettings | None = None,
    way: Way | None = None,
) -> dict[str, DivergedError]:
    """Train ``kind`` on ``images`` as each of ``specs`` says and write the records; else as ``train_seeds``.

    Runs that were stopped at different steps catch up first. One that diverges leaves the others. The caller
    holds the runs' locks.
    """
    settings = settings or LoopSettings()
    diverged: dict[str, DivergedError] = {}
    left, end = list(specs), specs[0].steps
    while left:
        loops: list[Loop] = []
        try:
            loops = _begin(
                kind, images, left, layout, device=device, validation=validation, settings=settings
            )
            steps = sorted({loop.step for loop in loops})
            now = [loop for loop in loops if loop.step == steps[0]]
            until = steps[1] if len(steps) > 1 else end
            outcomes = run_together(now, program(now, device, way), until=until, progress=progress)
        except MembersDivergedError as error:
            begun = {loop.spec.run_id: loop for loop in loops}
            for spec in [spec for spec in left if spec.run_id in error.members]:
                why = error.members[spec.run_id]
                if settings.diverged == "stop":
                    diverged[spec.run_id] = why
                else:
                    record_divergence(
                        why, spec, layout, images, device, loop=begun.get(spec.run_id), progress=progress
                    )
            left = [spec for spec in left if spec.run_id not in error.members]
            if left:
                print(f"going on without {', '.join(error.members)}", file=sys.stderr, flush=True)
            continue
        if until == end:
            for loop, outcome in zip(now, outcomes, strict=True):
                finish(loop, outcome, images, device, progress=progress)
            if outcomes[0].stopped_by:  # it came in the last step: the runs are whole, but no other may begin
                raise stopped_at_the_end(outcomes[0].stopped_by, now[0].spec, layout)
            left = [loop.spec for loop in loops if loop not in now]
    return diverged


def _begin(
    kind: type[Method],
    images: ImageSet,
    specs: Sequence[RunSpec],
    layout: Layout,
    *,
    device: torch.device,
    validation: ImageSet | None,
    settings: LoopSettings,
) -> list[Loop]:
    """Return the runs, each ready for its next step.

    Raises:
        MembersDivergedError: a run's parent diverged, so that it has nothing to start from.
    """
    loops = []
    for spec in specs:
        try:
            loops.append(
                prepare(kind, images, spec, layout, device=device, validation=validation, settings=settings)
            )
        except DivergedError as error:
            raise MembersDivergedError({spec.run_id: error}) from error
    return loops
