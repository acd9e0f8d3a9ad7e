"""DCGAN (Radford et al. 2016) at the sizes of these papers.

Neither RGAN (Table 3) nor DAT (Sec. IV-A: "4 convolution layers and BN", latents of 100) gives a layer list.
Taken here: the common 64-px layout with 64 channels at the outer layers, less its innermost stage at 32 px,
which leaves the four layers that DAT names; kernels of 4 and stride 2, as in the common implementations
(Radford's have 5). ``width=2`` gives Radford's own outer channel count, 128.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from repro.core.errors import ReproError
from repro.models.width import channels

DiscriminatorNorm = Literal["batch", "none"]
OUTER = 64


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
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


class Generator(nn.Module):
    """Latents to images: transposed convolutions, batch normalisation and ReLU, tanh at the end.

    Args:
        image_size: side in pixels.
        latent_dim: length of a latent.
        width: factor on all channel counts.
    """

    n_classes = 0

    def __init__(self, image_size: int = 32, *, latent_dim: int = 100, width: float = 1.0) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        stages = stages_of(image_size)
        counts = [channels(OUTER * 2**k, width) for k in reversed(range(stages))]
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(latent_dim, counts[0], image_size // 2**stages, bias=False)
        ]
        for a, b in pairwise(counts):
            layers += [nn.BatchNorm2d(a), nn.ReLU(), nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False)]
        last = nn.ConvTranspose2d(counts[-1], 3, 4, 2, 1)
        self.layers = nn.Sequential(*layers, nn.BatchNorm2d(counts[-1]), nn.ReLU(), last, nn.Tanh())
        self.apply(initialise)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N,3,S,S) in [-1,1] of latents (N, latent_dim); ``labels`` are not used."""
        images: Tensor = self.layers(z[:, :, None, None])
        return images


class Discriminator(nn.Module):
    """Images to one real-or-fake logit each: strided convolutions and LeakyReLU 0.2.

    Args:
        image_size: side in pixels.
        width: factor on all channel counts.
        norm: ``batch`` (all but the first and last layer, as in the paper) or ``none``, which gradient
            penalties
            need: with batch normalisation a logit depends on the whole batch.
    """

    def __init__(
        self, image_size: int = 32, *, width: float = 1.0, norm: DiscriminatorNorm = "batch"
    ) -> None:
        super().__init__()
        stages = stages_of(image_size)
        counts = [3, *(channels(OUTER * 2**k, width) for k in range(stages))]
        layers: list[nn.Module] = []
        for index, (a, b) in enumerate(pairwise(counts)):
            normalised = norm == "batch" and index > 0
            layers.append(nn.Conv2d(a, b, 4, 2, 1, bias=not normalised))
            layers += [nn.BatchNorm2d(b)] if normalised else []
            layers.append(nn.LeakyReLU(0.2))
        self.layers = nn.Sequential(*layers, nn.Conv2d(counts[-1], 1, image_size // 2**stages))
        self.after_maps = 3 if norm == "batch" and stages > 1 else 2  # the layers after the last feature map
        self.apply(initialise)

    def feature_map(self, images: Tensor) -> Tensor:
        """Return the last feature map (N,C,4,4) (or 6 x 6), before its normalisation."""
        maps: Tensor = self.layers[: -self.after_maps](images)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """Return raw logits (N,) of images (N,3,S,S) in [-1,1]; large means real."""
        logits: Tensor = self.layers(images)
        return logits.flatten()
