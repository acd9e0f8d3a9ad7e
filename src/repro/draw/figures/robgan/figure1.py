"""Figure 1: Rob-GAN's training loop, three players."""

from __future__ import annotations

from repro.draw.architectures import Architectures
from repro.draw.diagrams import Canvas
from repro.draw.figures.robgan.diagrams import DISCRIMINATOR, GENERATOR, training_loop

NETWORKS = (DISCRIMINATOR, GENERATOR)


def diagram(architectures: Architectures) -> Canvas:
    """Return the diagram; ``architectures`` must describe ``NETWORKS``."""
    canvas = Canvas(7.0, 3.0)
    training_loop(canvas, 0.0, architectures, steps="several steps")
    return canvas
