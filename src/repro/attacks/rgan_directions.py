"""RGAN's worst-case directions: unit-L2 changes of noise, real and fake images (RGAN, Eqs. 9, 10).

The paper asks for the optimum over the unit sphere and does not say how it is found; by default one
normalised gradient step at the clean point is taken here, see ``DirectionSearch``. On the sphere its
penalties lambda_z |r|^2 and lambda_d |r|^2 are constants, so they have no part in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from repro.attacks.dat_step import ScalarLosses
from repro.attacks.kernels.unit_direction import unit_direction
from repro.core.timing import SplitWatch, part
from repro.models.labelled import of_side
from repro.models.modes import frozen

NoiseSign = Literal["maximise", "literal_algorithm"]
DirectionOf = Literal["logit", "loss"]


class DirectionSearch(NamedTuple):
    """How a direction is looked for: r = unit(gradient at x + distance r), ``steps`` times.

    Attributes:
        steps: number of normalised gradient steps.
        distance: how far from the point a later step, or the first one of a random start, looks.
        start: source of a random first direction; None begins at the point itself.
        sign: for noise alone: ``maximise`` raises the generator's loss (Eq. 9); ``literal_algorithm`` lowers
            it, as Algorithm 1, line 5 is printed, which finds the easiest noise.
        of: for images alone, what the slope is of: D's ``logit``, or its ``loss`` as it is written. For a
            monotone loss both have one optimum on the sphere, but the hinge's slope is 0 beyond its margin,
            which gives no direction there. LSGAN's is not monotone: the logit leads towards D's wrong answer.
            Under batch norm both slopes are of the whole batch, and weigh its images differently.
    """

    steps: int = 1
    distance: float = 0.0
    start: torch.Generator | None = None
    sign: NoiseSign = "maximise"
    of: DirectionOf = "logit"

    def climb(
        self, objective: Callable[[Tensor], Tensor], points: Tensor, watch: SplitWatch | None = None
    ) -> Tensor:
        """Return unit-L2 directions (N, ...) in which each sample's ``objective`` (N,) rises."""
        at = points
        if self.start is not None:
            at = points + self.distance * random_directions(points, self.start)
        for step in range(self.steps):
            direction = uphill(objective, at, watch)
            if step + 1 < self.steps:
                at = points + self.distance * direction
        return direction


ONE_STEP = DirectionSearch()


class WorstCaseLosses(ScalarLosses, Protocol):
    """What the directions need of a GAN loss, elementwise on logits."""

    def each_g(self, fake: Tensor) -> Tensor:
        """Return G's loss for a fake image."""


def random_directions(like: Tensor, noise: torch.Generator) -> Tensor:
    """Return unit-L2 directions (N, ...), uniform on the sphere: Table 3's row with random Gaussian noise."""
    return unit_direction(torch.randn(like.shape, generator=noise, device=like.device))


def uphill(objective: Callable[[Tensor], Tensor], points: Tensor, watch: SplitWatch | None = None) -> Tensor:
    """Return the unit-L2 direction (N, ...) in which each sample's ``objective`` (N,) rises fastest.

    ``watch`` adds up the time of ``network`` and ``kernel``.
    """
    points = points.detach().requires_grad_()
    with torch.enable_grad(), part(watch, "network"):
        (slope,) = torch.autograd.grad(objective(points).sum(), points)
    with part(watch, "kernel"):
        direction = unit_direction(slope)
    return direction


def noise_directions(
    generator: nn.Module,
    discriminator: nn.Module,
    loss: WorstCaseLosses,
    z: Tensor,
    *,
    search: DirectionSearch = ONE_STEP,
    watch: SplitWatch | None = None,
) -> Tensor:
    """Return the direction r_z (N, latent_dim) of the worst noise for the generator.

    Args:
        generator: latents to images; neither its statistics nor its gradients change.
        discriminator: images to logits; the same holds.
        loss: the generator's loss is what r_z raises.
        z: latents (N, latent_dim).
        search: how the direction is looked for; the slope is that of G's loss, which the hinge
            leaves at -t, without a margin.
        watch: where the time of network and kernel is added up.
    """
    up = 1 if search.sign == "maximise" else -1
    with frozen(generator), frozen(discriminator):
        return search.climb(
            lambda points: up * loss.each_g(discriminator(generator(points)).float()), z, watch
        )


def image_directions(
    discriminator: nn.Module,
    loss: WorstCaseLosses,
    real: Tensor,
    fake: Tensor,
    *,
    search: DirectionSearch = ONE_STEP,
    watch: SplitWatch | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the directions r_1, r_2 (N,3,H,W) that lower D's gain on real and on fake images.

    Eq. 10: r_1 minimises g1(D(x + r)) (log D), r_2 minimises g2(D(G(z) + r)) (log(1 - D)). Where g1 rises and
    g2 falls throughout, that is the smallest logit of real images and the largest of fake ones.

    Args:
        discriminator: images to logits (one that is given classes: as ``LabelledSides``); neither its
            statistics nor its gradients change.
        loss: gives g1 and g2.
        real: real images (N,3,H,W).
        fake: generated images (M,3,H,W).
        search: how the directions are looked for.
        watch: where the time of network and kernel is added up.
    """

    def lost_real(t: Tensor) -> Tensor:
        return -t if search.of == "logit" else -loss.g1(t)

    def lost_fake(t: Tensor) -> Tensor:
        return t if search.of == "logit" else -loss.g2(t)

    with frozen(discriminator):
        on_real, on_fake = of_side(discriminator, "real"), of_side(discriminator, "fake")
        first = search.climb(lambda points: lost_real(on_real(points).float()), real, watch)
        second = search.climb(lambda points: lost_fake(on_fake(points).float()), fake, watch)
    return first, second
