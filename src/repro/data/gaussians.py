"""Nine two-dimensional Gaussians on the grid {-1, 0, 1}^2 (DAT, Fig. 3).

The paper says "variance 0.1", which makes neighbouring modes overlap (standard deviation 0.32 at distance
1); whether a standard deviation of 0.1 was meant is open, so both are offered. The imbalanced mixture gives
the columns, left to right, the weights 0.15, 0.05, 0.8 (caption of Fig. 3); how they split over rows is not
said, here evenly.
"""

from __future__ import annotations

import hashlib
import math
from functools import cache
from typing import Literal

import torch
from torch import Tensor

from repro.data.image_set import ImageSet

Mixture = Literal["balanced", "imbalanced"]
Spread = Literal["variance", "standard_deviation"]

SPREAD = 0.1
COLUMN_WEIGHTS: dict[Mixture, tuple[float, float, float]] = {
    "balanced": (1 / 3, 1 / 3, 1 / 3),
    "imbalanced": (0.15, 0.05, 0.8),
}


def component_means() -> Tensor:
    """Return the nine means, float32 (9, 2); component k has column k // 3 (x) and row k % 3 (y)."""
    axis = torch.tensor([-1.0, 0.0, 1.0])
    return torch.cartesian_prod(axis, axis)


def component_weights(mixture: Mixture) -> Tensor:
    """Return the nine mixing weights, float32 (9,), which sum to 1."""
    return torch.tensor(COLUMN_WEIGHTS[mixture]).repeat_interleave(3) / 3


def sample_gaussians(
    n: int, generator: torch.Generator, *, mixture: Mixture = "balanced", spread: Spread = "variance"
) -> tuple[Tensor, Tensor]:
    """Draw ``n`` points.

    Args:
        n: number of points.
        generator: random stream, whose device the points lie on.
        mixture: equal weights, or the column weights of the paper.
        spread: what the paper's 0.1 is.

    Returns:
        Points, float32 (n, 2), and the component that each came from, int64 (n,).
    """
    device = generator.device
    means, weights = _constants(mixture, device)
    components = torch.multinomial(weights, n, replacement=True, generator=generator)
    noise = torch.randn((n, 2), generator=generator, device=device)
    return means[components] + deviation(spread) * noise, components


@cache
def _constants(mixture: Mixture, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the components' means and weights on ``device``, sent there once."""
    return component_means().to(device), component_weights(mixture).to(device)


def deviation(spread: Spread) -> float:
    """Return the standard deviation of each component along each axis."""
    return SPREAD**0.5 if spread == "variance" else SPREAD


def component_log_densities(points: Tensor, *, mixture: Mixture, spread: Spread) -> Tensor:
    """Return the log of each component's weighted density, float64 (N, 9), of points (N, 2).

    Its ``logsumexp`` over components is the mixture's log density, its ``softmax`` how probable it is that
    each component made the point.
    """
    sigma = deviation(spread)
    places = points.double()[:, None] - component_means().to(points.device).double()
    squares = places.square().sum(dim=2)
    weights = component_weights(mixture).to(points.device).double()
    return weights.log() - squares / (2 * sigma**2) - math.log(2 * math.pi * sigma**2)


def gaussian_set() -> ImageSet:
    """Return the toy data as the training loop wants data: without images, for every batch is drawn anew.

    Its fingerprint is of the mixture itself, so that a checkpoint made with another one is refused.
    """
    identity = hashlib.sha256(component_means().numpy().tobytes())
    identity.update(repr((SPREAD, COLUMN_WEIGHTS)).encode())
    images, labels = torch.zeros(0, 3, 0, 0, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64)
    return ImageSet("gaussians", "train", "real", images, labels, (), identity.hexdigest(), complete=True)
