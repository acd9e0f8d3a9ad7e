"""One run's begin and end: made or taken up, and its record written. What lies between is the loop's."""

from __future__ import annotations

import sys
from typing import Any

import torch

from repro.core.device import apply_precision, set_deterministic
from repro.core.errors import ReproError
from repro.core.files import remove_leftovers
from repro.core.paths import Layout
from repro.core.provenance import code_version, describe_device, training_code
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.image_set import ImageSet
from repro.methods.base import Method
from repro.train.book import Book
from repro.train.loop import Loop, Outcome
from repro.train.meter import DivergedError
from repro.train.parents import load_parent
from repro.train.record import record_line, write_record
from repro.train.settings import LoopSettings
from repro.train.signals import StoppedError


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
        "validation": None if validation is None else validation.fingerprint,
        "parent": None if parent is None else parent.sha256,
    }
    loop = Loop(method, streams, spec, layout, settings or LoopSettings(), header, _session(device))
    loop.resume()
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
        state_sha256=loop.state_hashes(),
    )
    _close(record, progress=progress)


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
    record = write_record(
        spec,
        layout,
        data=images,
        device=device,
        book=loop.book if loop else Book(sessions=[{"step": 0, **_session(device)}]),
        sha256=(loop.sha256 or None) if loop else None,
        parent=loop.header["parent"] if loop else None,
        metrics=loop.outcome(None).metrics if loop else {},
        diverged=error.divergence,
    )
    _close(record, progress=progress)


def _session(device: torch.device) -> dict[str, Any]:
    """Return a book's entry for a session, without the step that it begins at."""
    return {
        "code": code_version(),
        "training_code": training_code(),
        "device": describe_device(device)["name"],
        "threads": torch.get_num_threads(),
    }


def _close(record: dict[str, Any], *, progress: bool) -> None:
    """Say how a run ended."""
    if progress:
        print(record_line(record), file=sys.stderr, flush=True)


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
