"""Figure 2: the decision boundaries of a robust and of a non-robust discriminator, computed in the plane."""

from __future__ import annotations

from pathlib import Path

from repro.draw.draw import Shown
from repro.draw.figures.robgan.boundaries import draw_boundaries


def draw(shown: Shown, stem: Path, stamp: str) -> list[Path]:
    """Write ``stem``.png and ``stem``.pdf and return the two paths; it shows no cells."""
    return draw_boundaries(stem, stamp)
