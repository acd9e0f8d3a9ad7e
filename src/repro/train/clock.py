"""The time that a training takes: on the wall, of the device, and of the attacks within the device's."""

from __future__ import annotations

import time

import torch
from pydantic import Field

from repro.core.spec import Frozen
from repro.core.timing import SplitWatch, Stopwatch


class TimeUsed(Frozen):
    """Seconds: wall-clock; the device's part of them; the attacks' part of those, in network and kernel.

    ``attack_seconds`` is empty for methods without attacks.
    """

    seconds: float = 0.0
    device_seconds: float = 0.0
    attack_seconds: dict[str, float] = Field(default_factory=dict)

    def __add__(self, other: TimeUsed) -> TimeUsed:
        """Return the sum, part by part."""
        ours, theirs = self.attack_seconds, other.attack_seconds
        return TimeUsed(
            seconds=self.seconds + other.seconds,
            device_seconds=self.device_seconds + other.device_seconds,
            attack_seconds={name: ours.get(name, 0.0) + theirs.get(name, 0.0) for name in ours | theirs},
        )

    def __sub__(self, other: TimeUsed) -> TimeUsed:
        """Return the difference, part by part."""
        return self + other / -1

    def __truediv__(self, count: float) -> TimeUsed:
        """Return the share of each of ``count`` steps or runs."""
        return TimeUsed(
            seconds=self.seconds / count,
            device_seconds=self.device_seconds / count,
            attack_seconds={name: seconds / count for name, seconds in self.attack_seconds.items()},
        )


class Clock:
    """Counts the time of this process's part of a run.

    Args:
        device: where the run trains.
        attacks: what its method adds up its attacks' time in.
    """

    def __init__(self, device: torch.device, attacks: SplitWatch) -> None:
        self._began = time.monotonic()
        self._device, self._attacks = Stopwatch(device), attacks

    def start(self) -> None:
        """Count device time from here, if it is not counted already."""
        self._device.start()

    def used(self) -> TimeUsed:
        """Return the time so far and count no more device time; waits for the device."""
        self._device.stop()
        return TimeUsed(
            device_seconds=self._device.seconds,
            attack_seconds=self._attacks.seconds,
            seconds=time.monotonic() - self._began,
        )
