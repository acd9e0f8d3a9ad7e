"""SSGAN (Chen et al. 2019), as mimicry trains it: a GAN whose networks also have to get rotations right."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from repro.methods.gan_base import DiscriminatorOutput, GanMethod
from repro.methods.gan_options import GanOptions
from repro.methods.options import MethodOptions
from repro.models.ssgan import ROTATIONS


class RotationOptions(GanOptions):
    """Options of the rotation task.

    Attributes:
        network: its discriminator has a rotation head.
        rotation_real: weight of the rotation loss of real images in D's loss.
        rotation_fake: weight of that of generated images in G's loss.
    """

    networks: ClassVar[tuple[str, ...]] = ("ROTATION_GAN",)

    network: str = "ssgan"
    rotation_real: float = Field(default=1.0, ge=0)
    rotation_fake: float = Field(default=0.2, ge=0)


class RotationTask(GanMethod):
    """Adds the rotation losses to a GAN, plain or perturbed; the adversarial loss is of upright images."""

    options: RotationOptions

    def rotation_loss(self, images: Tensor) -> Tensor:
        """Return the mean cross-entropy of D's rotation logits on turned ``images`` (N,3,S,S), 0-d."""
        turned, turns = rotate_quarters(images)
        with self.autocast():
            logits = self.D.rotation_logits(turned)  # type: ignore[operator]
        return F.cross_entropy(logits.float(), turns)

    def real_auxiliary(self, images: Tensor, output: DiscriminatorOutput | None) -> Tensor | None:
        """Return D's weighted rotation loss."""
        return self.options.rotation_real * self.rotation_loss(images)

    def fake_auxiliary(self, images: Tensor, output: DiscriminatorOutput | None) -> Tensor | None:
        """Return G's weighted rotation loss."""
        return self.options.rotation_fake * self.rotation_loss(images)


def rotate_quarters(images: Tensor) -> tuple[Tensor, Tensor]:
    """Turn the first quarter of a batch by 0, the next by 90, 180, the last by 270 degrees, as mimicry does.

    SSGAN's pretext task (Chen et al. 2019, Sec. 3.2) is to tell by how many quarter turns.

    Args:
        images: (N,C,S,S). Where 4 does not divide N, the quarters differ by at most one image.

    Returns:
        The turned images (N,C,S,S) and the number of quarter turns of each, int64 (N,).
    """
    n = len(images)
    turns = torch.arange(n, device=images.device) * ROTATIONS // n
    bounds = [-(-n * k // ROTATIONS) for k in range(ROTATIONS + 1)]  # rounded up, as turns has it
    parts = [torch.rot90(images[start:stop], k, (2, 3)) for k, (start, stop) in enumerate(pairwise(bounds))]
    return torch.cat(parts), turns


class Ssgan(RotationTask):
    """The plain GAN with the task."""

    Options: ClassVar[type[MethodOptions]] = RotationOptions


METHOD = Ssgan
