"""DAT, Direct Adversarial Training (Algorithm 1): D trains on images made harder to tell apart."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from repro.attacks.dat_step import DatStep, Reduction, Targets
from repro.attacks.threat_model import SYMMETRIC
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.image_set import ImageSet
from repro.methods.base import MethodOptions
from repro.methods.gan_base import GanMethod
from repro.methods.gan_options import GanOptions

Position = Literal["discriminator", "real", "fake", "generator", "all"]


class DatOptions(GanOptions):
    """Options of DAT; those of the attack as in ``attacks/dat_step.py``.

    Attributes:
        position: where to perturb (Table IV): both images of D's update, its real or its fake ones alone, the
            fake ones of G's update alone, or all three.
        perturbation_steps: gradient steps of the attack (Sec. V-B).
        clean_weight: DATT of Table III, "adversarial examples and normal examples together": weight of the
            loss on clean images beside that on perturbed ones (not given in the paper); 0 is DAT.
    """

    position: Position = "discriminator"
    epsilon: float = Field(default=1.0, ge=0)
    reduction: Reduction = "sample"
    targets: Targets = "eq10"
    perturbation_steps: int = Field(default=1, ge=1)
    divide_epsilon: bool = False
    refresh_targets: bool = False
    clamp: float | None = Field(default=None, gt=0)
    clip_real: bool = False
    clip_fake: bool = True
    freeze_spectral_norm: bool = False
    clean_weight: float = Field(default=0.0, ge=0)


class Dat(GanMethod):
    """A GAN whose discriminator (by default) sees perturbed images only."""

    Options: ClassVar[type[MethodOptions]] = DatOptions
    options: DatOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        o = self.options
        self.attack = DatStep(
            self.loss,
            epsilon=o.epsilon,
            reduction=o.reduction,
            targets=o.targets,
            steps=o.perturbation_steps,
            divide_epsilon=o.divide_epsilon,
            refresh_targets=o.refresh_targets,
            clamp=o.clamp,
            clip_real=o.clip_real,
            clip_fake=o.clip_fake,
            freeze_spectral_norm=o.freeze_spectral_norm,
            bounds=SYMMETRIC,
        )

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Algorithm 1, lines 6 to 10: the loss on perturbed images, and for DATT on clean ones too."""
        position = self.options.position
        if position == "generator":
            return super().discriminator_loss(real, fake)
        with self.autocast():
            harder = self.attack(self.D, real, fake)
        seen_real = real if position == "fake" else harder.real
        seen_fake = fake if position == "real" else harder.fake
        loss, record = super().discriminator_loss(seen_real, seen_fake)
        if self.options.clean_weight:
            clean, _ = super().discriminator_loss(real, fake)
            loss = loss + self.options.clean_weight * clean
        moved = (harder.real - real).flatten(1).norm(dim=1).mean()
        return loss, record | {"dat_real_l2": moved}

    def generator_loss(self, z: Tensor) -> Tensor:
        """Line 13; with a perturbation at position (iii) of Fig. 10 on the images that G's update sends to D.

        The perturbation is a constant there: G's gradient passes through the image that it is added to.
        """
        if self.options.position not in ("generator", "all"):
            return super().generator_loss(z)
        fake = self.fakes(z)
        with self.autocast():
            harder = self.attack(self.D, self.real_images(), fake)
        return self.loss.g(self.logits(fake + (harder.fake - fake.detach())))


METHOD = Dat
