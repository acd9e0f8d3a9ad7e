"""Penalty of Banach Wasserstein GAN (Adler and Lunz 2018): D's input gradient in a dual norm.

WGAN-GP measures images and D's gradients in L2. BWGAN measures images in a space B, the Sobolev space W^{s,p}

    |x|_B = | F^-1 [(1 + c |xi|^2)^(s/2) F x] |_p        (s = 0: L^p)

over each channel's Fourier transform F, and gradients in its dual, W^{-s,q} with 1/p + 1/q = 1. Its loss is

    (E D(fake) - E D(real)) / gamma + lambda E (|grad D|_B* / gamma - 1)^2 + drift E D(real)^2.

The penalty here is that of gamma times the loss, so that the Wasserstein term stands alone; Adam's steps are
the same. The published code measures xi in units of half the Nyquist range with c = 5.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from repro.methods.regularisers.gradient_penalty import TINY
from repro.methods.regularisers.points import PenaltyAtPoints, PointOptions
from repro.models.labelled import of_side


def sobolev_weights(height: int, width: int, *, scale: float, order: float) -> Tensor:
    """Return (1 + c |xi|^2)^(s/2) at each place of a Fourier transform (H,W), xi from 0 to 1 on each axis."""
    y, x = (torch.fft.fftfreq(n).abs() * n / (n // 2) for n in (height, width))
    weights: Tensor = (1 + scale * (y[:, None].square() + x.square())).pow(order / 2)
    return weights


def sobolev_filter(images: Tensor, *, scale: float, order: float) -> Tensor:
    """Return F^-1 [(1 + c |xi|^2)^(s/2) F x] of each channel of ``images`` (N,C,H,W)."""
    if order == 0:
        return images
    weights = sobolev_weights(*images.shape[-2:], scale=scale, order=order).to(images)
    filtered: Tensor = torch.fft.ifft2(torch.fft.fft2(images) * weights).real
    return filtered


def lp_norms(values: Tensor, p: float) -> Tensor:
    """Return the L^p norm of each of ``values`` (N, ...), (N,); its slope is 0 where all values are."""
    flat = values.flatten(1)
    largest = flat.detach().abs().amax(1, keepdim=True) + TINY  # so that no power over- or underflows
    norms: Tensor = torch.linalg.vector_norm(flat / largest, p, dim=1) * largest.squeeze(1)
    return norms


class BanachPenalty(PenaltyAtPoints):
    """Pulls the dual norm of the discriminator's input gradient to gamma."""

    class Options(PointOptions):
        """Options of the penalty.

        Attributes:
            s, p: the space W^{s,p} of the images.
            c: factor of the squared frequency in its norm.
            scales: where gamma and lambda come from. ``images`` (Sec. 4): lambda is the mean norm of the real
                images, gamma their mean dual norm; ``published_code`` takes the exponent of the dual norm
                and forgets to change the sign of s; ``fixed`` takes lambda 1 and gamma 1, so that ``weight``
                is all.
            drift: weight of E D(real)^2.
        """

        weight: float = 1.0
        s: float = 0.0
        p: float = Field(default=2.0, ge=1)
        c: float = Field(default=5.0, ge=0)
        scales: Literal["images", "published_code", "fixed"] = "images"
        drift: float = Field(default=1e-5, ge=0)

    options: Options

    @property
    def dual_exponent(self) -> float:
        """Return q with 1/p + 1/q = 1."""
        return torch.inf if self.options.p == 1 else 1 / (1 - 1 / self.options.p)

    def norms(self, images: Tensor) -> Tensor:
        """Return the norm of each image (N,) in W^{s,p}."""
        return lp_norms(sobolev_filter(images, scale=self.options.c, order=self.options.s), self.options.p)

    def dual_norms(self, gradients: Tensor) -> Tensor:
        """Return the norm of each gradient (N,) in the dual space W^{-s,q}."""
        filtered = sobolev_filter(gradients, scale=self.options.c, order=-self.options.s)
        return lp_norms(filtered, self.dual_exponent)

    def gamma_and_lambda(self, real: Tensor) -> tuple[Tensor, Tensor]:
        """Return gamma and lambda, 0-d, for real images (N,3,H,W)."""
        o = self.options
        if o.scales == "fixed":
            return torch.ones((), device=real.device), torch.ones((), device=real.device)
        if o.scales == "images":
            gamma = self.dual_norms(real)
        else:
            gamma = lp_norms(sobolev_filter(real, scale=o.c, order=o.s), self.dual_exponent)
        return gamma.mean(), self.norms(real).mean()

    def penalty(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Return lambda / gamma E (|grad D|_B* - gamma)^2 + drift gamma E D(real)^2, 0-d."""
        gamma, weight = self.gamma_and_lambda(real)
        norms = self.dual_norms(self.slopes(discriminator, real, fake))
        penalty = weight / gamma * (norms - gamma).square().mean()
        if self.options.drift:
            penalty = (
                penalty + self.options.drift * gamma * of_side(discriminator, "real")(real).square().mean()
            )
        return penalty


REGULARISER = BanachPenalty
