"""Figure 3, computed: a robust and a non-robust discriminator, two small ones fitted to the same points.

Both are logistic regressions on the same random Fourier features. One is trained as usual, the other on
points moved by a PGD attack within an L2 ball, so the only difference is the one that the figure is about.
Everything is numpy with a fixed seed: the picture is a result, not an artist's impression.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from repro.draw.draw import Shown
from repro.draw.style import COLOURS, INK, STAMP_HEIGHT, new_figure, save, styled

Array = npt.NDArray[np.float64]
RADIUS = 0.3  # of the training attack, in the plane's units
REACH = 2.0  # how far from a point a place that is called real is looked for
_FEATURES, _STEPS, _RATE = 200, 300, 3.0
_RAYS, _TRIES = 48, 80


@dataclass(frozen=True)
class Discriminator:
    """Logit ``a . cos(x W + b) * scale + c``; positive means real."""

    frequencies: Array
    phases: Array
    weights: Array
    bias: float

    def logit(self, points: Array) -> Array:
        """Return logits (N,) of ``points`` (N, 2)."""
        logits: Array = _features(self, points) @ self.weights + self.bias
        return logits

    def gradient(self, points: Array) -> Array:
        """Return the gradients (N, 2) of the logit with respect to ``points``."""
        waves = -np.sin(points @ self.frequencies + self.phases) * np.sqrt(2 / len(self.weights))
        slopes: Array = (waves * self.weights) @ self.frequencies.T
        return slopes


def data() -> tuple[Array, Array]:
    """Return points (80, 2), real ones first, and labels (80,): 1 real, 0 fake."""
    random, n = np.random.default_rng(5), 40
    angle = random.uniform(0.15 * np.pi, 0.85 * np.pi, n)
    real = np.stack([1.9 * np.cos(angle), 1.55 * np.sin(angle) - 0.2], 1) + 0.13 * random.normal(size=(n, 2))
    fake = np.stack([1.2 * random.uniform(-1, 1, n), -0.75 + 0.16 * random.normal(size=n)], 1)
    return np.concatenate([real, fake]), np.concatenate([np.ones(n), np.zeros(n)])


def fit(points: Array, labels: Array, *, radius: float) -> Discriminator:
    """Fit by gradient descent on the logistic loss, each step on points attacked within ``radius``."""
    random = np.random.default_rng(1)
    frequencies = random.normal(scale=5.0, size=(2, _FEATURES))
    phases = random.uniform(0, 2 * np.pi, _FEATURES)
    net = Discriminator(frequencies, phases, np.zeros(_FEATURES), 0.0)
    for _ in range(_STEPS):
        moved = attack(net, points, labels, radius)
        features = _features(net, moved)
        logits = np.clip(features @ net.weights + net.bias, -30, 30)
        error = 1 / (1 + np.exp(-logits)) - labels
        weights = net.weights - _RATE * features.T @ error / len(labels)
        net = Discriminator(frequencies, phases, weights, net.bias - _RATE * float(error.mean()))
    return net


def attack(net: Discriminator, points: Array, labels: Array, radius: float, steps: int = 4) -> Array:
    """Return ``points`` moved by L2 PGD so that the loss rises: real ones down, fake ones up the logit."""
    if radius == 0:
        return points
    sign = np.where(labels > 0.5, -1.0, 1.0)[:, None]
    moved = points
    for _ in range(steps):
        slope = net.gradient(moved)
        slope /= np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-12)
        shift = moved + sign * slope * radius / 2 - points
        length = np.maximum(np.linalg.norm(shift, axis=1, keepdims=True), 1e-12)
        moved = points + shift * np.minimum(1.0, radius / length)
    return moved


def nearest_real(net: Discriminator, point: Array) -> Array:
    """Return the nearest place to ``point`` (2,), found along rays around it, that ``net`` calls real.

    Raises:
        ValueError: nothing within ``REACH`` is called real.
    """
    angles = np.linspace(0, 2 * np.pi, _RAYS + 1)[:-1]
    directions = np.stack([np.cos(angles), np.sin(angles)], 1)
    lengths = np.linspace(0, REACH, _TRIES + 1)[1:]
    places = point + lengths[:, None, None] * directions
    real = net.logit(places.reshape(-1, 2)).reshape(_TRIES, _RAYS) > 0
    if not real.any():
        raise ValueError(f"no real place within {REACH} of {point}")
    first = np.where(real.any(axis=0), lengths[real.argmax(axis=0)], np.inf)
    far, near = first, first - lengths[0]
    for _ in range(12):  # bisection along each ray that meets the boundary
        middle = np.where(np.isfinite(first), (far + near) / 2, REACH)
        inside = net.logit(point + middle[:, None] * directions) > 0
        far, near = np.where(inside, middle, far), np.where(inside, near, middle)
    best = int(np.argmin(np.where(np.isfinite(first), far, np.inf)))
    return np.asarray(point + far[best] * directions[best])


def draw(shown: Shown, stem: Path, stamp: str) -> list[Path]:
    """Write ``stem``.png and ``stem``.pdf and return the two paths; it shows no cells."""
    points, labels = data()
    real, fake = points[labels == 1], points[labels == 0]
    nets = {"non-robust": fit(points, labels, radius=0.0), "robust": fit(points, labels, radius=RADIUS)}
    looks = {"non-robust": (COLOURS[1], "--"), "robust": (COLOURS[0], "-")}
    limits = (-2.5, 2.5, -1.7, 2.1)
    x, y = np.meshgrid(np.linspace(*limits[:2], 260), np.linspace(*limits[2:], 200))
    grid = np.stack([x.ravel(), y.ravel()], 1)
    near = fake[int(np.argmin(np.abs(fake[:, 0] - 0.1)))]
    with styled():
        figure = new_figure(4.6, 4.0)
        foot = STAMP_HEIGHT / 4.0
        axes = figure.add_axes((0.02, foot + 0.17, 0.96, 0.81 - foot))
        axes.scatter(real[:, 0], real[:, 1], s=16, color=COLOURS[2], marker="o", label="real")
        axes.scatter(
            fake[:, 0], fake[:, 1], s=18, color="#777777", marker="x", label=r"fake ($x_0$)", linewidths=1
        )
        for name, net in nets.items():
            colour, dash = looks[name]
            axes.contour(x, y, net.logit(grid).reshape(x.shape), levels=[0], colors=colour, linestyles=dash)
            distances = [float(np.linalg.norm(nearest_real(net, point) - point)) for point in fake]
            steep = float(np.linalg.norm(net.gradient(fake), axis=1).mean())
            label = rf"{name}: mean $\|\delta\|$ = {np.mean(distances):.2f}, mean $\|D'(x_0)\|$ = {steep:.1f}"
            axes.plot([], [], color=colour, linestyle=dash, label=label)
            end = nearest_real(net, near)
            arrow = {"arrowstyle": "-|>", "color": colour, "shrinkA": 0, "shrinkB": 0, "linestyle": dash}
            axes.annotate("", xy=tuple(end), xytext=tuple(near), arrowprops=arrow, zorder=5)
        axes.plot(*near, marker="o", markersize=7, markerfacecolor="none", markeredgecolor=INK)
        axes.set(xticks=[], yticks=[], xlim=limits[:2], ylim=limits[2:])
        for spine in axes.spines.values():
            spine.set(visible=True, color="#cccccc")
        figure.legend(loc="lower center", bbox_to_anchor=(0.5, foot), ncols=1, fontsize=7, borderaxespad=0.2)
        return save(figure, stem, stamp)


def _features(net: Discriminator, points: Array) -> Array:
    return np.asarray(np.cos(points @ net.frequencies + net.phases) * np.sqrt(2 / len(net.phases)))
