"""InfoMaxGAN (Lee et al. 2021): SNGAN whose discriminator also matches an image's parts with the whole.

As in mimicry. Local features are the map that the last block is given, global ones the summed-up features;
both are projected to 1024 dimensions by a small residual network of spectrally normalised layers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from repro.models import sngan
from repro.models.spectral_norm import SpectralConv2d, SpectralLinear
from repro.models.width import channels

PROJECTED = 1024


class Views(NamedTuple):
    """What one pass gives: logits (N,), local features (N,C,H,W) and global ones (N,C), not yet projected."""

    logits: Tensor
    local: Tensor
    whole: Tensor


class Projection(nn.Module):
    """Layer, ReLU, layer, plus a layer as shortcut: of ``inputs`` to ``outputs`` channels or features."""

    def __init__(self, layer: Callable[[int, int], nn.Module], inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = layer(inputs, inputs)
        self.second = layer(inputs, outputs)
        self.shortcut = layer(inputs, outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Return the projected features."""
        out: Tensor = self.second(F.relu(self.first(features))) + self.shortcut(features)
        return out


class Discriminator(sngan.Discriminator):
    """Images to one real-or-fake logit each, and to projected local and global features.

    Args:
        image_size: side in pixels: 32, 48, 64 or 128.
        width: factor on all channel counts, the projections' among them.
        shortcut_input: what a block's shortcut sees: ``relu`` (mimicry) or ``raw`` (SN-GAN). mimicry's
            in-place ReLU also reaches the local features: they are ReLU(map) with ``relu``.
    """

    def __init__(
        self, image_size: int = 32, *, width: float = 1.0, shortcut_input: sngan.ShortcutInput = "relu"
    ) -> None:
        super().__init__(image_size, width=width, shortcut_input=shortcut_input)
        counts = [channels(count, width) for count in sngan.layout(image_size).discriminator]
        size = channels(PROJECTED, width)
        self.local_projection = Projection(partial(SpectralConv2d, kernel_size=1, gain=1.0), counts[-2], size)
        self.global_projection = Projection(SpectralLinear, counts[-1], size)
        self.after_relu = shortcut_input == "relu"

    def views(self, images: Tensor) -> Views:
        """Return logits and features of images (N,3,S,S) in one pass."""
        maps = self.blocks[:-1](images)
        features = F.relu(self.blocks[-1](maps)).sum(dim=(2, 3))
        local = F.relu(maps) if self.after_relu else maps
        return Views(self.last(features).squeeze(1), local, features)

    def project(self, local: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
        """Return local features (N,D,H,W) and global ones (N,D) in the space where they are compared."""
        return self.local_projection(local), self.global_projection(whole)


INFOMAX_GAN = sngan.Generator, Discriminator
