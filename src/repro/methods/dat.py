"""DAT, Direct Adversarial Training (Algorithm 1): D trains on images made harder to tell apart."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from repro.attacks.dat_step import DatStep, PerturbedImages, Reduction, ScalarLosses, TargetMean, Targets
from repro.attacks.threat_model import SYMMETRIC
from repro.core.options import Beside, EffectiveOptions
from repro.core.spec import Precision, RunSpec
from repro.core.streams import Streams
from repro.core.timing import SplitWatch
from repro.data.image_set import ImageSet
from repro.methods.options import MethodOptions
from repro.methods.perturbed_gan import PerturbedGan, PerturbedOptions


class DatReading(EffectiveOptions):
    """One reading of DAT's perturbation, see ``attacks/dat_step.py``.

    Attributes:
        perturbation_steps: gradient steps of the attack (Sec. V-B).
        clip_real: as in the published code of SSGAN and InfoMaxGAN; that of SNGAN moves perturbed reals back
            into range only after it has used them, which is False.
    """

    no_effect_at: ClassVar[Beside] = {
        "target_mean": ("targets", ("raw",)),  # which go through no function
        "divide_epsilon": ("perturbation_steps", (1,)),
        "refresh_targets": ("perturbation_steps", (1,)),
    }

    epsilon: float = Field(default=1.0, ge=0)
    reduction: Reduction = "sample"
    targets: Targets = "eq10"
    target_mean: TargetMean = "of_functions"
    perturbation_steps: int = Field(default=1, ge=1)
    divide_epsilon: bool = False
    refresh_targets: bool = False
    clamp: float | None = Field(default=None, gt=0)
    clip_real: bool = True
    clip_fake: bool = True
    separate_targets: bool = False
    freeze_spectral_norm: bool = False

    def attack(self, loss: ScalarLosses, watch: SplitWatch | None = None) -> DatStep:
        """Return the attack on images in [-1,1], against a discriminator with this loss."""
        own: dict[str, Any] = {name: getattr(self, name) for name in DatReading.model_fields}
        return DatStep(loss, steps=own.pop("perturbation_steps"), **own, bounds=SYMMETRIC, watch=watch)


class DatOptions(DatReading, PerturbedOptions):
    """Options of DAT: how to perturb, and where (``perturbed_gan.py``)."""

    effective_with: ClassVar[Beside] = {
        "clip_real": ("position", ("discriminator", "real", "all")),
        "clip_fake": ("position", ("discriminator", "fake", "generator", "all")),
    }

    @property
    def coarsest(self) -> Precision:
        """As of any GAN; perturbations of a batch's mean are of some 1e-4 a value."""
        return "float32" if self.reduction == "batch_mean" else super().coarsest


class Dat(PerturbedGan):
    """A GAN whose discriminator (by default) sees perturbed images only."""

    Options: ClassVar[type[MethodOptions]] = DatOptions
    options: DatOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        self.attack = self.options.attack(self.loss, self.watch)

    def perturb(self, real: Tensor, fake: Tensor) -> PerturbedImages:
        """Return both batches, each pulled towards the other's mean output (lines 6 to 9)."""
        return self.attack(self.D, real, fake)


METHOD = Dat
