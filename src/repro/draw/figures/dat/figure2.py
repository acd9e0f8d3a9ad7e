"""Figure 2: GAN training with a one-step attack on real and on generated images."""

from __future__ import annotations

from repro.draw.architectures import Architectures, network, shape_text
from repro.draw.diagrams import Canvas

GENERATOR, DISCRIMINATOR = "dat.generator", "dat.discriminator"
NETWORKS = (DISCRIMINATOR, GENERATOR)


def diagram(architectures: Architectures) -> Canvas:
    """Return the diagram (Sec. III-A, Eq. 8, Algorithm 1); ``architectures`` must describe ``NETWORKS``."""
    g, d = network(architectures, GENERATOR), network(architectures, DISCRIMINATOR)
    image = shape_text(g.outputs[0])
    canvas = Canvas(7.0, 3.1)
    noise = canvas.box(0.5, 2.1, 0.7, 0.5, "noise z", "data", size=7.5, detail=f"{g.inputs[0][0]}-d")
    maker = canvas.box(1.6, 2.1, 1.1, 0.75, "generator", "network", detail=g.summary)
    fake = canvas.box(2.72, 2.1, 0.8, 0.5, "generated", "data", size=7.5, detail=image)
    real = canvas.box(2.72, 0.9, 0.8, 0.5, "real", "data", size=7.5, detail=image)
    upper = canvas.box(3.82, 2.1, 0.95, 0.6, "1-step attack", "attack", size=7.5, detail="towards real")
    lower = canvas.box(3.82, 0.9, 0.95, 0.6, "1-step attack", "attack", size=7.5, detail="towards fake")
    judge = canvas.box(5.25, 1.5, 1.2, 1.9, "discriminator", "network", detail=d.summary)
    loss = canvas.box(6.5, 1.5, 0.8, 0.7, "loss", "loss", detail="real or\nfake?")
    canvas.chain(noise, maker, fake, upper)
    canvas.chain(real, lower)
    canvas.arrow([upper.right, (judge.left[0], upper.y)], r"$\hat{x}_f$", offset=(0, 0.1))
    canvas.arrow([lower.right, (judge.left[0], lower.y)], r"$\hat{x}_r$", offset=(0, 0.1))
    canvas.chain(judge, loss)
    canvas.back([(3.82, lower.top[1] + 0.3), lower.top], "", "attack", at=0)
    canvas.back(
        [(judge.left[0], 1.5), (3.82, 1.5), upper.bottom],
        r"$-\epsilon\,\nabla_x |\cdot|$",
        "attack",
        at=0,
        offset=(0.1, 0.09),
    )
    canvas.back(
        [loss.top, (6.5, 2.8), (1.6, 2.8), maker.top], "update the generator (clean images, no attack)"
    )
    canvas.back(
        [loss.bottom, (6.5, 0.28), (5.6, 0.28), judge.at("bottom", 0.79)], "update D", offset=(0, -0.1)
    )
    return canvas
