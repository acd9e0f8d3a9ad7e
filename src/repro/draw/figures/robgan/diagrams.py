"""The parts that the diagrams of Rob-GAN and of its earlier submission (AdvGAN) share."""

from __future__ import annotations

from repro.draw.architectures import Architectures, network, shape_text
from repro.draw.diagrams import Canvas

GENERATOR, DISCRIMINATOR = "robgan.generator", "robgan.discriminator"


def training_loop(canvas: Canvas, y: float, architectures: Architectures, *, steps: str) -> None:
    """Draw co-training, 7 x 3 inches upwards from ``y`` (CVPR Fig. 1 and Sec. 3.3; ICLR Fig. 3, step 1).

    Args:
        steps: the attack's number of steps as the paper words it, e.g. "5 steps".
    """
    g, d = network(architectures, GENERATOR), network(architectures, DISCRIMINATOR)
    image = shape_text(g.outputs[0])
    noise = canvas.box(
        0.65, y + 2.05, 1.0, 0.55, "noise z, class y", "data", size=7.5, detail=f"z in {g.inputs[0][0]}-d"
    )
    maker = canvas.box(2.0, y + 2.05, 1.15, 0.75, "generator G", "network", detail=g.summary)
    fake = canvas.box(3.3, y + 2.05, 0.8, 0.5, "fake image", "data", size=7.5, detail=image)
    real = canvas.box(0.65, y + 0.9, 1.0, 0.55, "real image x", "data", size=7.5, detail="with its class y")
    attack = canvas.box(2.0, y + 0.9, 1.15, 0.75, "PGD attack", "attack", detail=f"{steps},\nraises D's loss")
    moved = canvas.box(
        3.3, y + 0.9, 0.8, 0.5, r"$x + \delta$", "data", detail=r"$\|\delta\|_\infty \leq \delta_{max}$"
    )
    judge = canvas.box(4.75, y + 1.475, 1.2, 1.75, "discriminator D", "network", detail=d.summary)
    source = canvas.box(6.2, y + 1.95, 1.3, 0.6, "real or fake?", "loss", detail=r"likelihood $L_S$")
    classes = canvas.box(
        6.2, y + 1.0, 1.3, 0.6, "which class?", "loss", detail=r"$L_{C1}$ real, $L_{C2}$ fake"
    )
    canvas.chain(noise, maker, fake, judge, source)
    canvas.chain(real, attack, moved, judge, classes)
    low, high = y + 0.24, y + 2.72
    canvas.back(
        [judge.at("bottom", 0.3), (judge.at("bottom", 0.3)[0], low), (2.0, low), attack.bottom],
        "gradient of the loss with respect to the image",
        "attack",
    )
    canvas.back([source.top, (6.2, high), (2.0, high), maker.top], r"update G: raise $L_{C2} - L_S$")
    side = judge.at("bottom", 0.75)
    canvas.back(
        [classes.bottom, (6.2, y + 0.45), (side[0], y + 0.45), side],
        r"update D: raise $L_S + L_{C1}$",
        offset=(0.2, -0.1),
    )


def fine_tuning(canvas: Canvas, y: float, architectures: Architectures, *, attacked: bool) -> None:
    """Draw fine-tuning, 7 x 2.5 inches upwards from ``y`` (CVPR Fig. 5 and Eq. 11; ICLR Fig. 3, step 2).

    Args:
        attacked: show the attack on both kinds of images (Eq. 11 has it; CVPR Fig. 5 leaves it out).
    """
    g, d = network(architectures, GENERATOR), network(architectures, DISCRIMINATOR)
    noise = canvas.box(0.5, y + 1.75, 0.7, 0.5, "noise z,\nclass y", "data", size=7.5)
    maker = canvas.box(1.55, y + 1.75, 0.95, 0.65, "G", "frozen", detail=f"fixed,\n{_millions(g.parameters)}")
    fake = canvas.box(2.65, y + 1.75, 0.75, 0.5, "fake image", "data", size=7.5, detail="class y")
    real = canvas.box(2.65, y + 0.75, 0.75, 0.5, "real image", "data", size=7.5, detail="class y")
    canvas.chain(noise, maker, fake)
    body = canvas.box(
        4.35, y + 1.25, 0.85, 1.6, "D", "network", detail=f"body and\nheads:\n{_millions(d.parameters)}"
    )
    for image in (fake, real):
        if attacked:
            attack = canvas.box(3.45, image.y, 0.5, 0.4, "PGD", "attack", size=7.5)
            canvas.chain(image, attack)
            canvas.arrow([attack.right, (body.left[0], image.y)])
        else:
            canvas.arrow([image.right, (body.left[0], image.y)])
    head = canvas.box(
        5.4, y + 1.65, 0.85, 0.5, "class head", "network", size=7.5, detail=f"{d.outputs[-1][-1]} classes"
    )
    off = canvas.box(5.4, y + 0.85, 0.85, 0.5, "source head", "frozen", size=7.5, detail="not used")
    loss = canvas.box(6.43, y + 1.65, 0.85, 0.75, "cross\nentropy", "loss", detail=r"real + $\lambda$ fake")
    canvas.chain(body, head, loss)
    canvas.arrow([(body.right[0], off.y), off.left], colour="#aaaaaa")
    high = y + 2.25
    canvas.back(
        [loss.top, (loss.x, high), (body.x, high), body.top], "update D by SGD on the class loss only"
    )


