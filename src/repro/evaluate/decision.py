"""Where a discriminator's verdict turns from fake to real, for measurements of that verdict."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from repro.attacks.two_classes import TwoClasses
from repro.data.minibatches import scale
from repro.evaluate.context import Context
from repro.evaluate.registry import MeasureOptions
from repro.methods.base import Method


class VerdictOptions(MeasureOptions):
    """Options of every measurement of a discriminator's verdict.

    Attributes:
        threshold: where D's verdict turns: ``zero``, where the sigmoid is one half and where the hinge loss's
            margins meet; or ``midpoint`` between the mean outputs of real and of as many generated images,
            for losses such as WGAN's, whose outputs have no zero.
        split: the real images.
        batch_size: images judged or attacked at once.
    """

    threshold: Literal["zero", "midpoint"] = "zero"
    split: str = "test"
    batch_size: int = Field(default=250, ge=1)


@torch.no_grad()
def outputs(network: torch.nn.Module, images: Tensor, batch_size: int) -> Tensor:
    """Return the raw outputs (N,) of images (N,3,H,W)."""
    parts = [network(images[i : i + batch_size]).float() for i in range(0, len(images), batch_size)]
    return torch.cat(parts)


def two_classes(method: Method, context: Context, options: VerdictOptions) -> TwoClasses:
    """Return the method's discriminator as a classifier of fake and real, in eval mode.

    Args:
        method: in eval mode.
        context: gives the real images and the latents' stream.
        options: where its verdict turns.

    Raises:
        ReproError: the run has no discriminator, or the split does not exist.
    """
    network = method.discriminator().eval()
    if options.threshold == "zero":
        return TwoClasses(network)
    data = context.images(options.split)
    real = outputs(network, scale(data.images, method.bounds), options.batch_size)
    fake = outputs(network, method.sample(len(data), context.generator("threshold")), options.batch_size)
    return TwoClasses(network, (real.mean() + fake.mean()).item() / 2).eval()
