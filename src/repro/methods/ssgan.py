"""SSGAN (Chen et al. 2019), as mimicry trains it: a GAN whose networks also have to get rotations right."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from repro.methods.gan_base import DiscriminatorOutput, GanMethod
from repro.methods.gan_options import GanOptions
from repro.methods.options import MethodOptions
from repro.methods.rotation import rotate_quarters


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


class Ssgan(RotationTask):
    """The plain GAN with the task."""

    Options: ClassVar[type[MethodOptions]] = RotationOptions


METHOD = Ssgan
