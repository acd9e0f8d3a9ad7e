"""The networks of DAT's toy GAN on the plane (Sec. IV-A): four fully connected layers, 64 hidden units each.

Activation and latent length are not given; ReLU and 2 here.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from repro.models.registry import LatentDim
from repro.models.width import channels

HIDDEN = 64
LAYERS = 4
PLANE = 2


def _layers(inputs: int, outputs: int, width: float) -> nn.Sequential:
    hidden = channels(HIDDEN, width)
    sizes = [inputs, *[hidden] * (LAYERS - 1), outputs]
    parts: list[nn.Module] = []
    for a, b in pairwise(sizes):
        parts += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


class Generator(nn.Module):
    """Latents to points.

    Args:
        latent_dim: length of a latent.
        width: factor on the number of hidden units.
    """

    n_classes = 0

    def __init__(self, *, latent_dim: LatentDim = 2, width: float = 1.0) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.layers = _layers(latent_dim, PLANE, width)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return points (N,2), unbounded, of latents (N, latent_dim); ``labels`` are not used."""
        points: Tensor = self.layers(z)
        return points


class Discriminator(nn.Module):
    """Points to one real-or-fake logit each.

    Args:
        width: factor on the number of hidden units.
    """

    def __init__(self, *, width: float = 1.0) -> None:
        super().__init__()
        self.layers = _layers(PLANE, 1, width)

    def feature_map(self, points: Tensor) -> Tensor:
        """Return the last hidden layer (N, hidden), before its activation."""
        features: Tensor = self.layers[:-2](points)
        return features

    def forward(self, points: Tensor) -> Tensor:
        """Return raw logits (N,) of points (N,2); large means real."""
        logits: Tensor = self.layers(points)
        return logits.squeeze(1)


POINT_GAN = Generator, Discriminator
