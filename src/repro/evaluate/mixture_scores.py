"""How well points fit a known mixture of Gaussians: modes, quality and divergence (for DAT, Fig. 3).

DAT judges its toy GANs by eye. The numbers here are of the kind that papers on mode collapse use (VEEGAN,
Srivastava et al. 2017: modes and high-quality samples within three standard deviations), in a form that also
holds where modes overlap, as those of variance 0.1 do: a point belongs to each mode by its probability of
coming from it, so that the shares of the true mixture are exactly its weights.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import torch
from PIL import Image
from pydantic import Field
from torch import Tensor
from torch.nn.functional import conv2d

from repro.core.options import Beside
from repro.data.gaussians import (
    Mixture,
    Spread,
    component_log_densities,
    component_means,
    component_weights,
    deviation,
)
from repro.evaluate.picture import write_png
from repro.evaluate.registry import MeasureOptions, Values

CHUNK = 1000  # points whose distances to all others are held at once
SIGMAS = 3.0  # a point is of high quality within so many standard deviations of the nearest mode
HIT = 0.5  # a mode counts as hit from this share of its true weight
NEIGHBOUR = 5  # k of the nearest-neighbour estimator
HALF = 2.0  # grid and picture cover [-HALF, HALF] in each direction
PIXELS = 256  # side of a picture
BANDWIDTH = 0.05  # standard deviation of the smoothing in a picture, in the plane's units
CLOSEST = 1e-12  # distance below which points count as that far apart, so that copies cost a finite amount


class MixtureOptions(MeasureOptions):
    """How points are scored.

    Attributes:
        samples: number of points.
        estimator: of the divergence: ``nearest_neighbour`` (the ``NEIGHBOUR``-th) or ``grid``.
        cells: the grid has so many in each direction.
    """

    effective_with: ClassVar[Beside] = {"cells": ("estimator", ("grid",))}

    samples: int = Field(default=5_000, ge=20)
    estimator: Literal["nearest_neighbour", "grid"] = "nearest_neighbour"
    cells: int = Field(default=50, ge=2)


def mixture_scores(points: Tensor, mixture: Mixture, spread: Spread, options: MixtureOptions) -> Values:
    """Return the scores of points (N, 2).

    ``modes``: how many of the nine are hit, by points of high quality alone, since a point belongs to some
    mode however far away it is; ``high_quality``: percent of the points; ``kl_modes``: divergence of the
    modes' shares, of all points, from their true weights; ``kl``: divergence of the points' density from the
    true one, in nats. A divergence is at least 0: an estimate or a rounding below it counts as 0. Where modes
    overlap ``modes`` says little: at variance 0.1 a uniform square has all nine.
    """
    parts = component_log_densities(points, mixture=mixture, spread=spread)
    weights = component_weights(mixture).to(points.device).double()
    belongs = parts.softmax(dim=1)
    near = torch.cdist(points, component_means().to(points.device)).amin(dim=1) <= SIGMAS * deviation(spread)
    shares, hit = belongs.mean(dim=0), (belongs * near[:, None]).mean(dim=0)
    if options.estimator == "grid":
        kl = grid_divergence(points, mixture, spread, options)
    else:
        kl = neighbour_divergence(points, parts.logsumexp(dim=1), NEIGHBOUR)
    return {
        "modes": float((hit >= HIT * weights).sum()),
        "high_quality": 100.0 * near.double().mean().item(),
        "kl_modes": max(0.0, (shares * (shares.clamp_min(1e-300) / weights).log()).sum().item()),
        "kl": max(0.0, kl),
    }


def neighbour_divergence(points: Tensor, log_density: Tensor, k: int) -> float:
    """Return KL(p || q) of points (N, 2) drawn from p, given log q at each of them (N,).

    Minus the entropy of p by Kozachenko and Leonenko's estimator (1987; with the k-th neighbour: Kraskov et
    al. 2004, Eq. 20), minus the mean of log q.
    """
    n = len(points)
    exact = points.double()
    apart = partial(torch.cdist, x2=exact, compute_mode="donot_use_mm_for_euclid_dist")
    parts = [apart(part).topk(k + 1, dim=1, largest=False).values[:, k] for part in torch.split(exact, CHUNK)]
    distances = torch.cat(parts)
    logs = distances.clamp_min(CLOSEST).log()
    digamma = torch.digamma(torch.tensor([float(n), float(k)], dtype=torch.float64))
    entropy = digamma[0] - digamma[1] + math.log(math.pi) + 2 * logs.mean().cpu()
    return float(-entropy - log_density.mean().cpu())


def grid_divergence(points: Tensor, mixture: Mixture, spread: Spread, options: MixtureOptions) -> float:
    """Return KL(p || q) between the points' and the true mixture's shares of grid cells.

    What lies outside the grid is one more cell. Coarser than the neighbours' estimate, and biased upwards by
    about half of the occupied cells over the number of points.
    """
    n = options.cells
    counts = histogram(points, n).flatten()
    centres = (torch.arange(n, device=points.device, dtype=torch.float64) + 0.5) * (2 * HALF / n) - HALF
    places = torch.cartesian_prod(centres, centres)
    true = component_log_densities(places, mixture=mixture, spread=spread).logsumexp(dim=1).exp()
    true = true * (2 * HALF / n) ** 2
    true = torch.cat([true, (1 - true.sum()).clamp_min(1e-12).view(1)])
    found = torch.cat([counts, (len(points) - counts.sum()).view(1)]) / len(points)
    terms = torch.where(found > 0, found * (found.clamp_min(1e-300) / true.clamp_min(1e-300)).log(), 0.0)
    return float(terms.sum())


def histogram(points: Tensor, cells: int) -> Tensor:
    """Return how many points lie in each cell, float64 (cells, cells): x by rows, y by columns."""
    places = ((points.double() + HALF) * (cells / (2 * HALF))).floor()
    inside = ((places >= 0) & (places < cells)).all(dim=1)
    index = places[inside].long()
    flat = torch.bincount(index[:, 0] * cells + index[:, 1], minlength=cells**2)
    return flat.view(cells, cells).double()


def draw_density(points: Tensor, path: Path, mixture: Mixture, spread: Spread) -> None:
    """Write a grey picture of the points' density, smoothed: white is 0, black the true density's maximum.

    It covers [-HALF, HALF] in both directions, y upwards.
    """
    counts = histogram(points, PIXELS)
    reach = 3 * BANDWIDTH * PIXELS / (2 * HALF)
    steps = torch.arange(-math.ceil(reach), math.ceil(reach) + 1, dtype=torch.float64, device=counts.device)
    kernel = torch.exp(-((steps / (reach / 3)) ** 2) / 2)
    kernel = (kernel / kernel.sum()).view(1, 1, -1, 1)
    smooth = conv2d(counts[None, None], kernel, padding="same")
    smooth = conv2d(smooth, kernel.transpose(2, 3), padding="same")[0, 0]
    density = smooth / len(points) / (2 * HALF / PIXELS) ** 2
    peaks = component_log_densities(component_means().to(points.device), mixture=mixture, spread=spread)
    darkness = (density / peaks.logsumexp(dim=1).exp().max()).clamp_max(1.0)
    grey = (255 * (1 - darkness)).round().to(torch.uint8).T.flip(0).cpu()
    write_png(Image.fromarray(grey.numpy()), path)