def four_discriminators(canvas: Canvas, architectures: Architectures, *, ours: str) -> None:
    """Draw the four conditional discriminators, 7 x 3 inches (CVPR Fig. 4, ICLR Fig. 4).

    Args:
        ours: the name of the paper's own.
    """
    d = network(architectures, DISCRIMINATOR)
    titles = ("(a) C-GAN", "(b) AC-GAN", "(c) SN-GAN (projection)", f"(d) {ours}")
    for index, title in enumerate(titles):
        canvas.region(0.07 + 1.73 * index, 0.28, 1.66, 2.65, title)
    _concatenating(canvas, 0.9)
    _two_heads(canvas, 0.9 + 1.73, "real + fake,\nD and G", "")
    _projecting(canvas, 0.9 + 2 * 1.73)
    _two_heads(canvas, 0.9 + 3 * 1.73, "D: real only\nG: fake", _millions(d.parameters))
    canvas.note(
        r"$\phi$, $\psi$: blocks of the network.  x: image, real or fake.  y: class.  Flow is upwards."
    )


def _concatenating(canvas: Canvas, x: float) -> None:
    image = canvas.box(x - 0.35, 0.6, 0.45, 0.35, "x", "data")
    label = canvas.box(x + 0.35, 0.6, 0.45, 0.35, "y", "data")
    joined = canvas.box(x, 1.15, 0.9, 0.3, "concatenate", size=7.5)
    body = canvas.box(x, 1.7, 0.9, 0.4, r"$\phi$", "network")
    loss = canvas.box(x, 2.38, 1.1, 0.45, "adversarial", "loss", size=7.5, detail="loss")
    canvas.arrow([image.top, joined.at("bottom", 0.111)])
    canvas.arrow([label.top, joined.at("bottom", 0.889)])
    canvas.arrow([joined.top, body.bottom])
    canvas.arrow([body.top, loss.bottom])


def _two_heads(canvas: Canvas, x: float, classified: str, detail: str) -> None:
    image = canvas.box(x, 0.6, 0.45, 0.35, "x", "data")
    body = canvas.box(x, 1.25, 0.95, 0.5, r"$\phi$", "network", detail=detail)
    source = canvas.box(x - 0.41, 2.3, 0.78, 0.62, "adversarial", "loss", size=7.5, detail="loss")
    classes = canvas.box(x + 0.41, 2.3, 0.78, 0.62, "class loss", "loss", size=7.5, detail=classified)
    canvas.arrow([image.top, body.bottom])
    canvas.arrow([body.at("top", 0.25), (body.at("top", 0.25)[0], 1.75), (source.x, 1.75), source.bottom])
    canvas.arrow([body.at("top", 0.75), (body.at("top", 0.75)[0], 1.75), (classes.x, 1.75), classes.bottom])


def _projecting(canvas: Canvas, x: float) -> None:
    image = canvas.box(x - 0.35, 0.6, 0.45, 0.35, "x", "data")
    label = canvas.box(x + 0.45, 0.6, 0.45, 0.35, "y", "data")
    body = canvas.box(x - 0.35, 1.15, 0.6, 0.36, r"$\phi$", "network")
    embed = canvas.box(x + 0.45, 1.15, 0.6, 0.36, "embed", "network", size=7)
    head = canvas.box(x - 0.35, 1.75, 0.6, 0.32, r"$\psi$", "network")
    product = canvas.circle(x + 0.45, 1.75, r"$\cdot$")
    total = canvas.circle(x, 2.06, "+")
    loss = canvas.box(x, 2.46, 1.1, 0.4, "adversarial", "loss", size=7, detail="loss")
    canvas.arrow([image.top, body.bottom])
    canvas.arrow([label.top, embed.bottom])
    canvas.arrow([body.top, head.bottom])
    canvas.arrow([embed.top, product.bottom])
    canvas.arrow([body.right, (x + 0.05, body.y), (x + 0.05, product.y), product.left])
    canvas.arrow([head.top, (head.x, total.y), total.left])
    canvas.arrow([product.top, (product.x, total.y), total.right])
    canvas.arrow([total.top, loss.bottom])


def _millions(parameters: int) -> str:
    return f"{parameters / 1e6:.1f} M param." if parameters >= 1e6 else f"{parameters:,} param."
