"""Two samples in one t-SNE picture (RGAN, Fig. 5), and how well a classifier tells them apart.

Overlapping dots prove little: the numbers beside them are the share of points whose nearest neighbour is of
their own sample (the two-sample test by a nearest-neighbour classifier, Lopez-Paz and Oquab 2017; 50 % for
samples of one distribution), and the Frechet distance of the two.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydantic import Field
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from repro.core.options import Beside
from repro.core.spec import EvaluationSpec
from repro.data.minibatches import scale, to_uint8
from repro.evaluate.context import Context
from repro.evaluate.fidelity_library import torch_fidelity
from repro.evaluate.generated import finite_sample
from repro.evaluate.picture import write_png
from repro.evaluate.registry import MeasureOptions, Values
from repro.evaluate.trained import Trained
from repro.evaluate.worst_case import gan_of, said_of_noise, worst_images, worst_noise

FEATURES = True
VALUES = "frechet nearest_neighbour points"

SIDE, DOT, FINER = 500, 4.0, 4  # pixels of the picture, of a dot's radius; drawn so many times larger
COLOURS = ("#D55E00", "#0072B2")  # of the first and the second sample
Points = NDArray[Any]


class Options(MeasureOptions):
    """Which two samples, and how they are shown.

    Attributes:
        pair: ``noise``, the original and the worst input noise, from latents of their own; ``worst_images``,
            the worst real and the worst generated images; ``images``, real and generated ones.
        points: of each sample.
        noise_radius, image_radius: length of the change to the worst noise and to the worst images.
        perplexity: t-SNE's; lowered to a third of the points where these are few.
        split: of the real images; its first ones (`ImageSet.first`).
    """

    effective_with: ClassVar[Beside] = {
        "noise_radius": ("pair", ("noise",)),
        "image_radius": ("pair", ("worst_images",)),
        "split": ("pair", ("worst_images", "images")),
    }

    pair: Literal["noise", "worst_images", "images"] = "images"
    points: int = Field(default=500, ge=4)
    noise_radius: float = Field(default=0.01, ge=0)
    image_radius: float = Field(default=4.0, ge=0)
    perplexity: float = Field(default=30.0, gt=0)
    split: str = "train"

    def reads(self, spec: EvaluationSpec) -> list[tuple[str, int | None]]:
        """Return the real images, where the pair has any."""
        return [] if self.pair == "noise" else [(self.split, self.points)]


def nearest_neighbour_accuracy(first: Points, second: Points) -> float:
    """Return the percentage of points (N,D), (M,D) whose nearest other point is of the same sample."""
    points, sample = np.concatenate([first, second]), np.repeat([0, 1], [len(first), len(second)])
    nearest = NearestNeighbors(n_neighbors=1).fit(points).kneighbors(return_distance=False)
    return float(100 * np.mean(sample[nearest[:, 0]] == sample))


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Return the Frechet distance of the normal distributions that fit two samples (N,D), (M,D)."""
    fid = torch_fidelity.metric_fid
    statistics = [fid.fid_features_to_statistics(sample.double().cpu()) for sample in (first, second)]
    return float(fid.fid_statistics_to_metric(*statistics, verbose=False)[fid.KEY_METRIC_FID])


def draw_points(places: Points, first: int, path: Path) -> None:
    """Write a picture of places (N,2): the ``first`` ones red, the others blue, drawn in turn."""
    low, high = places.min(0), places.max(0)
    side, reach = SIDE * FINER, DOT * FINER
    spread = (places - (low + high) / 2) / max(float((high - low).max()), 1e-9)
    picture = Image.new("RGB", (side, side), "white")
    pen = ImageDraw.Draw(picture)
    turns = np.concatenate([np.arange(first), np.arange(len(places) - first)])
    for index in np.argsort(turns, kind="stable"):
        x, y = side / 2 + spread[index] * (side - 6 * reach)
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=COLOURS[int(index >= first)])
    write_png(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), path)


def _pair(trained: Trained, context: Context, options: Options) -> tuple[Tensor, Tensor]:
    method, n = gan_of(trained), options.points
    if options.pair == "noise":
        size = int(method.G.latent_dim)  # type: ignore[arg-type]
        original, other = (
            torch.randn(n, size, generator=context.generator(name), device=context.device)
            for name in ("latent", "latent/worst")
        )
        context.threat_model = said_of_noise(method, [options.noise_radius], context.generator)
        worse = worst_noise(method, options.noise_radius, context.generator, watch=context.watch)
        return original, worse(other)
    real = scale(context.images(options.split, n).first(n).images, method.bounds)
    fake = finite_sample(method, len(real), context.generator("latent"))
    if options.pair == "images":
        return real, fake
    context.threat_model = (
        f"images moved by {options.image_radius:g} where what D gains falls fastest (RGAN, Eq. 10)"
    )
    return worst_images(method, real, fake, options.image_radius, context.generator, context.watch)


def _features(images: Tensor, trained: Trained, context: Context) -> Tensor:
    pixels = to_uint8(images, trained.method.bounds)
    found = context.shared.features.of(lambda: pixels, context.extractor())
    return found.by_metric["fid"]


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Draw ``tsne.png``; return ``nearest_neighbour`` (percent), ``frechet`` and ``points`` (of each sample).

    The Frechet distance is that of latents, or of the extractor's features of images: an FID of few images,
    most of which is bias.

    Raises:
        ReproError: the run is no unconditional GAN, its output is not finite, or the extractor cannot be had.
    """
    first, second = _pair(trained, context, options)
    if options.pair == "noise":
        frechet = frechet_distance(first, second)
    else:
        frechet = frechet_distance(*(_features(each, trained, context) for each in (second, first)))
    shown = [each.flatten(1).float().cpu().numpy() for each in (first, second)]
    together = np.concatenate(shown)
    perplexity = min(options.perplexity, len(together) / 3)
    places = TSNE(perplexity=perplexity, random_state=context.spec.seed).fit_transform(together)
    draw_points(places, len(first), context.pictures / "tsne.png")
    return {
        "nearest_neighbour": nearest_neighbour_accuracy(*shown),
        "frechet": frechet,
        "points": float(len(first)),
    }
