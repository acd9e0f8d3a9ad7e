"""Where a discriminator's verdict turns from fake to real, for measurements of that verdict."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from repro.attacks.verdict import TwoClasses
from repro.data.batches import scale
from repro.evaluate.context import Context
from repro.methods.base import Method

Threshold = Literal["zero", "midpoint"]


@torch.no_grad()
def outputs(network: torch.nn.Module, images: Tensor, batch_size: int) -> Tensor:
    """Return the raw outputs (N,) of images (N,3,H,W)."""
    parts = [network(images[i : i + batch_size]).float() for i in range(0, len(images), batch_size)]
    return torch.cat(parts)


def two_classes(
    method: Method, context: Context, threshold: Threshold, split: str, batch_size: int
) -> TwoClasses:
    """Return the method's discriminator as a classifier of fake and real, in eval mode.

    Args:
        method: in eval mode.
        context: gives the real images and the latents' stream.
        threshold: ``zero``, where the sigmoid is one half and where the hinge loss's margins meet; or
            ``midpoint`` between the mean outputs of real and of as many generated images, for losses such as
            WGAN's, whose outputs have no zero.
        split: the real images for ``midpoint``.
        batch_size: images per pass.

    Raises:
        ReproError: the run has no discriminator, or the split does not exist.
    """
    network = method.discriminator().eval()
    if threshold == "zero":
        return TwoClasses(network)
    data = context.images(split)
    real = outputs(network, scale(data.images, method.bounds), batch_size)
    fake = outputs(network, method.sample(len(data), context.generator("threshold")), batch_size)
    return TwoClasses(network, (real.mean() + fake.mean()).item() / 2).eval()
