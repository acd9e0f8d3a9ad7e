"""Device time: CUDA events around exactly what is claimed, ``perf_counter`` on the CPU."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

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


class SplitWatch:
    """Adds up the device time of an activity's named parts, such as an attack's ``network`` and ``kernel``.

    Parts that were never entered are not listed.

    Args:
        device: where the work runs.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._parts: dict[str, Stopwatch] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what runs within as ``name``; what a CUDA graph only captures does not run."""
        if self._device.type == "cuda" and torch.cuda.is_current_stream_capturing():
            yield
            return
        watch = self._parts.setdefault(name, Stopwatch(self._device))
        watch.start()
        try:
            yield
        finally:
            watch.stop()

    @property
    def seconds(self) -> dict[str, float]:
        """Device seconds of each part so far; on CUDA this waits for the last one."""
        return {name: watch.seconds for name, watch in self._parts.items()}


def part(watch: SplitWatch | None, name: str) -> AbstractContextManager[None]:
    """Return the context in which time counts for ``name``, if anybody watches."""
    return nullcontext() if watch is None else watch.part(name)
