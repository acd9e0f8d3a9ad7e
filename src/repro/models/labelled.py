"""Conditional networks that have been told their classes, so that they take images (or latents) alone."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from repro.core.errors import ReproError

Side = Literal["real", "fake", "both"]


class Labelled(nn.Module):
    """A network of images or latents (N, ...) and classes, bound to one batch's classes (N,), int64."""

    def __init__(self, network: nn.Module, classes: Tensor) -> None:
        super().__init__()
        self.network = network
        self.classes = classes

    def forward(self, x: Tensor) -> Tensor:
        """Return what the network makes of ``x`` (N, ...)."""
        made: Tensor = self.network(x, self.classes)
        return made

    def feature_map(self, images: Tensor) -> Tensor:
        """Return the last feature map of a discriminator that has one."""
        maps: Tensor = self.network.feature_map(images, self.classes)  # type: ignore[operator]
        return maps


class LabelledSides(nn.Module):
    """A conditional discriminator in one of its updates: it judges real and fake images of known classes.

    Whoever calls it says whose classes are meant, by ``of_side``.

    Args:
        network: images (N,3,H,W) and classes (N,) to logits (N,).
        real: the real images' classes (N,), int64.
        fake: the generated images'.
    """

    def __init__(self, network: nn.Module, real: Tensor, fake: Tensor) -> None:
        super().__init__()
        self.network = network
        self.real, self.fake = real, fake

    def forward(self, images: Tensor) -> Tensor:
        """Refuse: whose classes are meant is not said."""
        raise ReproError(
            "a conditional discriminator was given images without their classes",
            remedy='in a penalty, call of_side(discriminator, "real") (or "fake", "both") on the images',
        )


def of_side(discriminator: nn.Module, side: Side) -> nn.Module:
    """Return a discriminator for the images of one ``side`` of an update: to logits (N,).

    Args:
        discriminator: what a penalty or an attack is given; one without classes is returned as it is.
        side: ``real`` (N images), ``fake`` (N) or ``both``, the fake ones after the real ones (2N).
    """
    if not isinstance(discriminator, LabelledSides):
        return discriminator
    sides = {"real": [discriminator.real], "fake": [discriminator.fake]}
    classes = sides.get(side, [discriminator.real, discriminator.fake])
    return Labelled(discriminator.network, torch.cat(classes))
