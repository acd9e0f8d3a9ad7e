"""Figure 4: four conditional discriminators (the drawing of the later paper, under this paper's name)."""

from __future__ import annotations

from repro.draw.architectures import Architectures
from repro.draw.diagrams import Canvas
from repro.draw.figures.robgan.diagrams import DISCRIMINATOR, four_discriminators

NETWORKS = (DISCRIMINATOR,)


def diagram(architectures: Architectures) -> Canvas:
    """Return the diagram; ``architectures`` must describe ``NETWORKS``."""
    canvas = Canvas(7.0, 3.0)
    four_discriminators(canvas, architectures, ours="AdvGAN")
    return canvas
