"""What methods' attacks took since the last look, split into network and kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from repro.core.timing import SplitWatch


def added(left: Mapping[str, float], right: Mapping[str, float]) -> dict[str, float]:
    """Return the sum of two splits, part by part."""
    return {name: left.get(name, 0.0) + right.get(name, 0.0) for name in {**left, **right}}


class Split:
    """Reads the watches of methods that are trained side by side: the share of each, if they are alike.

    Each reading waits for the device, so it is done where the log is written.

    Args:
        watches: what the methods add up their attacks' time in.
    """

    def __init__(self, watches: Iterable[SplitWatch]) -> None:
        self._watches = tuple(watches)
        self._seen: dict[str, float] = {}

    def so_far(self) -> dict[str, float]:
        """Return the device seconds of each part, one method's share; empty for methods without attacks."""
        total: dict[str, float] = {}
        for watch in self._watches:
            total = added(total, watch.seconds)
        return {name: seconds / len(self._watches) for name, seconds in total.items()}

    def since_last(self) -> dict[str, float]:
        """Return the same since the last call."""
        now = self.so_far()
        passed = {name: seconds - self._seen.get(name, 0.0) for name, seconds in now.items()}
        self._seen = now
        return passed
