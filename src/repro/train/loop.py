"""One run in training: its method, log, book and checkpoints. Nothing of any method is in it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.jsonl import StepLog, lines_around, read_lines
from repro.core.nested import first_non_finite, flatten
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.methods.base import Method
from repro.train.book import Book
from repro.train.certificate import Certificate
from repro.train.meter import Meter, diverged
from repro.train.settings import LoopSettings
from repro.train.snapshots import check_snapshots, save_snapshot
from repro.train.split import added


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
        header: what every checkpoint says besides specification and step; one with another ``data``,
            ``validation`` or ``parent`` is refused.
        session: what the book says about this process; a run that began with another ``training_code`` is
            refused.
    """

    def __init__(
        self,
        method: Method,
        streams: Streams,
        spec: RunSpec,
        layout: Layout,
        settings: LoopSettings,
        header: dict[str, Any],
        session: dict[str, Any],
    ) -> None:
        self.method, self.streams, self.spec, self.layout = method, streams, spec, layout
        self.settings, self.header, self.session = settings, header, session
        self.path = layout.checkpoint(spec.run_id)
        self.step = self.saved_step = 0
        self.sha256 = ""
        self.meter = Meter(method.device, settings.largest_loss)
        self.book = self.before = Book()
        self.log: StepLog | None = None
        self.certificate: Certificate | None = None

    def resume(self) -> None:
        """Take up the newest checkpoint; without one the run begins at step 0.

        Raises:
            ReproError: the checkpoint is damaged, or of another configuration, data set, parent or code; log
                or snapshots are not those that it was written with.
        """
        if self.path.exists():
            self._take_up()
        self.book.sessions.append({"step": self.step, **self.session})
        self.before = self.book.model_copy()

    def _take_up(self) -> None:
        loaded = checkpoint.load(self.path)  # on the CPU: optimisers and streams want theirs from there
        checkpoint.require_same_run(loaded.header, self.spec, self.path)
        for what in ("data", "validation", "parent"):
            if loaded.header.get(what) != self.header.get(what):
                raise self._foreign(f"it was made with another {what}")
        self.step = self.saved_step = checkpoint.step_of(loaded.header, self.spec, self.path)
        self.sha256 = loaded.sha256
        self.book = Book.of(loaded, self.path)
        self._check_code(self.book.sessions[-1])
        log = self.layout.log(self.spec.run_id)
        before, later = lines_around(log, self.book.log)
        check_snapshots(self.book.snapshots, self.spec, self.layout, self.step)
        try:
            saved = _parts(loaded.state["method"], loaded.state["streams"], loaded.state["meter"])
            self.method.load_state_dict(loaded.state["method"])
            self.streams.load_state_dict(loaded.state["streams"])
            self.meter.load_state_dict(loaded.state["meter"])
        except (KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
            raise self._foreign(f"it does not fit the method as it is now ({error})") from error
        found, wanted = self.state_hashes(), checkpoint.hashes(saved)
        differing = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
        if differing:
            raise self._foreign(f"the method did not take up {', '.join(differing)} as they were")
        self.certificate = Certificate(
            step=self.step,
            checkpoint_sha256=self.sha256,
            state_sha256=found,
            mark=self.book.log,
            before=before[-1] if before else None,
            later=later,
        )
        self.book.resumed.append(self.certificate.content)

    def _check_code(self, last: Mapping[str, Any]) -> None:
        """Check that the run goes on with the code that it was trained with so far."""
        ours, theirs = self.session["training_code"], last.get("training_code")
        if ours == theirs:
            return
        what = "torch" if isinstance(theirs, dict) and theirs.get("source") == ours["source"] else "code"
        was = (theirs or {}).get("torch") if what == "torch" else _version_line(last.get("code"))
        raise ReproError(
            f"the run began with another version of {what} ({was}), so it would end as neither trains it",
            remedy=f"put that version of {what} back and run the same command again, or delete the run's "
            "folder to train it anew",
            where=self.path,
        )

    def state_hashes(self) -> dict[str, str]:
        """Return the sha256 of each part of what a checkpoint of now would hold."""
        return checkpoint.hashes(
            _parts(self.method.state_dict(), self.streams.state_dict(), self.meter.state_dict())
        )

    def open_log(self) -> StepLog:
        """Return the log, open at the line after which training goes on.

        Raises:
            ReproError: what it held by then is gone, or it cannot be written.
        """
        self.log = StepLog(self.layout.log(self.spec.run_id), keep=self.book.log)
        return self.log

    def outcome(self, stopped_by: str | None) -> Outcome:
        """Return the end of the run."""
        lines = read_lines(self.layout.log(self.spec.run_id))
        return Outcome(self.sha256, lines[-1]["metrics"] if lines else {}, stopped_by)

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
        if self.log is not None:
            self.log.sync()
            self.book.log = self.log.mark
        header = {"kind": "checkpoint", "spec": self.spec.model_dump(mode="json"), "step": self.step}
        self.sha256 = checkpoint.save(self.path, state, {**header, **self.header}, self.book.notes)
        self.saved_step = self.step

    def check_metrics(self) -> None:
        """Wait for the device; raise DivergedError where a metric is not finite or a loss too large."""
        self.meter.check(self.step, self.saved_step)

    def check(self) -> None:
        """Wait for the device; raise DivergedError where a recent metric or a weight is not as it must be."""
        self.check_metrics()
        _, tensors = flatten(self.method.state_dict(), move=False)
        bad = first_non_finite(tensors)
        if bad is not None:
            raise diverged(bad, f"{bad} holds a value that is not finite", self.step, self.saved_step)

    def spend(self, *, seconds: float, device_seconds: float, attack_seconds: Mapping[str, float]) -> None:
        """Enter what this session has used so far into the book.

        Args:
            seconds: wall-clock time.
            device_seconds: the device's part of them.
            attack_seconds: the attacks' part of those, split into network and kernel.
        """
        self.book.seconds = self.before.seconds + seconds
        self.book.device_seconds = self.before.device_seconds + device_seconds
        self.book.attack_seconds = added(self.before.attack_seconds, attack_seconds)

    def keep(self, *, snapshot: bool) -> None:
        """Check losses and weights, then save: the checkpoint, and with ``snapshot`` one of these.

        Raises:
            DivergedError: something is not finite; nothing is written.
        """
        self.check()
        if snapshot:
            self.book.snapshots.append(save_snapshot(self.method, self.spec, self.layout, self.step))
        self.save()

    def due(self, saved: float) -> bool:
        """Return whether a checkpoint is due, the last one being of the time ``saved`` (monotonic)."""
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


def _parts(method: Mapping[str, Any], streams: Mapping[str, Any], meter: Any) -> dict[str, Any]:
    """Return the parts of a run's state, each under a name for people."""
    return {**{f"method.{name}": part for name, part in method.items()}, "streams": streams, "meter": meter}


def _version_line(code: object) -> str:
    """Return a code version in words, as far as it is known."""
    known = code if isinstance(code, dict) else {}
    changed = " with changes" if known.get("changed") else ""
    return f"commit {known['commit']}{changed}" if known.get("commit") else f"version {known.get('version')}"
