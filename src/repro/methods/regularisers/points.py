"""Where a gradient penalty looks, and the gradient's norm there."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Points = Literal["interpolates", "real", "fake", "both"]


def penalty_points(kind: Points, real: Tensor, fake: Tensor, noise: torch.Generator) -> Tensor:
    """Return the points (M,3,H,W), constants, at which the slope of the discriminator is penalised.

    Args:
        kind: ``interpolates`` a * real + (1 - a) * fake with a ~ U[0, 1] for each image (WGAN-GP, Algorithm
            1), the ``real`` or ``fake`` images themselves, or ``both`` one after the other.
        real: real images (N,3,H,W).
        fake: fake images; as many as real ones for ``interpolates``.
        noise: random stream of a.
    """
    real, fake = real.detach(), fake.detach()
    if kind == "real":
        return real
    if kind == "fake":
        return fake
    if kind == "both":
        return torch.cat([real, fake])
    shape = (len(real), *[1] * (real.dim() - 1))
    share = torch.rand(shape, generator=noise, device=real.device)
    return share * real + (1 - share) * fake


def squared_slopes(discriminator: nn.Module, points: Tensor) -> Tensor:
    """Return |grad_x D(x)|^2 (N,) at ``points``, differentiable a second time by the parameters.

    Under batch normalisation a logit depends on the whole batch, and what is returned are the slopes of the
    sum of all logits.
    """
    points = points.detach().requires_grad_()
    with torch.autocast(points.device.type, enabled=False):
        # Second derivatives in bf16 lose most of their digits.
        logits = discriminator(points)
        (slope,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    return slope.flatten(1).square().sum(1)
