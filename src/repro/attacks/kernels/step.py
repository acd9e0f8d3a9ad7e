"""What the steps of projected gradient descent share: their arguments, and the choice of a kernel."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol

from torch import Tensor

from repro.attacks.kernels.dispatch import use_fused


class Step(Protocol):
    """Moves points along a gradient, then back into the ball around their images and into the box; in place.

    Args:
        attacked: current points (N, ...), written.
        images: centres of the balls, same shape.
        gradient: same shape.
        step_size: length of the step; negative to go down.
        radius: largest change in the step's norm, at least 0.
        low: lower edge of the box; minus infinity for none.
        high: upper edge of the box.
    """

    def __call__(
        self,
        attacked: Tensor,
        images: Tensor,
        gradient: Tensor,
        *,
        step_size: float,
        radius: float,
        low: float,
        high: float,
    ) -> None:
        """Take the step."""


def fused_or(reference: Step, name: str) -> Step:
    """Return the step that runs ``kernels.fused.<name>`` on what it takes, and ``reference`` on the rest."""

    def step_(
        attacked: Tensor,
        images: Tensor,
        gradient: Tensor,
        *,
        step_size: float,
        radius: float,
        low: float,
        high: float,
    ) -> None:
        chosen = reference
        if use_fused(attacked, images, gradient):
            chosen = getattr(import_module(f"repro.attacks.kernels.fused.{name}"), f"{name}_")
        chosen(attacked, images, gradient, step_size=step_size, radius=radius, low=low, high=high)

    return step_
