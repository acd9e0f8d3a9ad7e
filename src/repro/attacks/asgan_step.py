"""ASGAN's perturbation: a fast-gradient-sign step on D's own loss, of real and of fake images.

As DAT quotes it (Sec. IV-C): x - epsilon * sign(grad_x V), where V is what D maximises.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from repro.attacks.dat_step import ScalarLosses
from repro.attacks.threat_model import Bounds
from repro.models.modes import untouched


class AsganImages(NamedTuple):
    """Perturbed images (N,3,H,W), constants."""

    real: Tensor
    fake: Tensor


class AsganStep:
    """The attack on a discriminator.

    Args:
        loss: gives g1 and g2.
        epsilon: largest change of a value, in the units of the images.
        clip: move the perturbed images back into ``bounds``.
        bounds: pixel range.
    """

    def __init__(self, loss: ScalarLosses, *, epsilon: float, clip: bool, bounds: Bounds) -> None:
        self.loss = loss
        self.epsilon = epsilon
        self.clip = clip
        self.bounds = bounds

    def __call__(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> AsganImages:
        """Return both batches perturbed.

        The discriminator's gradients, mode and batch statistics stay as they were.

        Args:
            discriminator: images (N,3,H,W) to logits (N,).
            real: real images (N,3,H,W) in ``bounds``.
            fake: generated images (M,3,H,W) in ``bounds``.
        """
        real, fake = real.detach().requires_grad_(), fake.detach().requires_grad_()
        with torch.enable_grad(), untouched(discriminator):
            gain = self.loss.g1(discriminator(real).float()).sum()
            gain = gain + self.loss.g2(discriminator(fake).float()).sum()
            slopes = torch.autograd.grad(gain, (real, fake))
        moved = [
            x.detach() - self.epsilon * slope.sign() for x, slope in zip((real, fake), slopes, strict=True)
        ]
        if self.clip:
            moved = [self.bounds.clip(x) for x in moved]
        return AsganImages(*moved)
