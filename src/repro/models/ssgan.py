"""SSGAN (Chen et al. 2019): SNGAN whose discriminator also tells by how much an image was turned.

As in mimicry: one more spectrally normalised layer on the same features, for 0, 90, 180 and 270 degrees.
"""

from __future__ import annotations

from torch import Tensor

from repro.models import sngan
from repro.models.spectral_norm import SpectralLinear

ROTATIONS = 4


class Discriminator(sngan.Discriminator):
    """Images to one real-or-fake logit each, and to four rotation logits.

    Args:
        image_size: side in pixels: 32, 48, 64 or 128.
        width: factor on all channel counts.
        shortcut_input: what a block's shortcut sees: ``relu`` (mimicry) or ``raw`` (SN-GAN).
    """

    def __init__(
        self, image_size: int = 32, *, width: float = 1.0, shortcut_input: sngan.ShortcutInput = "relu"
    ) -> None:
        super().__init__(image_size, width=width, shortcut_input=shortcut_input)
        self.rotation = SpectralLinear(self.last.in_features, ROTATIONS)

    def rotation_logits(self, images: Tensor) -> Tensor:
        """Return logits (N,4) of how often a quarter turn was made of images (N,3,S,S)."""
        logits: Tensor = self.rotation(self.features(images))
        return logits


ROTATION_GAN = sngan.Generator, Discriminator
