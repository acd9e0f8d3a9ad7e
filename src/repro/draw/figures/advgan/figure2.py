"""Figure 2, which Rob-GAN shows again as its Figure 3."""

from __future__ import annotations

from repro.draw.figures.robgan.figure3 import draw

__all__ = ["draw"]
