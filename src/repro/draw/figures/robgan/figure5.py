"""Figure 5: fine-tuning the discriminator as a classifier; the attack is left out, as in the paper."""

from __future__ import annotations

from repro.draw.architectures import Architectures
from repro.draw.diagrams import Canvas
from repro.draw.figures.robgan.diagrams import DISCRIMINATOR, GENERATOR, fine_tuning

NETWORKS = (DISCRIMINATOR, GENERATOR)


def diagram(architectures: Architectures) -> Canvas:
    """Return the diagram; ``architectures`` must describe ``NETWORKS``."""
    canvas = Canvas(7.0, 2.5)
    fine_tuning(canvas, 0.0, architectures, attacked=False)
    canvas.note("The attack on both kinds of images (Eq. 11) is left out for brevity, as in the paper.")
    return canvas
