"""The geometry of the two norms: steepest direction, projection onto a ball, random points, a step."""

from __future__ import annotations

from typing import ClassVar, Protocol

import torch
from torch import Tensor

from repro.attacks.kernels.l2_step import l2_step_
from repro.attacks.kernels.linf_step import linf_step_
from repro.attacks.kernels.starts import l2_start_, linf_start_
from repro.attacks.kernels.unit_direction import TINY, lengths, per_image, unit_direction
from repro.attacks.threat_model import Bounds, Norm


class Ball(Protocol):
    """One norm's ball around each image of a batch."""

    def length(self, perturbation: Tensor) -> Tensor:
        """Return the norm (N,) of each image's perturbation (N, ...)."""

    def direction(self, gradient: Tensor) -> Tensor:
        """Return the perturbation of norm 1 along which a linear function with ``gradient`` grows fastest.

        Where the gradient is 0 everywhere, the direction is 0.
        """

    def project(self, perturbation: Tensor, radius: float) -> Tensor:
        """Return the nearest point of the ball to ``perturbation`` (N, ...)."""

    def random(self, like: Tensor, radius: float, generator: torch.Generator) -> Tensor:
        """Return uniformly drawn points of the ball, shaped like ``like`` (N, ...)."""

    def start_(
        self, attacked: Tensor, images: Tensor, radius: float, bounds: Bounds, generator: torch.Generator
    ) -> None:
        """Write random points of the ball around ``images``, clipped to the box, to ``attacked``."""

    def step_(
        self,
        attacked: Tensor,
        images: Tensor,
        gradient: Tensor,
        step_size: float,
        radius: float,
        bounds: Bounds | None,
    ) -> None:
        """Move ``attacked`` one step along the gradient's direction, then project: ball, then box; in place.

        A negative step goes down. Without ``bounds`` there is no box. For images in the box, clipping only
        shortens a perturbation, so the result lies in both.
        """


class LinfBall:
    """Largest change of a value at most the radius."""

    norm: ClassVar[Norm] = "linf"

    def length(self, perturbation: Tensor) -> Tensor:
        """Return the largest absolute value of each image."""
        return perturbation.flatten(1).abs().amax(dim=1)

    def direction(self, gradient: Tensor) -> Tensor:
        """Return the sign of the gradient (GAT, Eq. 1)."""
        return gradient.sign()

    def project(self, perturbation: Tensor, radius: float) -> Tensor:
        """Return ``perturbation`` with every value clipped to [-radius, radius]."""
        return perturbation.clamp(-radius, radius)

    def random(self, like: Tensor, radius: float, generator: torch.Generator) -> Tensor:
        """Return values drawn uniformly from [-radius, radius)."""
        return (2 * self._draw(like, generator) - 1) * radius

    def start_(
        self, attacked: Tensor, images: Tensor, radius: float, bounds: Bounds, generator: torch.Generator
    ) -> None:
        """Write uniformly drawn points."""
        uniform = self._draw(images, generator)
        linf_start_(attacked, images, uniform, radius=radius, low=bounds.low, high=bounds.high)

    def step_(
        self,
        attacked: Tensor,
        images: Tensor,
        gradient: Tensor,
        step_size: float,
        radius: float,
        bounds: Bounds | None,
    ) -> None:
        """Move along the sign."""
        low, high = edges(bounds)
        linf_step_(attacked, images, gradient, step_size=step_size, radius=radius, low=low, high=high)

    def _draw(self, like: Tensor, generator: torch.Generator) -> Tensor:
        return torch.rand(like.shape, generator=generator, device=generator.device).to(like.device)


class L2Ball:
    """Euclidean length of an image's perturbation at most the radius."""

    norm: ClassVar[Norm] = "l2"

    def length(self, perturbation: Tensor) -> Tensor:
        """Return the Euclidean length of each image's perturbation."""
        return lengths(perturbation)

    def direction(self, gradient: Tensor) -> Tensor:
        """Return the gradient divided by its length (GAT, Eq. 3)."""
        return unit_direction(gradient)

    def project(self, perturbation: Tensor, radius: float) -> Tensor:
        """Return ``perturbation`` with the longer ones shortened to the radius."""
        shrink = (radius / self.length(perturbation).clamp_min(TINY)).clamp_max(1.0)
        return perturbation * per_image(shrink, perturbation)

    def random(self, like: Tensor, radius: float, generator: torch.Generator) -> Tensor:
        """Return points drawn uniformly from the ball: a random direction, then a length."""
        normal, share = self._draw(like, generator)
        return unit_direction(normal) * per_image(share * radius, normal)

    def start_(
        self, attacked: Tensor, images: Tensor, radius: float, bounds: Bounds, generator: torch.Generator
    ) -> None:
        """Write uniformly drawn points."""
        normal, share = self._draw(images, generator)
        l2_start_(attacked, images, normal, share, radius=radius, low=bounds.low, high=bounds.high)

    def step_(
        self,
        attacked: Tensor,
        images: Tensor,
        gradient: Tensor,
        step_size: float,
        radius: float,
        bounds: Bounds | None,
    ) -> None:
        """Move along the unit vector."""
        low, high = edges(bounds)
        l2_step_(attacked, images, gradient, step_size=step_size, radius=radius, low=low, high=high)

    def _draw(self, like: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        device = generator.device
        normal = torch.randn(like.shape, generator=generator, device=device)
        # the volume within r grows as r to the power of the dimension
        share = torch.rand(len(like), generator=generator, device=device) ** (1 / like[0].numel())
        return normal.to(like.device), share.to(like.device)


def edges(bounds: Bounds | None) -> tuple[float, float]:
    """Return the box's edges, infinite where there is no box."""
    return (-torch.inf, torch.inf) if bounds is None else (bounds.low, bounds.high)


BALLS: dict[Norm, Ball] = {"linf": LinfBall(), "l2": L2Ball()}
