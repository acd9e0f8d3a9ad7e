"""Several seeds of one training as one run for the loop: stacked into one program, or in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TypeVar, cast

from repro.core.errors import ReproError
from repro.methods.classifier import Classifier
from repro.methods.seed_batch import PAYS, can_be_joined, joined
from repro.train.clock import Clock, TimeUsed
from repro.train.loop import Run

T = TypeVar("T")


class MembersFailedError(ReproError):
    """Runs that were trained side by side diverged or failed: why, by run id."""

    def __init__(self, members: dict[str, ReproError]) -> None:
        self.members = members
        reasons = "; ".join(f"{name}: {error.message}" for name, error in members.items())
        super().__init__(f"training failed: {reasons}", remedy="the other seeds can go on without them")


class SeedBatch:
    """Runs at the same step as one for the loop (``train.loop``): what a run does, each of them does.

    Times in their logs and histories are each run's share of the time in which it trained. One that diverges
    or fails keeps none of the others from what they do; ``MembersFailedError`` comes when all have done it.

    Args:
        members: the runs, begun.
    """

    def __init__(self, members: Sequence[Run]) -> None:
        first, others = members[0], len(members) - 1
        self.members, self.step = members, first.step
        self.spec, self.settings = first.spec, first.settings
        self.path, self.device = first.path, first.device
        self.name = f"{first.name} and {others} other seeds" if others else first.name
        self._live: list[Run] = []
        self._program: Classifier | None = None

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Open every log; time counts from here."""
        self.clock = SharedClock(self.members)
        with ExitStack() as logs:
            for member in self.members:
                logs.enter_context(member.opened(Share(self.clock, member)))
            yield

    def take_step(self) -> None:
        """Train all by one step: as one stacked program where their networks allow it, else in turn.

        A run that has stopped early leaves the stack, the others go on in a smaller one.
        """
        live = [member for member in self.members if not member.state.method.over]
        if live != self._live:
            self._live, self._program = live, _stacked(live)
            self.clock.share_among(live)
        self.clock.start()
        if self._program is None:
            for member in self.members:
                member.take_step()
        else:
            metrics = self._program.iterate()
            for k, member in enumerate(live):
                method = cast(Classifier, member.state.method)
                own = {name: values[k] for name, values in metrics.items()}
                member.count_step(own | method.judged(self.step + 1))
            for member in self.members:
                if member not in live:
                    member.count_step({})
        self.step += 1

    def write_log(self) -> dict[str, float]:
        """Write a line into every log; return the last one's means."""
        return each(self.members, Run.write_log)[-1]

    def save(self, *, snapshot: bool) -> None:
        """Write every checkpoint, and with ``snapshot`` one of these."""
        each(self.members, partial(Run.save, snapshot=snapshot))


class SharedClock(Clock):
    """Counts the time of several runs, and each one's share of it.

    Args:
        members: the runs; all train until ``share_among`` says otherwise.
    """

    def __init__(self, members: Sequence[Run]) -> None:
        self._watches = [member.state.method.watch for member in members]
        super().__init__(members[0].device, self._watches[0])
        self._live, self._shared_out = members, TimeUsed()
        self._shares = {member.name: TimeUsed() for member in members}

    def used(self) -> TimeUsed:
        """Return the time of all runs so far."""
        others = [TimeUsed(attack_seconds=watch.seconds) for watch in self._watches[1:]]
        return sum(others, super().used())

    def share_among(self, live: Sequence[Run]) -> None:
        """Share what comes from here among these runs alone, which train on."""
        self._share_out()
        self._live = live

    def share_of(self, member: Run) -> TimeUsed:
        """Return one run's share of the time so far."""
        self._share_out()
        return self._shares[member.name]

    def _share_out(self) -> None:
        now = self.used()
        for member in self._live:
            self._shares[member.name] += (now - self._shared_out) / len(self._live)
        self._shared_out = now


class Share(Clock):
    """One run's share of a clock."""

    def __init__(self, clock: SharedClock, member: Run) -> None:
        self._clock, self._member = clock, member

    def start(self) -> None:
        """Count device time from here, for all."""
        self._clock.start()

    def used(self) -> TimeUsed:
        """Return the run's share so far and count no more device time; waits for the device."""
        return self._clock.share_of(self._member)


def each(runs: Sequence[Run], act: Callable[[Run], T]) -> list[T]:
    """Do ``act`` for every run and return what it returned.

    Raises:
        MembersFailedError: afterwards, where some diverged or failed.
    """
    done: list[T] = []
    failed: dict[str, ReproError] = {}
    for run in runs:
        try:
            done.append(act(run))
        except ReproError as error:
            failed[run.name] = error
    if failed:
        raise MembersFailedError(failed)
    return done


def _stacked(members: Sequence[Run]) -> Classifier | None:
    """Return all members as one method; its metrics are (K,). None where they step in turn."""
    methods = [member.state.method for member in members]
    stackable = [method for method in methods if isinstance(method, Classifier) and can_be_joined(method)]
    if len(members) < 2 or len(stackable) < len(methods):
        return None
    if (members[0].device.type, members[0].spec.precision) not in PAYS:
        return None
    for member in members:
        member.history.sessions[-1].setdefault("seeds_together", len(members))
    return joined(stackable)
