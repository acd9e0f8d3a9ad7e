"""The stack of strided convolutions that every DCGAN here is made of, and its mirror image for the generator.

Which channel counts a stack has, and where it is normalised, is the affair of ``dcgan.py`` and
``robust_dcgan.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from repro.core.errors import ReproError

DiscriminatorNorm = Literal["batch", "none"]


def stages_of(image_size: int) -> int:
    """Return how often the map doubles between the first map (4 or 6 px) and the image."""
    for stages in range(1, 7):
        if image_size in (4 * 2**stages, 6 * 2**stages):
            return stages
    raise ReproError(
        f"DCGAN has no layout for images of {image_size} px",
        remedy="use a data set whose side is 4 or 6 times a power of two, e.g. 32, 48 or 64 px",
    )


def initialise(module: nn.Module) -> None:
    """Weights from N(0, 0.02) (Radford et al., Sec. 4), scales of the norms from N(1, 0.02) (their code)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def strided_layers(counts: Sequence[int], *, first_normalised: int, inputs: int = 3) -> list[nn.Module]:
    """Return convolutions that halve the map, each with LeakyReLU 0.2 after it.

    Args:
        counts: channels from the image inwards, one for each halving of the map.
        first_normalised: the first of these that is batch-normalised; ``len(counts)`` for none.
        inputs: channels of the image.
    """
    layers: list[nn.Module] = []
    for index, (a, b) in enumerate(pairwise((inputs, *counts))):
        normalised = index >= first_normalised
        layers.append(nn.Conv2d(a, b, 4, 2, 1, bias=not normalised))
        layers += [nn.BatchNorm2d(b)] if normalised else []
        layers.append(nn.LeakyReLU(0.2))
    return layers


class StackGenerator(nn.Module):
    """Latents to images: transposed convolutions, batch normalisation and ReLU, tanh at the end.

    Args:
        image_size: side in pixels.
        latent_dim: length of a latent.
        counts: channels from the first map outwards, one for each doubling of the map.
    """

    n_classes = 0

    def __init__(self, image_size: int, *, latent_dim: int, counts: Sequence[int]) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        base = image_size // 2 ** len(counts)
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent_dim, counts[0], base, bias=False)]
        for a, b in pairwise(counts):
            layers += [nn.BatchNorm2d(a), nn.ReLU(), nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False)]
        last = nn.ConvTranspose2d(counts[-1], 3, 4, 2, 1)
        self.layers = nn.Sequential(*layers, nn.BatchNorm2d(counts[-1]), nn.ReLU(), last, nn.Tanh())
        self.apply(initialise)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N,3,S,S) in [-1,1] of latents (N, latent_dim); ``labels`` are not used."""
        images: Tensor = self.layers(z[:, :, None, None])
        return images


class StackDiscriminator(nn.Module):
    """Images to one real-or-fake logit each: strided convolutions and LeakyReLU 0.2.

    Args:
        image_size: side in pixels.
        counts, first_normalised, inputs: see ``strided_layers``.
        last_bias: whether the last layer has a bias; the others have one where they are not normalised.
    """

    def __init__(
        self,
        image_size: int,
        *,
        counts: Sequence[int],
        first_normalised: int,
        last_bias: bool,
        inputs: int = 3,
    ) -> None:
        super().__init__()
        layers = strided_layers(counts, first_normalised=first_normalised, inputs=inputs)
        last = nn.Conv2d(counts[-1], 1, image_size // 2 ** len(counts), bias=last_bias)
        self.layers = nn.Sequential(*layers, last)
        self.after_maps = 3 if first_normalised < len(counts) else 2  # the layers after the last feature map
        self.apply(initialise)

    def feature_map(self, images: Tensor) -> Tensor:
        """Return the last feature map (N,C,4,4) (or 6 x 6), before its normalisation."""
        maps: Tensor = self.layers[: -self.after_maps](images)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """Return raw logits (N,) of images (N,3,S,S) in [-1,1]; large means real."""
        logits: Tensor = self.layers(images)
        return logits.flatten()
