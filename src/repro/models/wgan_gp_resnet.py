"""WGAN-GP's ResNet (Gulrajani et al. 2017, Appendix F): 128 channels throughout, no norm in D.

The layers are those of its code for CIFAR-10. Neither the paper nor the code has a layout for other sizes:
here the first map is an eighth of the image's side, 6 x 6 at 48 px. The other norms of the discriminator are
those that Miyato et al. (2018) compare with.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from repro.core.errors import ReproError
from repro.models import sngan
from repro.models.convolution import Convolution
from repro.models.registry import LatentDim
from repro.models.sngan import DiscriminatorBlock, FirstBlock, SnganLayout
from repro.models.width import channels

CHANNELS = 128
Norm = Literal["none", "layer", "weight"]


def layout(image_size: int) -> SnganLayout:
    """Return the layout for images whose side is a multiple of 8 px; ReproError for others."""
    if image_size % 8:
        raise ReproError(
            f"WGAN-GP's ResNet has no layout for images of {image_size} px",
            remedy="use a data set whose side is a multiple of 8 px",
        )
    return SnganLayout(image_size // 8, CHANNELS, (CHANNELS,) * 3, (CHANNELS,) * 4, halving=2)


def zero_biases(network: nn.Module) -> None:
    """Let every convolution and linear layer begin without a bias, as the code does."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.zeros_(layer.bias)


class Generator(sngan.Generator):
    """Latents to images (N,3,S,S) in [-1,1]; SN-GAN's blocks, which repeat values to double a map.

    Args:
        image_size: side in pixels.
        latent_dim: length of a latent.
        width: factor on all channel counts.
    """

    layout = staticmethod(layout)

    def __init__(self, image_size: int = 32, *, latent_dim: LatentDim = 128, width: float = 1.0) -> None:
        super().__init__(image_size, latent_dim=latent_dim, width=width, upsampling="nearest")
        zero_biases(self)


def discriminator_blocks(image_size: int, width: float, norm: Norm = "none") -> nn.Sequential:
    """Return the blocks of a discriminator: images (N,3,S,S) to maps (N,C,S/4,S/4) before the last ReLU."""
    plan, count = layout(image_size), channels(CHANNELS, width)
    before_relu = partial(nn.GroupNorm, 1) if norm == "layer" else nn.Identity
    blocks: list[nn.Module] = [FirstBlock(count, Convolution)]
    for index in range(1, len(plan.discriminator)):
        halve = index < plan.halving
        blocks.append(DiscriminatorBlock(count, count, halve, "raw", Convolution, before_relu))
    return nn.Sequential(*blocks)


class Discriminator(nn.Module):
    """Images to one real-or-fake logit each, over the mean of the last map.

    Args:
        image_size: side in pixels.
        width: factor on all channel counts.
        norm: ``none``; ``layer``, layer normalisation over a map with a scale and a shift for each channel,
            before each ReLU of all blocks but the first (the code's own switch); or ``weight``, weight
            normalisation of every layer (Salimans and Kingma 2016).
    """

    def __init__(self, image_size: int = 32, *, width: float = 1.0, norm: Norm = "none") -> None:
        super().__init__()
        self.blocks = discriminator_blocks(image_size, width, norm)
        self.last = nn.Linear(channels(CHANNELS, width), 1)
        nn.init.xavier_uniform_(self.last.weight)
        zero_biases(self)
        if norm == "weight":
            for layer in [m for m in self.modules() if isinstance(m, nn.Conv2d | nn.Linear)]:
                weight_norm(layer)

    def forward(self, images: Tensor) -> Tensor:
        """Return raw logits (N,) of images (N,3,S,S) in [-1,1]; large means real."""
        logits: Tensor = self.last(F.relu(self.blocks(images)).mean(dim=(2, 3)))
        return logits.squeeze(1)


GAN = Generator, Discriminator
