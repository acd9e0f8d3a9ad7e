"""The DCGAN of the AR and RFM code (robust-discriminator-pytorch), on which DAT's Table III rests.

That code makes 128-px images and fails at 32 px. Its channel counts, from the 4 x 4 map outwards, are 512,
256, 128, 64 and 64; a smaller image leaves out the outermost stages here. So at 32 px the generator has 512,
256 and 128 channels, and RFM still sees the map of 512 x 4 x 4. Unlike in ``dcgan.py`` D's first layer is
batch-normalised too and no layer but the generator's last has a bias; the code's final sigmoid is left to the
loss.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from repro.core.errors import ReproError
from repro.models.dcgan import DiscriminatorNorm, initialise, stages_of
from repro.models.width import channels

FROM_INSIDE = (512, 256, 128, 64, 64)


def _counts(image_size: int, width: float) -> list[int]:
    """Return the channel counts from the first map outwards, one for each doubling of the map."""
    stages = stages_of(image_size)
    if stages > len(FROM_INSIDE):
        raise ReproError(
            f"the DCGAN of the AR/RFM code has no layout for images of {image_size} px",
            remedy="use a data set of at most 128 px",
        )
    return [channels(count, width) for count in FROM_INSIDE[:stages]]


class Generator(nn.Module):
    """Latents to images: transposed convolutions, batch normalisation and ReLU, tanh at the end.

    Args:
        image_size: side in pixels.
        latent_dim: length of a latent (DAT: 128; the code's own default is 512).
        width: factor on all channel counts.
    """

    n_classes = 0

    def __init__(self, image_size: int = 32, *, latent_dim: int = 128, width: float = 1.0) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        counts = _counts(image_size, width)
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(latent_dim, counts[0], image_size // 2 ** len(counts), bias=False)
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
    """Images to one real-or-fake logit each: strided convolutions, batch normalisation, LeakyReLU 0.2.

    Args:
        image_size: side in pixels.
        width: factor on all channel counts.
        norm: ``batch`` (every layer but the last) or ``none``, with which a logit depends on its own image
            only.
    """

    def __init__(
        self, image_size: int = 32, *, width: float = 1.0, norm: DiscriminatorNorm = "batch"
    ) -> None:
        super().__init__()
        inside = _counts(image_size, width)
        counts = [3, *reversed(inside)]
        layers: list[nn.Module] = []
        for a, b in pairwise(counts):
            layers.append(nn.Conv2d(a, b, 4, 2, 1, bias=norm == "none"))
            layers += [nn.BatchNorm2d(b)] if norm == "batch" else []
            layers.append(nn.LeakyReLU(0.2))
        last = nn.Conv2d(counts[-1], 1, image_size // 2 ** len(inside), bias=False)
        self.layers = nn.Sequential(*layers, last)
        self.after_maps = 3 if norm == "batch" else 2
        self.apply(initialise)

    def feature_map(self, images: Tensor) -> Tensor:
        """Return the last feature map, at 32 and 128 px (N,512,4,4), before its normalisation."""
        maps: Tensor = self.layers[: -self.after_maps](images)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """Return raw logits (N,) of images (N,3,S,S) in [-1,1]; large means real."""
        logits: Tensor = self.layers(images)
        return logits.flatten()
