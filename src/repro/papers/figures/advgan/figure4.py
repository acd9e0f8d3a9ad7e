"""Figure 4: four conditional discriminators (the drawing of the later paper, under this paper's name)."""

from __future__ import annotations

from repro.papers.figures.robgan.diagrams import DISCRIMINATOR, four_discriminators
from repro.report.architectures import Architectures
from repro.report.diagrams import Canvas

NETWORKS = (DISCRIMINATOR,)


def diagram(architectures: Architectures) -> Canvas:
    """Return the diagram; ``architectures`` must describe ``NETWORKS``."""
    canvas = Canvas(7.0, 3.0)
    four_discriminators(canvas, architectures, ours="AdvGAN")
    return canvas
