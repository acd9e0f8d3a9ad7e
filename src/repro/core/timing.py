"""Device time: CUDA events around exactly what is claimed, ``perf_counter`` on the CPU."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch


class Stopwatch:
    """Adds up the device time of what lies between ``start`` and ``stop``.

    On CUDA only events are recorded; nothing waits until ``seconds`` is asked.

    Args:
        device: where the work runs.
    """

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._device = device
        self._seconds = 0.0
        self._started: float | torch.cuda.Event | None = None
        self._pairs: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    def start(self) -> None:
        """Begin to count; does nothing while it counts already."""
        if self._started is None:
            self._started = self._event() if self._cuda else time.perf_counter()

    def stop(self) -> None:
        """End to count; does nothing while it does not count."""
        started, self._started = self._started, None
        if isinstance(started, float):
            self._seconds += time.perf_counter() - started
        elif started is not None:
            self._pairs.append((started, self._event()))

    @property
    def seconds(self) -> float:
        """Device seconds between all starts and stops so far; on CUDA this waits for the last stop."""
        for first, last in self._pairs:
            last.synchronize()
            self._seconds += first.elapsed_time(last) / 1000
        self._pairs.clear()
        return self._seconds

    def _event(self) -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self._device))
        return event


@dataclass(eq=False)
class CapturedPart:
    """A part of a CUDA graph between two events that each replay records anew."""

    name: str
    first: torch.cuda.Event
    last: torch.cuda.Event
    replays: int = 0  # since it was last asked how long it takes

    def seconds(self) -> float:
        """Return the time of the replays since the last call, each taken to be as long as the newest."""
        if not self.replays:
            return 0.0
        self.last.synchronize()
        counted, self.replays = self.replays, 0
        return counted * float(self.first.elapsed_time(self.last)) / 1000


class SplitWatch:
    """Adds up the device time of an activity's named parts, such as an attack's ``network`` and ``kernel``.

    Parts that were never entered are not listed.

    Args:
        device: where the work runs.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._parts: dict[str, Stopwatch] = {}
        self._captured: list[CapturedPart] = []  # of graphs that have been replayed
        self._of_replays: dict[str, float] = {}
        self._being_captured: list[CapturedPart] | None = None

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what runs within as ``name``; what a CUDA graph captures counts when it is replayed."""
        if self._device.type == "cuda" and torch.cuda.is_current_stream_capturing():
            yield from self._captured_part(name)
            return
        watch = self._parts.setdefault(name, Stopwatch(self._device))
        watch.start()
        try:
            yield
        finally:
            watch.stop()

    def _captured_part(self, name: str) -> Iterator[None]:
        if self._being_captured is None:  # by somebody who does not count replays
            yield
            return
        first, last = (torch.cuda.Event(enable_timing=True, external=True) for _ in range(2))  # type: ignore[no-untyped-call]
        self._being_captured.append(CapturedPart(name, first, last))
        first.record(torch.cuda.current_stream(self._device))
        yield
        last.record(torch.cuda.current_stream(self._device))

    @contextmanager
    def capturing(self) -> Iterator[list[CapturedPart]]:
        """Give the list of the parts that are captured within, to be counted by ``replayed``."""
        parts: list[CapturedPart] = []
        self._being_captured = parts
        try:
            yield parts
        finally:
            self._being_captured = None

    def replayed(self, parts: list[CapturedPart]) -> None:
        """Count one replay of a graph's parts."""
        for part in parts:
            part.replays += 1
            if part not in self._captured:
                self._captured.append(part)

    @property
    def seconds(self) -> dict[str, float]:
        """Device seconds of each part so far; on CUDA this waits for the last one."""
        for part in self._captured:
            self._of_replays[part.name] = self._of_replays.get(part.name, 0.0) + part.seconds()
        self._captured.clear()
        found = dict(self._of_replays)
        for name, watch in self._parts.items():
            found[name] = found.get(name, 0.0) + watch.seconds
        return found


def part(watch: SplitWatch | None, name: str) -> AbstractContextManager[None]:
    """Return the context in which time counts for ``name``, if anybody watches."""
    return nullcontext() if watch is None else watch.part(name)
