"""ASGAN's perturbation: a fast-gradient-sign step on D's own loss, of real and of fake images.

As DAT quotes it (Sec. IV-C): x - epsilon * sign(grad_x V). Read with V as what D maximises, the value of the
original game, the step makes D's task harder. DAT's text calls V "the loss function of the discriminator";
taken literally, the same formula makes it easier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from repro.attacks.balls import edges
from repro.attacks.dat_step import PerturbedImages, ScalarLosses
from repro.attacks.kernels.steps import linf_step_
from repro.attacks.threat_model import Bounds
from repro.core.timing import SplitWatch, part
from repro.models.modes import frozen

Value = Literal["gain", "loss"]


@dataclass(frozen=True)
class AsganStep:
    """The attack on a discriminator.

    Args:
        loss: gives g1 and g2.
        radius: largest change of a value, in the units of the images.
        clip: move the perturbed images back into ``bounds``.
        bounds: pixel range.
        value: whether V is the discriminator's ``gain`` or its ``loss``.
        watch: where the time of network and kernel is added up.
    """

    loss: ScalarLosses
    radius: float
    clip: bool
    bounds: Bounds
    value: Value = "gain"
    watch: SplitWatch | None = None

    def __call__(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> PerturbedImages:
        """Return both batches perturbed.

        The discriminator's gradients, mode and batch statistics stay as they were.

        Args:
            discriminator: images (N,3,H,W) to logits (N,).
            real: real images (N,3,H,W) in ``bounds``.
            fake: generated images (M,3,H,W) in ``bounds``.
        """
        real, fake = real.detach().requires_grad_(), fake.detach().requires_grad_()
        with torch.enable_grad(), frozen(discriminator), part(self.watch, "network"):
            gain = self.loss.g1(discriminator(real).float()).sum()
            gain = gain + self.loss.g2(discriminator(fake).float()).sum()
            slopes = torch.autograd.grad(gain, (real, fake))
        with part(self.watch, "kernel"):
            return PerturbedImages(self._move(real.detach(), slopes[0]), self._move(fake.detach(), slopes[1]))

    def _move(self, images: Tensor, slope: Tensor) -> Tensor:
        attacked, (low, high) = images.clone(), edges(self.bounds if self.clip else None)
        step = -self.radius if self.value == "gain" else self.radius
        linf_step_(attacked, images, slope, step_size=step, radius=self.radius, low=low, high=high)
        return attacked
