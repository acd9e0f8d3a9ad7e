"""DAT's perturbation: a gradient step that pulls real images towards fake ones and fake towards real.

DAT (Direct Adversarial Training), Eqs. 9 and 10:

    delta(x_r) = -eps * grad_{x_r} | g1(D(x_r)) - mean g1(D(x_f)) |
    delta(x_f) = -eps * grad_{x_f} | g2(D(x_f)) - mean g2(D(x_r)) |

Algorithm 1 exchanges g1 and g2; the published code uses neither, takes one absolute value of the batch's mean
(so that each image moves by 1/m of the step, all with one sign), clamps the perturbation to +-1 and clips the
images (for SNGAN the fake ones only).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from repro.attacks.balls import edges
from repro.attacks.kernels.dat_step import dat_step
from repro.attacks.threat_model import Bounds
from repro.core.timing import SplitWatch, part
from repro.models.modes import frozen

Function = Callable[[Tensor], Tensor]
Reduction = Literal["sample", "batch_mean"]
Targets = Literal["eq10", "algorithm1", "raw"]
TargetMean = Literal["of_functions", "of_logits"]


class ScalarLosses(Protocol):
    """The two functions that define a GAN loss (DAT, Eq. 1), elementwise on logits."""

    def g1(self, t: Tensor) -> Tensor:
        """Return D's gain from a real image."""

    def g2(self, t: Tensor) -> Tensor:
        """Return D's gain from a fake image."""


class PerturbedImages(NamedTuple):
    """Perturbed images, float32 (N,3,H,W), constants for whatever follows."""

    real: Tensor
    fake: Tensor


@dataclass(frozen=True)
class DatStep:
    """The attack on a discriminator.

    Args:
        loss: gives g1 and g2.
        epsilon: length of a step in units of the gradient (DAT, footnote 1: generally 1).
        reduction: ``sample`` takes each image's own absolute difference (Algorithm 1, lines 6 and 7),
            ``batch_mean`` one of the batch's mean (the published code).
        targets: which function the logits go through: ``eq10`` g1 for real and g2 for fake images,
            ``algorithm1`` the other way round, ``raw`` none (the published code).
        target_mean: what is averaged over the other batch for a target: ``of_functions`` mean g(D(x)),
            ``of_logits`` g(mean D(x)); the same for ``raw``.
        steps: number of gradient steps (Sec. V-B); each forwards the images once more.
        divide_epsilon: each step takes epsilon / steps instead of the whole epsilon.
        refresh_targets: take the targets anew from the perturbed images before each step; otherwise from the
            clean ones.
        clamp: largest change of a value in one step, the published code's ``t`` (1); None for no limit.
        clip_real: move perturbed real images back into ``bounds`` (the published SNGAN code does not).
        clip_fake: the same for fake images (it does).
        separate_targets: pass the clean images through D once more for the targets, as the published code
            does: 6 passes an update of D instead of 4, for the same targets up to a spectral-norm iteration.
        freeze_spectral_norm: keep the spectral-norm vectors; in the published code each pass moves them on.
        bounds: pixel range.
        watch: where the time of network and kernel is added up.
    """

    loss: ScalarLosses
    _: KW_ONLY
    epsilon: float = 1.0
    reduction: Reduction = "sample"
    targets: Targets = "eq10"
    target_mean: TargetMean = "of_functions"
    steps: int = 1
    divide_epsilon: bool = False
    refresh_targets: bool = False
    clamp: float | None = None
    clip_real: bool = False
    clip_fake: bool = True
    separate_targets: bool = False
    freeze_spectral_norm: bool = False
    bounds: Bounds
    watch: SplitWatch | None = None

    def __call__(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> PerturbedImages:
        """Return both batches perturbed.

        The discriminator's gradients, mode and batch statistics stay as they were.

        Args:
            discriminator: images (N,3,H,W) to logits (N,).
            real: real images (N,3,H,W) in ``bounds``.
            fake: generated images (M,3,H,W) in ``bounds``.
        """
        functions: dict[Targets, tuple[Function, Function]] = {
            "eq10": (self.loss.g1, self.loss.g2),
            "algorithm1": (self.loss.g2, self.loss.g1),
            "raw": (lambda t: t, lambda t: t),
        }
        of_real, of_fake = functions[self.targets]
        real, fake = real.detach(), fake.detach()
        aims: tuple[Tensor, Tensor] | None = None
        with torch.enable_grad(), frozen(discriminator, spectral=self.freeze_spectral_norm):
            for _ in range(self.steps):
                real, fake = real.requires_grad_(), fake.requires_grad_()
                with part(self.watch, "network"):
                    if self.separate_targets and (aims is None or self.refresh_targets):
                        with torch.no_grad():
                            aims = discriminator(real).float(), discriminator(fake).float()
                    logits = discriminator(real).float(), discriminator(fake).float()
                    if aims is None or (self.refresh_targets and not self.separate_targets):
                        aims = logits[0].detach(), logits[1].detach()
                    distance = self.distance(of_real(logits[0]), self.target(of_real, aims[1]))
                    distance = distance + self.distance(of_fake(logits[1]), self.target(of_fake, aims[0]))
                    slopes = torch.autograd.grad(distance, (real, fake))
                with part(self.watch, "kernel"):
                    real = self.move(real, slopes[0], clip=self.clip_real)
                    fake = self.move(fake, slopes[1], clip=self.clip_fake)
        return PerturbedImages(real, fake)

    def target(self, function: Function, logits: Tensor) -> Tensor:
        """Return what a batch is pulled towards, from the logits (N,) of the other one; 0-d."""
        return function(logits.mean()) if self.target_mean == "of_logits" else function(logits).mean()

    def distance(self, values: Tensor, target: Tensor) -> Tensor:
        """Return the sum of |value - target| over the batch, or |mean value - target|; 0-d."""
        if self.reduction == "sample":
            return (values - target).abs().sum()
        return (values.mean() - target).abs()

    def move(self, images: Tensor, slope: Tensor, *, clip: bool) -> Tensor:
        """Return ``images`` one step down the slope, as constants."""
        low, high = edges(self.bounds if clip else None)
        clamp = torch.inf if self.clamp is None else self.clamp
        step = self.epsilon / self.steps if self.divide_epsilon else self.epsilon
        return dat_step(images.detach(), slope, step_size=step, clamp=clamp, low=low, high=high)
