"""Figure 3: the two steps, co-training with a 5-step attack and refining."""

from __future__ import annotations

from repro.draw.architectures import Architectures
from repro.draw.diagrams import Canvas
from repro.draw.figures.robgan.diagrams import DISCRIMINATOR, GENERATOR, fine_tuning, training_loop

NETWORKS = (DISCRIMINATOR, GENERATOR)


def diagram(architectures: Architectures) -> Canvas:
    """Return the diagram; ``architectures`` must describe ``NETWORKS``."""
    canvas = Canvas(7.0, 5.75)
    canvas.region(0.04, 2.57, 6.92, 3.13, "Step 1. Co-training")
    canvas.region(0.04, 0.05, 6.92, 2.45, "Step 2. Refining")
    training_loop(canvas, 2.5, architectures, steps="5 steps")
    fine_tuning(canvas, -0.1, architectures, attacked=True)
    return canvas
