"""Lipschitz penalty of WGAN-LP (Petzka et al. 2018, Eq. 7): weight * E max(0, |grad_x D(x)| - centre)^2.

The gradient penalty's upper side alone: slopes below ``centre`` cost nothing. DAT's Table III gives neither
weight nor points; the defaults are those of the gradient penalty.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from repro.methods.regularisers.gradient_penalty import GradientPenalty


class LipschitzPenalty(GradientPenalty):
    """Pushes the norm of the discriminator's input gradient below ``centre``."""

    def excess(self, distances: Tensor) -> Tensor:
        """Return what counts of the norms' distances from ``centre`` (N,): those above it."""
        return F.relu(distances)


REGULARISER = LipschitzPenalty
