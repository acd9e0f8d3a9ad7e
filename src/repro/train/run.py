"""One run, from its specification to its record."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import torch

from repro.core import ranks
from repro.core.device import within_memory
from repro.core.divergence import Divergence, divergence_of
from repro.core.locks import only_process
from repro.core.paths import Layout
from repro.core.scratch import remove
from repro.core.spec import RunSpec
from repro.methods.registry import load_method
from repro.train.begin import begin, new_run
from repro.train.loop import Run, train
from repro.train.metric_means import DivergedError
from repro.train.other_data import set_aside_other
from repro.train.record import finished, record_line, write_record
from repro.train.settings import LoopSettings
from repro.train.signals import StoppedError
from repro.train.training_data import TrainingData


def train_run(
    spec: RunSpec,
    layout: Layout,
    *,
    device: torch.device,
    data_root: Path | None,
    progress: bool = True,
    settings: LoopSettings | None = None,
    data: TrainingData | None = None,
) -> None:
    """Train a run to its end, or go on where an earlier process left it; a finished run is left as it is.

    One of other images than the data root holds now is set aside and trained anew.

    A run that diverges ends there. With ``settings.diverged`` "record" its record says so, it counts as
    finished and is never trained again; a run that starts from it is recorded likewise, untrained.

    Args:
        spec: the run.
        layout: where its files go.
        device: where it is trained.
        data_root: folder of the data sets; not needed for synthetic images.
        progress: show progress on stderr.
        settings: intervals of log and checkpoints, bound for the loss, what a divergence is.
        data: keeps the images for the next runs.

    Raises:
        DivergedError: the training diverged, now or earlier, and ``settings.diverged`` is "stop".
        ReproError: unknown method or option, missing data, parent not finished, files damaged or of another
            configuration, another process trains the run, the code changed since this one began, device
            memory or disk full.
        StoppedError: SIGTERM or SIGINT came; the step was finished and a checkpoint written.
    """
    settings = settings or LoopSettings()
    folder, name = layout.run(spec.run_id), f"run {spec.run_id}"
    data = data or TrainingData()
    alone = only_process(folder, name) if ranks.first() else nullcontext()
    with alone, within_memory(device, name, folder):
        if ranks.first():
            set_aside_other(spec, layout, data, data_root, device)
        ranks.gathered(None)  # the others wait for it
        if not is_finished(spec, layout, settings):
            kind = load_method(spec.method)
            images, validation = data.load_all(kind, spec, data_root, device)
            run = new_run(kind, images, spec, layout, device=device, validation=validation, settings=settings)
            train_to_record(run, progress=progress)


def is_finished(spec: RunSpec, layout: Layout, settings: LoopSettings) -> bool:
    """Return whether nothing of a run is left to do.

    Raises:
        DivergedError: it ended by diverging, and ``settings.diverged`` is "stop".
        ReproError: its record or a file beside it is damaged.
    """
    if finished(layout, spec.run_id, spec) is None:
        return False
    divergence = divergence_of(layout, spec.run_id)
    if divergence is not None and settings.diverged == "stop":
        raise DivergedError(divergence)
    return True


def train_to_record(run: Run, *, progress: bool) -> None:
    """Train a new run to its end and write its record; else as ``train_run``. The caller holds its lock."""
    signal: str | None = None
    divergence: Divergence | None = None
    try:
        begin(run)
        signal = train(run, progress=progress)
    except DivergedError as error:
        if run.settings.diverged == "stop":
            raise
        divergence = error.divergence
    finish(run, divergence, progress=progress)
    if signal is not None:
        raise stopped_at_the_end(run, signal)


def finish(run: Run, divergence: Divergence | None = None, *, progress: bool) -> None:
    """Write the record of a run that is done, and say how it ended; of several processes the first does."""
    if not ranks.first():
        return
    if divergence is not None and divergence.quantity == "parent":
        layout, run_id = run.layout, run.spec.run_id  # what it had trained was of another parent
        for path in (run.path, layout.log(run_id), layout.run(run_id) / "snapshots"):
            remove(path)
    record = write_record(run, divergence)
    if progress:
        print(record_line(record), file=sys.stderr, flush=True)


def stopped_at_the_end(run: Run, signal: str) -> StoppedError:
    """Return the error for a signal that came in a run's last step: the run is whole, no other may begin."""
    return StoppedError(
        f"{signal} came while run {run.name} ended; the run is finished",
        remedy="run the same command again to go on with the others",
        where=run.layout.record(run.spec.run_id),
    )
