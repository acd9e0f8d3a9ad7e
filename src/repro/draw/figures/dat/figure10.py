"""Figure 10: the three places at which images can be perturbed (the rows of Table IV)."""

from __future__ import annotations

from repro.draw.architectures import Architectures, network
from repro.draw.diagrams import Canvas
from repro.draw.figures.dat.figure2 import DISCRIMINATOR, GENERATOR, NETWORKS

__all__ = ["NETWORKS", "diagram"]


def diagram(architectures: Architectures) -> Canvas:
    """Return the diagram (Sec. V-C); ``architectures`` must describe ``NETWORKS``."""
    g, d = network(architectures, GENERATOR), network(architectures, DISCRIMINATOR)
    canvas = Canvas(7.0, 4.1)
    canvas.region(0.05, 1.75, 6.9, 2.3, "Updating the discriminator")
    canvas.region(0.05, 0.3, 6.9, 1.35, "Updating the generator")
    _discriminator_step(canvas, f"{g.parameters:,}\nparameters", f"{d.parameters:,}\nparameters")
    _generator_step(canvas)
    rows = "real only (i); fake only (ii); discriminator only (i), (ii); generator only (iii); all three"
    canvas.note(f"The rows of Table IV: {rows}.")
    return canvas


def _discriminator_step(canvas: Canvas, generator: str, discriminator: str) -> None:
    real = canvas.box(2.55, 3.25, 0.8, 0.45, "real", "data")
    noise = canvas.box(0.5, 2.4, 0.6, 0.45, "z", "data")
    maker = canvas.box(1.5, 2.4, 0.95, 0.65, "G", "frozen", detail=generator)
    fake = canvas.box(2.55, 2.4, 0.8, 0.45, "generated", "data", size=7.5)
    first = canvas.box(3.75, 3.25, 0.95, 0.5, "(i) attack", "attack", detail="one step")
    second = canvas.box(3.75, 2.4, 0.95, 0.5, "(ii) attack", "attack", detail="one step")
    judge = canvas.box(5.15, 2.82, 1.0, 1.35, "D", "network", detail=discriminator)
    loss = canvas.box(6.4, 2.82, 0.85, 0.55, "loss of D", "loss", size=7.5)
    canvas.chain(real, first, judge)
    canvas.chain(noise, maker, fake, second, judge, loss)
    canvas.back([loss.top, (6.4, 3.77), (5.15, 3.77), judge.top], "update D")


def _generator_step(canvas: Canvas) -> None:
    noise = canvas.box(0.5, 0.72, 0.6, 0.45, "z", "data")
    maker = canvas.box(1.5, 0.72, 0.95, 0.5, "G", "network")
    fake = canvas.box(2.55, 0.72, 0.8, 0.45, "generated", "data", size=7.5)
    attack = canvas.box(3.75, 0.72, 0.95, 0.5, "(iii) attack", "attack", detail="one step")
    judge = canvas.box(5.15, 0.72, 1.0, 0.5, "D", "frozen", detail="fixed in this step")
    loss = canvas.box(6.4, 0.72, 0.85, 0.45, "loss of G", "loss", size=7.5)
    canvas.chain(noise, maker, fake, attack, judge, loss)
    canvas.back([loss.top, (6.4, 1.25), (1.5, 1.25), maker.top], "update G")
