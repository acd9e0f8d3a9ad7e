"""What a method's attacks took since the last look, split into network and kernel."""

from __future__ import annotations

from collections.abc import Mapping

from repro.core.timing import SplitWatch


class Split:
    """Reads a method's watch; each reading waits for the device, so it is done where the log is written.

    Args:
        watch: what the method adds up its attacks' time in.
    """

    def __init__(self, watch: SplitWatch) -> None:
        self._watch = watch
        self._seen: dict[str, float] = {}

    def since_last(self) -> dict[str, float]:
        """Return the device seconds of each part since the last call; empty for a method without attacks."""
        now = self._watch.seconds
        passed = {name: seconds - self._seen.get(name, 0.0) for name, seconds in now.items()}
        self._seen = now
        return passed

    def added_to(self, earlier: Mapping[str, float]) -> dict[str, float]:
        """Return the device seconds of each part so far, on top of those of ``earlier`` sessions."""
        now = self._watch.seconds
        return {name: earlier.get(name, 0.0) + now.get(name, 0.0) for name in {**earlier, **now}}
