"""InfoMaxGAN (Lee et al. 2021), as mimicry trains it: a GAN that also learns which parts make which image."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from repro.methods.gan_base import DiscriminatorOutput, GanMethod
from repro.methods.gan_options import GanOptions
from repro.methods.info_nce import info_nce
from repro.methods.options import MethodOptions


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


class InfoMaxGan(InfoMaxTask):
    """The plain GAN with the task."""

    Options: ClassVar[type[MethodOptions]] = InfoMaxOptions


METHOD = InfoMaxGan
