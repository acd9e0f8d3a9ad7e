"""SNGAN (Miyato et al. 2018): residual generator, spectrally normalised discriminator.

Layouts for 32, 48, 64 and 128 px are those of mimicry (DAT, Sec. IV-B trains with its code). Two details
differ between mimicry and SN-GAN's own code and are options here: mimicry's leading ReLU works in place, so
that a discriminator block's shortcut sees ReLU(x) instead of x, and its generator doubles maps bilinearly
instead of by repetition.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from repro.core.errors import ReproError
from repro.models.convolution import Convolution
from repro.models.registry import LatentDim
from repro.models.spectral_norm import SpectralConv2d, SpectralLinear
from repro.models.upsampling import Upsampling, double
from repro.models.width import channels

LayoutName = Literal["large", "small"]
ShortcutInput = Literal["relu", "raw"]


@dataclass(frozen=True)
class SnganLayout:
    """Channel counts for one image size.

    Args:
        base: side of the generator's first map.
        first: channels of the generator's first map.
        generator: output channels of the generator's blocks; each doubles the map.
        discriminator: output channels of the discriminator's blocks.
        halving: how many of them, from the first, halve the map.
    """

    base: int
    first: int
    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    halving: int


LAYOUTS = {
    32: SnganLayout(4, 256, (256, 256, 256), (128, 128, 128, 128), 2),
    48: SnganLayout(6, 512, (256, 128, 64), (64, 128, 256, 512, 1024), 4),
    64: SnganLayout(4, 1024, (512, 256, 128, 64), (64, 128, 256, 512, 1024), 5),
    128: SnganLayout(4, 1024, (1024, 512, 256, 128, 64), (64, 128, 256, 512, 1024, 1024), 5),
}

# SN-GAN's own for the 143 classes at 128 px, which it trains on one GPU; the one above is for all of ImageNet
SMALL = {128: SnganLayout(4, 512, (512, 256, 256, 128, 64), (64, 128, 256, 256, 512, 512), 5)}


def layout(image_size: int) -> SnganLayout:
    """Return the layout for square images of ``image_size`` pixels; ReproError where there is none."""
    return layout_called("large", image_size)


def layout_called(name: LayoutName, image_size: int) -> SnganLayout:
    """Return the large or the small layout for images of a size; ReproError where there is none."""
    known = SMALL if name == "small" else LAYOUTS
    if image_size not in known:
        sizes = ", ".join(str(size) for size in known)
        raise ReproError(
            f"SNGAN has no {name} layout for images of {image_size} px",
            remedy=f"use a data set of one of {sizes} px",
        )
    return known[image_size]


def _conv(in_channels: int, out_channels: int, kernel_size: int, gain: float) -> nn.Conv2d:
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
    nn.init.xavier_uniform_(conv.weight, gain)
    return conv


class GeneratorBlock(nn.Module):
    """BN, ReLU, double, 3x3, BN, ReLU, 3x3, plus a doubled 1x1 shortcut: (N,in,H,W) to (N,out,2H,2W)."""

    def __init__(self, in_channels: int, out_channels: int, upsampling: Upsampling) -> None:
        super().__init__()
        self.upsampling = upsampling
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = _conv(in_channels, out_channels, 3, math.sqrt(2))
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.conv2 = _conv(out_channels, out_channels, 3, math.sqrt(2))
        self.shortcut = _conv(in_channels, out_channels, 1, 1.0)

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of twice the side."""
        # ReLU and sum work in place: what they overwrite, nobody's gradient needs.
        hidden = self.conv1(double(F.relu(self.norm1(maps), inplace=True), self.upsampling))
        out: Tensor = self.conv2(F.relu(self.norm2(hidden), inplace=True))
        # The 1x1 convolution comes before the doubling: the same map (they commute) at a quarter of the work.
        return out.add_(double(self.shortcut(maps), self.upsampling))


