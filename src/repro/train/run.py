"""One run, from its specification to its record."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from repro.core.device import apply_precision, set_deterministic
from repro.core.divergence import FIELD, Divergence
from repro.core.errors import ReproError
from repro.core.files import remove_leftovers
from repro.core.locks import only_process
from repro.core.paths import Layout
from repro.core.provenance import code_version, describe_device
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.image_set import ImageSet
from repro.methods.base import Method
from repro.methods.registry import load_method
from repro.train.book import Book
from repro.train.loop import Loop, Outcome
from repro.train.meter import DivergedError
from repro.train.parents import load_parent
from repro.train.record import finished, record_line, write_record
from repro.train.settings import LoopSettings
from repro.train.signals import StoppedError
from repro.train.together import run_together
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
) -> Path:
    """Train a run to its end, or go on where an earlier process left it; a finished run is left as it is.

    A run that diverges ends there. With ``settings.diverged`` "record" its record says so, it counts as
    finished and is never trained again; a run that starts from it is recorded likewise, untrained.

    Args:
        spec: the run.
        layout: where its files go.
        device: where it is trained.
        data_root: folder of the data sets; not needed for synthetic images.
        progress: show progress on stderr.
        settings: intervals of log and checkpoints, bound for the loss, what a divergence is.
        data: keeps the images for the next run of a batch.

    Returns:
        The record, ``run.json``.

    Raises:
        DivergedError: the training diverged, now or earlier, and ``settings.diverged`` is "stop".
        ReproError: unknown method or option, missing data, parent not finished, files damaged or of another
            configuration, another process trains the run, device memory or disk full.
    """
    with only_process(layout.run(spec.run_id), f"run {spec.run_id}"):
        record = finished(layout, spec.run_id, spec)
        if record is not None:
            refuse_diverged(record, settings or LoopSettings())
        else:
            kind = load_method(spec.method)
            data = data or TrainingData()
            train, split = kind.train_split(spec), kind.validation_split(spec)
            images = data.load(spec, train, data_root, device)
            train_method(
                kind,
                images,
                spec,
                layout,
                device=device,
                validation=data.load_validation(spec, split, train, data_root, device) if split else None,
                progress=progress,
                settings=settings,
            )
    return layout.record(spec.run_id)


def train_method(
    kind: type[Method],
    images: ImageSet,
    spec: RunSpec,
    layout: Layout,
    *,
    device: torch.device,
    validation: ImageSet | None = None,
    progress: bool = True,
    settings: LoopSettings | None = None,
) -> None:
    """Train ``kind`` on ``images`` as ``spec`` says and write the record; else as ``train_run``.

    The caller holds the run's lock.
    """
    settings = settings or LoopSettings()
    loop: Loop | None = None
    try:
        loop = prepare(kind, images, spec, layout, device=device, validation=validation, settings=settings)
        method = loop.method
        outcome = run_together([loop], lambda step: [method.step(step)], progress=progress)[0]
    except torch.OutOfMemoryError as error:
        raise out_of_memory(error, spec, layout, device) from error
    except DivergedError as error:
        if settings.diverged == "stop":
            raise
        record_divergence(error, spec, layout, images, device, loop=loop, progress=progress)
        return
    finish(loop, outcome, images, device, progress=progress)
    if outcome.stopped_by:  # it came in the last step: the run is whole, but no other may begin
        raise stopped_at_the_end(outcome.stopped_by, spec, layout)


def prepare(
    kind: type[Method],
    images: ImageSet,
    spec: RunSpec,
    layout: Layout,
    *,
    device: torch.device,
    validation: ImageSet | None = None,
    settings: LoopSettings | None = None,
) -> Loop:
    """Return a run ready for its next step: made, begun at its parent's end, resumed from its checkpoint."""
    folder = layout.run(spec.run_id)
    for place in (folder, folder / "snapshots"):
        remove_leftovers(place)
    set_deterministic()
    apply_precision(spec.precision, device)
    parent = load_parent(spec, layout)
    streams = Streams(spec.seed, device)
    method = kind(spec, images, streams, device)
    method.validation = validation
    if parent is not None:
        method.start_from(parent.state)
    header = {
        "code": code_version(),
        "data": images.fingerprint,
        "parent": None if parent is None else parent.sha256,
    }
    loop = Loop(method, streams, spec, layout, settings or LoopSettings(), header)
    loop.resume()
    loop.book.sessions.append(
        {"step": loop.step, "code": code_version(), "device": describe_device(device)["name"]}
    )
    return loop


def finish(loop: Loop, outcome: Outcome, images: ImageSet, device: torch.device, *, progress: bool) -> None:
    """Write the record of a run that has taken its last step."""
    record = write_record(
        loop.spec,
        loop.layout,
        data=images,
        device=device,
        book=loop.book,
        sha256=outcome.sha256,
        parent=loop.header["parent"],
        metrics=outcome.metrics,
    )
    loop.layout.book(loop.spec.run_id).unlink(missing_ok=True)
    if progress:
        print(record_line(record), file=sys.stderr, flush=True)


def record_divergence(
    error: DivergedError,
    spec: RunSpec,
    layout: Layout,
    images: ImageSet,
    device: torch.device,
    *,
    loop: Loop | None,
    progress: bool,
) -> None:
    """Write the record of a diverged run; ``loop`` is None where it never began, for its parent diverged."""
    book = Book(sessions=[{"step": 0, "code": code_version(), "device": describe_device(device)["name"]}])
    record = write_record(
        spec,
        layout,
        data=images,
        device=device,
        book=loop.book if loop else book,
        sha256=(loop.sha256 or None) if loop else None,
        parent=loop.header["parent"] if loop else None,
        metrics=loop.outcome(None).metrics if loop else {},
        diverged=error.divergence,
    )
    layout.book(spec.run_id).unlink(missing_ok=True)
    if progress:
        print(record_line(record), file=sys.stderr, flush=True)


def refuse_diverged(record: Mapping[str, Any], settings: LoopSettings) -> None:
    """Raise DivergedError for the record of a diverged run where ``settings`` make that an error."""
    if settings.diverged == "stop" and record.get(FIELD) is not None:
        raise DivergedError(Divergence.model_validate(record[FIELD]))


def out_of_memory(error: BaseException, spec: RunSpec, layout: Layout, device: torch.device) -> ReproError:
    """Return the error for a device that is too small for a run (or a batch of seeds that begins with it)."""
    return ReproError(
        f"the memory of {device} is too small for run {spec.run_id}: {error}",
        remedy="choose a smaller width, batch size or batch of seeds in the profile, or another device",
        where=layout.run(spec.run_id),
    )


def stopped_at_the_end(signal: str, spec: RunSpec, layout: Layout) -> StoppedError:
    """Return the error for a signal that came in a run's last step."""
    return StoppedError(
        f"{signal} came while run {spec.run_id} ended; the run is finished",
        remedy="run the same command again to go on with the others",
        where=layout.record(spec.run_id),
    )
