"""The two steps that need torch: train a batch of the plan, evaluate a batch of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from repro.core import ranks
from repro.core.errors import ReproError
from repro.core.locks import only_process
from repro.core.manifest import Stage, listed_file
from repro.core.named import named
from repro.core.paths import Layout
from repro.data.root import DATA_ROOT, INCEPTION, choose_path
from repro.plan.batches import Batch, Batches
from repro.plan.plan import Plan


def train_step(
    plan: Plan,
    batches: Batches,
    layout: Layout,
    *,
    batch: str | None,
    run: str | None,
    data_root: Path | None,
    device: str | None,
) -> None:
    """Train the runs of one batch, or one run; by ``torchrun`` where the profile wants several processes.

    Raises:
        ReproError: neither or both are named, the plan has no such batch or run, or a training fails.
    """
    if batch is not None and run is None:
        processes = _batch(batches.train, batch).processes
    else:
        processes = plan.processes(run) if run in plan.runs else 1
    if processes > 1 and not ranks.launched():
        ranks.launch(processes, plan.config.profile.threads)

    from repro.core.gpus import use_device
    from repro.train.batch import train_batch
    from repro.train.run import train_run
    from repro.train.settings import LoopSettings
    from repro.train.signals import StoppedError

    asked = device or plan.config.profile.device
    root = choose_path(data_root, DATA_ROOT, plan.config.settings.data_root)
    settings = LoopSettings(diverged=plan.config.profile.diverged, failures=plan.config.settings.warnings)
    if run is not None and batch is None:
        if run not in plan.runs:
            raise ReproError(
                f"the plan has no run {run!r}", remedy="`repro plan` lists the runs of a profile"
            )
        batch = batches.train_of[run]
        if not layout.record(run).exists():  # the record to come is not the one that the manifest may list
            layout.batch("train", batch).unlink(missing_ok=True)
        try:
            with ranks.joined(), use_device(asked) as where:
                train_run(plan.runs[run], layout, device=where, data_root=root, settings=settings)
        except StoppedError:  # one that came in the last step finds a finished run
            _forget_other(layout, batch, run)
            raise
        _forget_other(layout, batch, run)
    elif batch is not None and run is None:
        specs = [plan.runs[member] for member in _batch(batches.train, batch).members]
        seeds, manifest = plan.config.profile.batches.seeds, layout.batch("train", batch)
        with ranks.joined(), _alone(layout, "train", batch), use_device(asked) as where:
            train_batch(specs, layout, manifest, device=where, data_root=root, settings=settings, seeds=seeds)
    else:
        raise ReproError(
            "name either a batch or a run", remedy="give --batch or --run; `repro plan` lists both"
        )


def evaluate_step(
    plan: Plan,
    batches: Batches,
    layout: Layout,
    *,
    batch: str,
    data_root: Path | None,
    inception: Path | None,
    device: str | None,
) -> None:
    """Measure the evaluations of one batch.

    Raises:
        ReproError: the plan has no such batch, or a measurement fails.
    """
    from repro.core.gpus import use_device
    from repro.evaluate.batch import evaluate_batch

    specs = [plan.evaluations[member] for member in _batch(batches.evaluate, batch).members]
    with _alone(layout, "evaluate", batch), use_device(device or plan.config.profile.device) as where:
        evaluate_batch(
            specs,
            layout,
            layout.batch("evaluate", batch),
            device=where,
            data_root=choose_path(data_root, DATA_ROOT, plan.config.settings.data_root),
            inception=choose_path(inception, INCEPTION, plan.config.settings.inception),
        )


def _forget_other(layout: Layout, batch: str, run: str) -> None:
    """Remove a batch's manifest, for Snakemake to make it anew, unless it lists the record that there is now.

    A run of other images was set aside, and its record with it.
    """
    try:
        listed_file(layout, "train", batch, run)
    except ReproError:
        layout.batch("train", batch).unlink(missing_ok=True)


def _alone(layout: Layout, stage: Stage, batch: str) -> AbstractContextManager[None]:
    """Wait for a process that works on the same batch, such as one whose Snakemake was killed.

    Of several that train together the first one waits, and the others for it.
    """
    if not ranks.first():
        return nullcontext()
    return only_process(layout.locks, f"batch {batch}", name=f"{stage}-{batch}.lock", wait=True)


def _batch(known: Mapping[str, Batch], name: str) -> Batch:
    """Look a batch up."""
    return known[named("batch", name, known)]
