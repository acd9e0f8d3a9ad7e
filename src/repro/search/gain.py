"""What a search's winner gains over the value in use, and how much of that is noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

from repro.search.table import Outcome


@dataclass(frozen=True)
class Gain:
    """One search on one data set; ``in_use`` and ``winner`` are its rows, None where there is no such row."""

    search: str
    recipe: str
    option: str
    dataset: str
    in_use: Outcome | None
    winner: Outcome | None

    @property
    def kept(self) -> bool:
        """Tell whether the winner is the value in use."""
        return self.winner is not None and self.winner == self.in_use

    @property
    def gain(self) -> float | None:
        """Points by which the winner is better, 0 where it is in use; None where one has no score."""
        if self.winner is None or self.in_use is None:
            return None
        new, old = self.winner.mean, self.in_use.mean
        return None if new is None or old is None else new - old

    @property
    def noise(self) -> float | None:
        """Two standard errors of the gain in points; None where nothing is known of them."""
        if self.winner is None or self.in_use is None or self.kept:
            return None
        new, old = self.winner.standard_error, self.in_use.standard_error
        return None if new is None or old is None else 2 * math.hypot(new, old)

    @property
    def verdict(self) -> str:
        """In use, within noise, beyond noise, or that it cannot be told."""
        if self.kept:
            return "in use"
        if self.gain is None or self.noise is None:
            return "cannot be told"
        return "beyond noise" if self.gain > self.noise else "within noise"
