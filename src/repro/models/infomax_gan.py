"""InfoMaxGAN (Lee et al. 2021): SNGAN whose discriminator also matches an image's parts with the whole.

As in mimicry. Local features are the map that the last block is given, global ones the summed-up features;
both are projected to 1024 dimensions by a small residual network of spectrally normalised layers.
"""

from __future__ import annotations

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


class LocalProjection(nn.Module):
    """1x1, ReLU, 1x1, plus a 1x1 shortcut: (N,in,H,W) to (N,out,H,W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.first = SpectralConv2d(in_channels, in_channels, 1, 1.0)
        self.second = SpectralConv2d(in_channels, out_channels, 1, 1.0)
        self.shortcut = SpectralConv2d(in_channels, out_channels, 1, 1.0)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the projected maps."""
        out: Tensor = self.second(F.relu(self.first(maps))) + self.shortcut(maps)
        return out


class GlobalProjection(nn.Module):
    """Linear, ReLU, linear, plus a linear shortcut: (N,in) to (N,out)."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.first = SpectralLinear(in_features, in_features)
        self.second = SpectralLinear(in_features, out_features)
        self.shortcut = SpectralLinear(in_features, out_features)

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
        self.local_projection = LocalProjection(counts[-2], size)
        self.global_projection = GlobalProjection(counts[-1], size)
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
