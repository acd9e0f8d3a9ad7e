"""Figure 1: the classifier F and the trainer G that turns F's input gradient into a perturbation."""

from __future__ import annotations

from repro.draw.architectures import Architectures, network, shape_text
from repro.draw.diagrams import Canvas

CLASSIFIER, GENERATOR = "gat.classifier", "gat.generator"
NETWORKS = (CLASSIFIER, GENERATOR)


def diagram(architectures: Architectures) -> Canvas:
    """Return the diagram (Sec. 3, Eqs. 9 and 10); ``architectures`` must describe ``NETWORKS``."""
    f, g = network(architectures, CLASSIFIER), network(architectures, GENERATOR)
    image = shape_text(f.inputs[0])
    canvas = Canvas(7.0, 3.1)
    clean = canvas.box(0.62, 2.55, 0.95, 0.6, "image x", "data", detail=f"{image}\nin [0, 1]")
    first = canvas.box(2.1, 2.55, 1.3, 0.8, "classifier F", "network", detail=f.summary)
    delta = canvas.box(
        3.6,
        2.55,
        1.0,
        0.6,
        r"$\Delta = \partial F(x)_y / \partial x$",
        "data",
        size=7.5,
        detail="here as data",
    )
    maker = canvas.box(5.2, 2.55, 1.3, 0.8, "trainer G", "network", detail=g.summary)
    noise = canvas.box(6.45, 2.55, 0.8, 0.6, r"$G(\Delta)$", "data", detail="in (-1, 1)")
    canvas.chain(clean, first, delta, maker, noise)
    total = canvas.circle(0.62, 1.3, "+")
    canvas.arrow([clean.bottom, total.top])
    canvas.arrow([noise.bottom, (noise.x, 1.83), (0.92, 1.83), (0.92, 1.3), total.right])
    moved = canvas.box(0.62, 0.62, 0.95, 0.55, r"$x + G(\Delta)$", "data", size=7.5, detail="adversarial")
    canvas.arrow([total.bottom, moved.top])
    second = canvas.box(2.1, 0.9, 1.3, 0.8, "classifier F", "network", detail="the same weights")
    canvas.arrow([moved.right, (second.left[0], moved.y)])
    canvas.arrow([clean.right, (1.25, clean.y), (1.25, 1.15), (second.left[0], 1.15)])
    trainer = canvas.box(
        4.35, 1.3, 2.2, 0.5, "(1) loss of G", "loss", detail=r"$F(x + G(\Delta))_y + c_g\,\|G(\Delta)\|_2^2$"
    )
    classifier = canvas.box(
        4.35,
        0.5,
        2.2,
        0.5,
        "(2) loss of F",
        "loss",
        detail=r"$\alpha J(x, y) + (1 - \alpha) J(x + G(\Delta), y)$",
    )
    canvas.arrow(
        [second.at("right", 0.75), (3.0, second.at("right", 0.75)[1]), (3.0, trainer.y), trainer.left]
    )
    canvas.arrow(
        [second.at("right", 0.25), (3.0, second.at("right", 0.25)[1]), (3.0, classifier.y), classifier.left]
    )
    canvas.back(
        [trainer.right, (5.6, trainer.y), (5.6, maker.bottom[1])],
        "update G,\nk steps",
        offset=(0.07, -0.33),
        ha="left",
    )
    canvas.back(
        [classifier.bottom, (4.35, 0.12), (2.1, 0.12), second.bottom], "update F, 1 step", offset=(0, 0.08)
    )
    return canvas
