"""InfoMaxGAN (Lee et al. 2021), as mimicry trains it: a GAN that also learns which parts make which image."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from repro.methods.gan_base import DiscriminatorOutput, GanMethod
from repro.methods.gan_options import GanOptions
from repro.methods.options import MethodOptions

OWN = -10.0  # score of an image's own places among the negatives


class InfoMaxOptions(GanOptions):
    """Options of the contrastive task.

    Attributes:
        network: its discriminator has two projections.
        infomax_real: alpha, weight of the contrastive loss of real images in D's loss.
        infomax_fake: beta, weight of that of generated images in G's loss.
    """

    networks: ClassVar[tuple[str, ...]] = ("INFOMAX_GAN",)

    network: str = "infomax_gan"
    infomax_real: float = Field(default=0.2, ge=0)
    infomax_fake: float = Field(default=0.2, ge=0)


class InfoMaxTask(GanMethod):
    """Adds the contrastive losses to a GAN, plain or perturbed."""

    options: InfoMaxOptions

    def discriminate(self, images: Tensor, classes: Tensor | None = None) -> DiscriminatorOutput:
        """Pass ``images`` through D once; the output holds local and global features too."""
        with self.autocast():
            logits, local, whole = self.D.views(images)  # type: ignore[operator]
        return DiscriminatorOutput(logits.float(), (local, whole))

    def contrast(self, images: Tensor, output: DiscriminatorOutput | None) -> Tensor:
        """Return the contrastive loss of ``images`` (N,3,S,S), 0-d; ``output`` saves a pass."""
        output = output or self.discriminate(images)
        with self.autocast():
            local, whole = self.D.project(*output.features)  # type: ignore[operator]
        return info_nce(local, whole)

    def real_auxiliary(self, images: Tensor, output: DiscriminatorOutput | None) -> Tensor | None:
        """Return D's weighted contrastive loss."""
        return self.options.infomax_real * self.contrast(images, output)

    def fake_auxiliary(self, images: Tensor, output: DiscriminatorOutput | None) -> Tensor | None:
        """Return G's weighted contrastive loss."""
        return self.options.infomax_fake * self.contrast(images, output)


def info_nce(local: Tensor, whole: Tensor) -> Tensor:
    """Return the mean InfoNCE loss (Lee et al. 2021, Eq. 4; as in mimicry), 0-d, at least 0.

    For each place of each image: minus the log of its share, exp(<local, whole>) over itself plus the
    negatives, which are that image's global features with every place of every other image. Dot products,
    no temperature. mimicry does not leave the image's own places out of the negatives but sets their scores
    to ``OWN``; they matter as little as exp(-10).

    Args:
        local: local features (N,D,H,W).
        whole: global features (N,D) of the same images.
    """
    places = local.float().flatten(2)
    n, _, m = places.shape
    scores = torch.einsum("id,jdp->ijp", whole.float(), places)
    same = torch.eye(n, dtype=torch.bool, device=scores.device)
    positive = scores.diagonal().T  # (N, H * W)
    # An image's negatives are the same for all its places, so their sum is taken once for each image; the
    # score of its own places enters it as one number, m exp(OWN).
    others = scores.masked_fill(same[:, :, None], -math.inf).flatten(1).logsumexp(1)
    negatives = torch.logaddexp(others, others.new_full((n,), OWN + math.log(m)))
    return F.softplus(negatives[:, None] - positive).mean()


class InfoMaxGan(InfoMaxTask):
    """The plain GAN with the task."""

    Options: ClassVar[type[MethodOptions]] = InfoMaxOptions


METHOD = InfoMaxGan
