"""The training loop: steps, log, snapshots, checkpoints. Nothing of any method is in it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch

from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.jsonl import StepLog, read_lines
from repro.core.nested import first_non_finite, flatten
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.core.timing import Stopwatch
from repro.methods.base import Method
from repro.train.book import Book
from repro.train.meter import Meter, diverged
from repro.train.progress import ProgressDisplay
from repro.train.settings import LoopSettings
from repro.train.signals import StoppedError, StopSignals
from repro.train.snapshots import save_snapshot, snapshot_steps
from repro.train.split import Split


@dataclass(frozen=True)
class Outcome:
    """The end of a run: the checkpoint's sha256, means over the last log interval, a signal that came."""

    sha256: str
    metrics: dict[str, float]
    stopped_by: str | None = None


class Loop:
    """Trains one method to the end of its run, from the newest checkpoint where there is one.

    Args:
        method: in its initial state.
        streams: the random streams that the method draws from.
        spec: the run.
        layout: where its files lie.
        settings: intervals and bounds.
        header: what every checkpoint says besides specification and step; one with another ``data`` or
            ``parent`` is refused.
    """

    def __init__(
        self,
        method: Method,
        streams: Streams,
        spec: RunSpec,
        layout: Layout,
        settings: LoopSettings,
        header: dict[str, Any],
    ) -> None:
        self.method, self.streams, self.spec, self.layout = method, streams, spec, layout
        self.settings, self.header = settings, header
        self.path = layout.checkpoint(spec.run_id)
        self.step = 0
        self.sha256 = ""
        self.meter = Meter(method.device, settings.largest_loss)
        self.book = Book()

    def resume(self) -> None:
        """Take up the newest checkpoint; without one the run begins at step 0.

        Raises:
            ReproError: the checkpoint is damaged, or of another configuration, data set, parent or code.
        """
        if self.path.exists():
            loaded = checkpoint.load(self.path)  # on the CPU: optimisers and streams want theirs from there
            checkpoint.require_same_run(loaded.header, self.spec, self.path)
            for what in ("data", "parent"):
                if loaded.header.get(what) != self.header.get(what):
                    raise self._foreign(f"it was made with another {what}")
            self.step = int(loaded.header["step"])
            self.sha256 = loaded.sha256
            try:
                self.method.load_state_dict(loaded.state["method"])
                self.streams.load_state_dict(loaded.state["streams"])
                self.meter.load_state_dict(loaded.state["meter"], self.step)
            except (KeyError, ValueError, TypeError, RuntimeError) as error:
                raise self._foreign(f"it does not fit the method as it is now ({error})") from error
        self.book = Book.read(self.layout.book(self.spec.run_id), step=self.step)

    def run(self, *, progress: bool) -> Outcome:
        """Train to the last step.

        Args:
            progress: show progress on stderr.

        Raises:
            ReproError: a loss or weight became infinite or NaN (the last good checkpoint is kept), or a file
                cannot be written.
            StoppedError: SIGTERM or SIGINT came; the step was finished and a checkpoint written.
        """
        spec, steps = self.spec, self.spec.steps
        log_every = self.settings.log_interval(steps)
        snapshots = set(snapshot_steps(steps, spec.snapshots))
        watch, watched = Stopwatch(self.method.device), 0.0
        split = Split(self.method.watch)
        began = saved = time.monotonic()
        before = self.book.model_copy()
        logged = first = self.step
        path = self.layout.log(spec.run_id)
        with (
            StepLog(path, after=self.step) as log,
            ProgressDisplay(spec.run_id, total=steps, start=self.step, shown=progress) as display,
            StopSignals() as stop,
        ):
            while self.step < steps:
                watch.start()
                self._one_step(guarded=self.step == first)
                last = self.step == steps
                if self.step % log_every == 0 or last:
                    watch.stop()
                    self.meter.check(self.step)
                    seconds, watched = watch.seconds - watched, watch.seconds
                    means = self.meter.means()
                    passed = self.step - logged
                    line = {
                        "step": self.step,
                        "seconds": round(before.seconds + time.monotonic() - began, 3),
                        "device_seconds_per_step": seconds / passed,
                        "metrics": means,
                    }
                    if attacks := split.since_last():
                        line["attack_seconds_per_step"] = {name: s / passed for name, s in attacks.items()}
                    log.write(line)
                    logged = self.step
                    display.metrics(means)
                display.update(self.step)
                snapshot = self.step in snapshots
                if not (last or snapshot or stop.received or self._due(saved)):
                    continue
                watch.stop()
                self._check()
                if snapshot:
                    self.book.snapshots.append(save_snapshot(self.method, spec, self.layout, self.step))
                self.book.seconds = before.seconds + time.monotonic() - began
                self.book.device_seconds = before.device_seconds + watch.seconds
                self.book.attack_seconds = split.added_to(before.attack_seconds)
                self.save()
                saved = time.monotonic()
                if stop.received and not last:
                    raise StoppedError(
                        f"{stop.received} ended run {spec.run_id} after step {self.step} of {steps}",
                        remedy="run the same command again: it goes on from this step",
                        where=self.path,
                    )
        lines = read_lines(path)
        return Outcome(self.sha256, lines[-1]["metrics"] if lines else {}, stop.received)

    def save(self) -> None:
        """Write a checkpoint of the present state.

        Raises:
            ReproError: the file cannot be written; the old checkpoint is then kept.
        """
        state = {
            "method": self.method.state_dict(),
            "streams": self.streams.state_dict(),
            "meter": self.meter.state_dict(),
        }
        # The book goes first: a process killed between the two must not lose a snapshot from the list.
        self.book.write(self.layout.book(self.spec.run_id))
        header = {"kind": "checkpoint", "spec": self.spec.model_dump(mode="json"), "step": self.step}
        self.sha256 = checkpoint.save(self.path, state, {**header, **self.header})

    def _check(self) -> None:
        """Wait for the device; raise ReproError where a recent loss or a weight is not finite."""
        self.meter.check(self.step)
        _, tensors = flatten(self.method.state_dict(), move=False)
        bad = first_non_finite(tensors)
        if bad is not None:
            saved = int(checkpoint.load_header(self.path)["step"]) if self.path.exists() else 0
            raise diverged(f"{bad} holds a value that is not finite", saved, self.step)

    def _one_step(self, *, guarded: bool) -> None:
        if not guarded:
            self.meter.add(self.method.step(self.step))
            self.step += 1
            return
        # Torch's global generator is in no checkpoint: a method that draws from it could not be resumed.
        before = _global_states(self.method.device)
        self._one_step(guarded=False)
        if any(
            not torch.equal(a, b) for a, b in zip(before, _global_states(self.method.device), strict=True)
        ):
            raise RuntimeError(
                f"method {self.spec.method} draws from torch's global generator, not from a stream"
            )

    def _due(self, saved: float) -> bool:
        every = self.settings.checkpoint_steps
        return (every is not None and self.step % every == 0) or (
            time.monotonic() - saved >= self.settings.checkpoint_seconds
        )

    def _foreign(self, reason: str) -> ReproError:
        return ReproError(
            f"the checkpoint cannot be taken up: {reason}",
            remedy="delete the run's folder to train it anew, or put back what it was made with",
            where=self.path,
        )


def _global_states(device: torch.device) -> list[torch.Tensor]:
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states