class Generator(nn.Module):
    """Latents to images.

    Args:
        image_size: side in pixels: 32, 48, 64 or 128.
        latent_dim: length of a latent.
        width: factor on all channel counts.
        upsampling: how a block doubles its map.
    """

    n_classes = 0
    layout = staticmethod(layout)

    def __init__(
        self,
        image_size: int = 32,
        *,
        latent_dim: LatentDim = 128,
        width: float = 1.0,
        upsampling: Upsampling = "bilinear",
    ) -> None:
        super().__init__()
        plan = self.layout(image_size)
        self.latent_dim = latent_dim
        self.base = plan.base
        counts = [channels(count, width) for count in (plan.first, *plan.generator)]
        self.first = nn.Linear(latent_dim, counts[0] * plan.base**2)
        nn.init.xavier_uniform_(self.first.weight)
        pairs = pairwise(counts)
        self.blocks = nn.Sequential(*(GeneratorBlock(a, b, upsampling) for a, b in pairs))
        self.norm = nn.BatchNorm2d(counts[-1])
        self.last = _conv(counts[-1], 3, 3, 1.0)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N,3,S,S) in [-1,1] of latents (N, latent_dim); ``labels`` are not used."""
        maps = self.first(z).view(len(z), -1, self.base, self.base)
        images: Tensor = self.last(F.relu(self.norm(self.blocks(maps)), inplace=True)).tanh()
        return images


class FirstBlock(nn.Module):
    """3x3, ReLU, 3x3, halve, plus a halved 1x1 shortcut: (N,3,H,W) to (N,out,H/2,W/2)."""

    def __init__(self, out_channels: int, conv: type[Convolution] = SpectralConv2d) -> None:
        super().__init__()
        self.conv1 = conv(3, out_channels, 3, math.sqrt(2))
        self.conv2 = conv(out_channels, out_channels, 3, math.sqrt(2))
        self.shortcut = conv(3, out_channels, 1, 1.0)

    def forward(self, images: Tensor) -> Tensor:
        """Return maps of half the side."""
        out: Tensor = self.conv2(F.relu(self.conv1(images), inplace=True), halve=True)
        return out.add_(self.shortcut(F.avg_pool2d(images, 2)))


class DiscriminatorBlock(nn.Module):
    """ReLU, 3x3, ReLU, 3x3, perhaps halve; shortcut with a 1x1 where channels or size change.

    ``norm`` makes what stands before each ReLU, of its number of channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        halve: bool,
        shortcut_input: ShortcutInput,
        conv: type[Convolution] = SpectralConv2d,
        norm: Callable[[int], nn.Module] = nn.Identity,
    ) -> None:
        super().__init__()
        self.halve = halve
        self.shortcut_input = shortcut_input
        self.norm1, self.norm2 = norm(in_channels), norm(in_channels)
        self.conv1 = conv(in_channels, in_channels, 3, math.sqrt(2))
        self.conv2 = conv(in_channels, out_channels, 3, math.sqrt(2))
        changes = halve or in_channels != out_channels
        self.shortcut = conv(in_channels, out_channels, 1, 1.0) if changes else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (N,out,H,W), or of half the side."""
        active = F.relu(self.norm1(maps))
        short = active if self.shortcut_input == "relu" else maps
        hidden = F.relu(self.norm2(self.conv1(active)), inplace=True)
        out: Tensor = self.conv2(hidden, halve=self.halve)
        if self.halve:
            # Halving before the 1x1 convolution gives the same map at a quarter of the work.
            short = F.avg_pool2d(short, 2)
        return out.add_(self.shortcut(short))


class DiscriminatorOf(nn.Module):
    """The discriminator of a layout; every layer spectrally normalised."""

    def __init__(self, plan: SnganLayout, width: float, shortcut_input: ShortcutInput) -> None:
        super().__init__()
        counts = [channels(count, width) for count in plan.discriminator]
        blocks: list[nn.Module] = [FirstBlock(counts[0])]
        for index, (a, b) in enumerate(pairwise(counts), start=1):
            blocks.append(DiscriminatorBlock(a, b, index < plan.halving, shortcut_input))
        self.blocks = nn.Sequential(*blocks)
        self.last = SpectralLinear(counts[-1], 1)

    def feature_map(self, images: Tensor) -> Tensor:
        """Return the last block's maps (N,C,H,W), before the ReLU."""
        maps: Tensor = self.blocks(images)
        return maps

    def features(self, images: Tensor) -> Tensor:
        """Return the summed-up features (N, channels) before the last layer."""
        return F.relu(self.blocks(images)).sum(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Return raw logits (N,) of images (N,3,S,S) in [-1,1]; large means real."""
        logits: Tensor = self.last(self.features(images))
        return logits.squeeze(1)


class Discriminator(DiscriminatorOf):
    """Images to one real-or-fake logit each.

    Args:
        image_size: side in pixels: 32, 48, 64 or 128.
        width: factor on all channel counts.
        shortcut_input: what a block's shortcut sees: ``relu`` (mimicry) or ``raw`` (SN-GAN).
    """

    def __init__(
        self, image_size: int = 32, *, width: float = 1.0, shortcut_input: ShortcutInput = "relu"
    ) -> None:
        super().__init__(layout(image_size), width, shortcut_input)


GAN = Generator, Discriminator
