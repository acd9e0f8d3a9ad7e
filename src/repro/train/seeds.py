"""Several seeds of one run trained as one program, each with its own log, checkpoints and record."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor

from repro.core.locks import only_process
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.methods.classifier import Classifier
from repro.methods.registry import load_method
from repro.methods.seed_batch import FASTEST, can_be_joined, joined
from repro.models.stacked import Way
from repro.train.loop import Loop
from repro.train.meter import DivergedError
from repro.train.record import finished
from repro.train.run import (
    finish,
    out_of_memory,
    prepare,
    record_divergence,
    refuse_diverged,
    stopped_at_the_end,
)
from repro.train.settings import LoopSettings
from repro.train.together import MembersDivergedError, TakeStep, run_together
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
    way: Way | None = None,
) -> dict[str, str]:
    """Train runs that differ in their seeds alone, side by side; finished ones are left as they are.

    Runs that were stopped at different steps catch up first. One that diverges leaves the batch.

    Args:
        specs: the runs.
        layout: where their files go.
        device: where they are trained.
        data_root: folder of the data sets; not needed for synthetic images.
        progress: show progress on stderr.
        settings: intervals of log and checkpoints, bound for the loss, what a divergence is.
        data: keeps the images for the next runs.
        way: how the stacked networks are computed; None: what is fastest on the device.

    Returns:
        Why runs failed, by run id; one that diverged and was recorded did not fail.

    Raises:
        ReproError: as ``train_run``, except that a diverged run is in the result.
    """
    failed: dict[str, str] = {}
    settings = settings or LoopSettings()
    kind, images = load_method(specs[0].method), None
    with ExitStack() as locks:
        for spec in specs:
            locks.enter_context(only_process(layout.run(spec.run_id), f"run {spec.run_id}"))
        left: list[RunSpec] = []
        for spec in specs:
            record = finished(layout, spec.run_id, spec)
            if record is None:
                left.append(spec)
                continue
            try:
                refuse_diverged(record, settings)
            except DivergedError as error:
                failed[spec.run_id] = str(error)
        while left:
            if images is None:
                images = (data or TrainingData()).load(left[0], kind.train_split(left[0]), data_root, device)
            try:
                loops = [
                    prepare(kind, images, spec, layout, device=device, settings=settings) for spec in left
                ]
                steps = sorted({loop.step for loop in loops})
                now = [loop for loop in loops if loop.step == steps[0]]
                until = steps[1] if len(steps) > 1 else left[0].steps
                outcomes = run_together(now, _program(now, device, way), until=until, progress=progress)
            except torch.OutOfMemoryError as error:
                raise out_of_memory(error, left[0], layout, device) from error
            except (DivergedError, MembersDivergedError) as error:
                gone = {now[0].spec.run_id: error} if isinstance(error, DivergedError) else error.members
                for loop in loops:
                    found = gone.get(loop.spec.run_id)
                    if found is not None and settings.diverged == "stop":
                        failed[loop.spec.run_id] = str(found)
                    elif found is not None:
                        record_divergence(
                            found, loop.spec, layout, images, device, loop=loop, progress=progress
                        )
                left = [spec for spec in left if spec.run_id not in gone]
                print(f"going on without {', '.join(gone)}", file=sys.stderr, flush=True)
                continue
            if until == left[0].steps:
                for loop, outcome in zip(now, outcomes, strict=True):
                    finish(loop, outcome, images, device, progress=progress)
                if outcomes[0].stopped_by:
                    raise stopped_at_the_end(outcomes[0].stopped_by, now[0].spec, layout)
                left = [loop.spec for loop in loops if loop not in now]
    return failed


def _program(loops: Sequence[Loop], device: torch.device, way: Way | None) -> TakeStep:
    """Return what trains all of ``loops`` by one step: stacked if their networks allow it, else in turn."""
    methods = [loop.method for loop in loops]
    members = [method for method in methods if isinstance(method, Classifier) and can_be_joined(method)]
    chosen = way or FASTEST.get(device.type)
    if chosen is None or len(loops) == 1 or len(members) < len(methods):
        return lambda step: [method.step(step) for method in methods]
    together = joined(members, chosen)
    for loop in loops:
        loop.book.sessions[-1]["seeds_together"] = len(loops)

    def take_step(step: int) -> list[dict[str, Tensor]]:
        metrics = together.step(step)
        return [{name: values[k] for name, values in metrics.items()} for k in range(len(loops))]

    return take_step
