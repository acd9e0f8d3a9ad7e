"""The geometry of the two norms: the length of a perturbation, random points of a ball, a step within it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from repro.attacks.kernels.steps import l2_step_, linf_step_
from repro.attacks.kernels.unit_direction import lengths, per_image, unit_direction
from repro.attacks.threat_model import Bounds, Norm


class Ball(ABC):
    """One norm's ball around each image of a batch; ``kernel`` takes a step in it."""

    kernel: Callable[..., None]

    @abstractmethod
    def length(self, perturbation: Tensor) -> Tensor:
        """Return the norm (N,) of each image's perturbation (N, ...)."""

    @abstractmethod
    def start_(
        self, attacked: Tensor, images: Tensor, radius: float, bounds: Bounds, generator: torch.Generator
    ) -> None:
        """Write uniform points of the ball around ``images``, clipped to the box, to ``attacked``."""

    def step_(
        self,
        attacked: Tensor,
        images: Tensor,
        gradient: Tensor,
        step_size: float,
        radius: float,
        bounds: Bounds | None,
    ) -> None:
        """Move ``attacked`` along the gradient's direction (GAT, Eqs. 1 and 3), then project; in place.

        It is projected onto the ball, then onto the box. A negative step goes down. Without ``bounds`` there
        is no box. For images in the box, clipping only shortens a perturbation, so the result lies in both.
        """
        low, high = edges(bounds)
        self.kernel(attacked, images, gradient, step_size=step_size, radius=radius, low=low, high=high)


class LinfBall(Ball):
    """Largest change of a value at most the radius."""

    kernel = staticmethod(linf_step_)

    def length(self, perturbation: Tensor) -> Tensor:
        """Return the largest absolute value of each image."""
        return perturbation.flatten(1).abs().amax(dim=1)

    def start_(
        self, attacked: Tensor, images: Tensor, radius: float, bounds: Bounds, generator: torch.Generator
    ) -> None:
        """Write points each of whose values is uniform."""
        uniform = torch.rand(images.shape, generator=generator, device=generator.device).to(images.device)
        change = (2 * uniform - 1).mul_(radius)
        attacked.copy_(change.add_(images).clamp_(bounds.low, bounds.high))


class L2Ball(Ball):
    """Euclidean length of an image's perturbation at most the radius."""

    kernel = staticmethod(l2_step_)

    def length(self, perturbation: Tensor) -> Tensor:
        """Return the Euclidean length of each image's perturbation."""
        return lengths(perturbation)

    def start_(
        self, attacked: Tensor, images: Tensor, radius: float, bounds: Bounds, generator: torch.Generator
    ) -> None:
        """Write points in a random direction at a random distance."""
        device = generator.device
        normal = torch.randn(images.shape, generator=generator, device=device).to(images.device)
        # the volume within r grows as r to the power of the dimension
        share = torch.rand(len(images), generator=generator, device=device) ** (1 / images[0].numel())
        share = share.to(images.device)
        change = unit_direction(normal).mul_(per_image(share * radius, normal))
        attacked.copy_(change.add_(images).clamp_(bounds.low, bounds.high))


def edges(bounds: Bounds | None) -> tuple[float, float]:
    """Return the box's edges, infinite where there is no box."""
    return (-torch.inf, torch.inf) if bounds is None else (bounds.low, bounds.high)


BALLS: dict[Norm, Ball] = {"linf": LinfBall(), "l2": L2Ball()}
