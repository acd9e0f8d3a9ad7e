"""The training loop: step, log, snapshot, checkpoint, stop. Nothing of any method is in it.

``begin`` brings a run to where it goes on, ``run`` writes its record; ``state`` is what a checkpoint holds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from repro.core import checkpoint, ranks
from repro.core.divergence import Divergence
from repro.core.errors import ReproError
from repro.core.jsonl import StepLog
from repro.core.paths import Layout
from repro.core.spec import RunSpec, snapshot_steps
from repro.train.certificate import Certificate
from repro.train.clock import Clock
from repro.train.history import RunHistory
from repro.train.metric_means import DivergedError
from repro.train.progress import ProgressDisplay
from repro.train.settings import LoopSettings
from repro.train.signals import StoppedError, StopSignals
from repro.train.snapshots import save_snapshot
from repro.train.state import TrainingState, no_other_randomness, part_hashes

if TYPE_CHECKING:
    from repro.train.seed_batch import SeedBatch


def train(run: Run | SeedBatch, *, until: int | None = None, progress: bool) -> str | None:
    """Train a run, from the step that it is at.

    Args:
        run: begun (see ``train.begin``); a batch of seeds does all that a run does.
        until: the step to stop at; None: the last one.
        progress: show progress on stderr.

    Returns:
        The signal that came in the run's last step, if one did.

    Raises:
        DivergedError: a loss or weight became infinite or NaN; the last good checkpoint is kept.
        ReproError: a file cannot be written.
        StoppedError: SIGTERM or SIGINT came; the step was finished and a checkpoint written.
    """
    start, steps = run.step, run.spec.steps
    end = steps if until is None else until
    log_every, snapshots = run.settings.log_interval(steps), snapshot_steps(steps, run.spec.snapshots)
    with (
        run.opened(),
        ProgressDisplay(run.name, total=steps, start=start, shown=progress and ranks.first()) as display,
        StopSignals() as stop,
    ):
        saved = time.monotonic()
        while run.step < end:
            with no_other_randomness(run.spec.method, run.device) if run.step == start else nullcontext():
                run.take_step()
            step = run.step
            if step % log_every == 0 or step == steps:
                display.metrics(run.write_log())
            display.update(step)
            due = run.settings.checkpoint_due(step, time.monotonic() - saved)
            asked, due = ranks.any_of(stop.received), ranks.any_of(due or None) is not None
            snapshot = step in snapshots
            if snapshot or due or step == end or asked:
                run.save(snapshot=snapshot)
                saved = time.monotonic()
            if asked:
                break
    came = ranks.any_of(stop.received)
    if came is not None and run.step < steps:
        raise StoppedError(
            f"{came} ended {run.name} after step {run.step} of {steps}",
            remedy="run the same command again: it goes on from this step",
            where=run.path,
        )
    return came


@dataclass(eq=False)
class Run:
    """One run in training, begun by ``train.begin``."""

    state: TrainingState
    spec: RunSpec
    layout: Layout
    settings: LoopSettings
    header: dict[str, Any]  # of every checkpoint, but for the step
    history: RunHistory
    step: int = 0
    saved_step: int = 0
    sha256: str | None = None  # of the last checkpoint
    certificate: Certificate | None = None  # of a resumed run

    def __post_init__(self) -> None:
        self.name, self.device = self.spec.run_id, self.state.method.device
        self.path = self.layout.checkpoint(self.spec.run_id)

    @contextmanager
    def opened(self, clock: Clock | None = None) -> Iterator[None]:
        """Open the log at the line after which training goes on; time counts from here."""
        self.clock = clock or Clock(self.device, self.state.method.watch)
        self.used_before = self.history.used
        self.logged = self.step, self.history.used
        with StepLog(self.layout.log(self.spec.run_id), keep=self.history.log) as self.log:
            yield

    def take_step(self) -> None:
        """Train by one step."""
        self.clock.start()
        self.count_step(self.state.method.step(self.step))

    def count_step(self, metrics: Mapping[str, Tensor]) -> None:
        """Take in a step that was taken: its metrics, 0-d tensors on the device; does not wait for them.

        One without metrics trained nothing.
        """
        self.state.metrics.add(metrics)
        self.step += 1
        if metrics:
            self.history.steps_taken = self.step

    def write_log(self) -> dict[str, float]:
        """Write the metrics' means since the last line, and return them; DivergedError where one is bad.

        Steps after an early stop train nothing and return none: they leave no line, and no seconds a step;
        the last line is of the last step that trained.
        """
        self._check_metrics()
        means = self.state.metrics.means()
        if not means:
            return means
        (since, before), at = self.logged, self.history.steps_taken or self.step
        self.logged = at, self.history.used
        # a run that goes on after its stop may have this line left to write, and no step
        per_step = (self.history.used - before) / max(at - since, 1)
        line: dict[str, Any] = {
            "step": at,
            "seconds": round(self.history.used.seconds, 3),
            "device_seconds_per_step": per_step.device_seconds,
            "metrics": means,
        }
        if per_step.attack_seconds:
            line["attack_seconds_per_step"] = per_step.attack_seconds
        self.log.write(line)
        if self.certificate is not None:
            self.certificate.logged(line)
        return means

    def save(self, *, snapshot: bool) -> None:
        """Write a checkpoint, with ``snapshot`` one of these too; DivergedError if a value is not finite."""
        self._check()
        if snapshot:
            self.history.snapshots.append(save_snapshot(self.state.method, self.spec, self.layout, self.step))
        self.log.sync()
        self.history.log = self.log.mark
        header = {**self.header, "step": self.step}
        self.sha256 = checkpoint.save(self.path, self.state.state_dict(), header, self.history.notes)
        self.saved_step = self.step

    def _check_metrics(self) -> None:
        """Note the time used; raise DivergedError where a metric is not finite or a loss too large."""
        self.history.used = self.used_before + self.clock.used()
        found = ranks.any_of(self.state.metrics.divergence(self.step, self.saved_step))
        if found is not None:
            raise DivergedError(found)

    def _check(self) -> None:
        """Do the same for all that a checkpoint holds, and compare it with other processes'."""
        self._check_metrics()
        if (bad := ranks.any_of(self.state.first_non_finite())) is not None:
            why = f"{bad} holds a value that is not finite"
            at = {"step": self.step, "last_good_step": self.saved_step}
            raise DivergedError(Divergence(quantity=bad, reason=why, **at))
        self.compare()

    def compare(self) -> None:
        """Raise ReproError unless every process of this run is at this step, with the same bits."""
        if ranks.count() == 1:
            return
        states = ranks.gathered((self.step, part_hashes(self.state.state_dict())))
        if any(state != states[0] for state in states):
            raise ReproError(
                f"the {len(states)} processes that train {self.name} are not in the same state: at steps "
                f"{', '.join(str(step) for step, _ in states)}",
                remedy="run the same command again: it goes on from the last checkpoint; let all processes "
                "have the same kind of GPU and see the same files",
                where=self.path,
            )


class Follower(Run):
    """A run as all but the first of several processes train it: what the first one writes, they do not."""

    @contextmanager
    def opened(self, clock: Clock | None = None) -> Iterator[None]:
        """Count time from here."""
        self.clock, self.used_before = clock or Clock(self.device, self.state.method.watch), self.history.used
        yield

    def write_log(self) -> dict[str, float]:
        """Begin the next means, and return the last ones; DivergedError as in the first process."""
        self._check_metrics()
        return self.state.metrics.means()

    def save(self, *, snapshot: bool) -> None:
        """Check what the first process writes."""
        self._check()
        self.saved_step = self.step
