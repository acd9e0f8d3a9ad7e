"""ASGAN's attack on a discriminator: a fast gradient sign step on real and fake images (DAT, Sec. V-A).

DAT compares itself with ASGAN, whose adversarial images are x - epsilon * sign(grad_x V), V being "the loss
function of the discriminator". The step makes the discriminator's task harder if V is its gain (the value
that it maximises, as in the original game), and easier if V is meant as a loss to minimise.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from repro.attacks.balls import edges
from repro.attacks.dat_step import DatImages, ScalarLosses
from repro.attacks.kernels.linf_step import linf_step_
from repro.attacks.threat_model import Bounds
from repro.models.modes import untouched

Value = Literal["gain", "loss"]


class AsganStep:
    """The attack.

    Args:
        loss: gives g1 and g2, the discriminator's gains.
        bounds: pixel range.
        epsilon: change of every value, in units of ``bounds``; DAT uses 1/255 of an unstated range.
        value: whether V is the discriminator's ``gain`` or its ``loss``.
        clip: move perturbed images back into ``bounds``.
    """

    def __init__(
        self,
        loss: ScalarLosses,
        *,
        bounds: Bounds,
        epsilon: float = 1 / 255,
        value: Value = "gain",
        clip: bool = True,
    ) -> None:
        self.loss = loss
        self.step_size = -epsilon if value == "gain" else epsilon
        self.epsilon = epsilon
        self.edges = edges(bounds if clip else None)

    def __call__(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> DatImages:
        """Return both batches perturbed, float32, and the clean logits.

        The discriminator's gradients, mode, batch statistics and spectral-norm vectors stay as they were.

        Args:
            discriminator: images (N,3,H,W) to logits (N,).
            real: real images (N,3,H,W) in the bounds.
            fake: generated images (M,3,H,W) in the bounds.
        """
        real, fake = real.detach().requires_grad_(), fake.detach().requires_grad_()
        with torch.enable_grad(), untouched(discriminator):
            real_logits, fake_logits = discriminator(real).float(), discriminator(fake).float()
            gain = self.loss.g1(real_logits).sum() + self.loss.g2(fake_logits).sum()
            slopes = torch.autograd.grad(gain, (real, fake))
        moved = (self._move(real.detach(), slopes[0]), self._move(fake.detach(), slopes[1]))
        return DatImages(*moved, real_logits.detach(), fake_logits.detach())

    def _move(self, images: Tensor, slope: Tensor) -> Tensor:
        attacked, (low, high) = images.clone(), self.edges
        linf_step_(attacked, images, slope, step_size=self.step_size, radius=self.epsilon, low=low, high=high)
        return attacked
