"""The geometry of the two norms: direction of steepest ascent, projection onto a ball, random points."""

from __future__ import annotations

from typing import ClassVar, Protocol

import torch
from torch import Tensor

from repro.attacks.threat_model import Norm

TINY = 1e-30


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """Return ``values`` (N,) shaped to multiply with ``like`` (N, ...)."""
    return values.view(-1, *[1] * (like.dim() - 1))


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
        drawn = torch.rand(like.shape, generator=generator, device=generator.device)
        return (2 * drawn - 1).to(like.device) * radius


class L2Ball:
    """Euclidean length of an image's perturbation at most the radius."""

    norm: ClassVar[Norm] = "l2"

    def length(self, perturbation: Tensor) -> Tensor:
        """Return the Euclidean length of each image's perturbation."""
        length: Tensor = torch.linalg.vector_norm(perturbation.flatten(1), dim=1)
        return length

    def direction(self, gradient: Tensor) -> Tensor:
        """Return the gradient divided by its length (GAT, Eq. 3).

        It is divided by its largest value first: a well-trained classifier's gradients are so small that
        their squares would underflow to 0.
        """
        scaled = gradient / per_image(gradient.flatten(1).abs().amax(dim=1).clamp_min(TINY), gradient)
        return scaled / per_image(self.length(scaled).clamp_min(TINY), gradient)

    def project(self, perturbation: Tensor, radius: float) -> Tensor:
        """Return ``perturbation`` with the longer ones shortened to the radius."""
        shrink = (radius / self.length(perturbation).clamp_min(TINY)).clamp_max(1.0)
        return perturbation * per_image(shrink, perturbation)

    def random(self, like: Tensor, radius: float, generator: torch.Generator) -> Tensor:
        """Return points drawn uniformly from the ball: a random direction, then a length."""
        device = generator.device
        normal = torch.randn(like.shape, generator=generator, device=device)
        # the volume within r grows as r to the power of the dimension
        share = torch.rand(len(like), generator=generator, device=device) ** (1 / like[0].numel())
        return (self.direction(normal) * per_image(share * radius, normal)).to(like.device)


BALLS: dict[Norm, Ball] = {"linf": LinfBall(), "l2": L2Ball()}
