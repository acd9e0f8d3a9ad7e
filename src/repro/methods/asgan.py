"""ASGAN as DAT compares with it (Sec. IV-C): D trains on FGSM examples of its own loss."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from repro.attacks.asgan_step import AsganStep, Value
from repro.attacks.dat_step import PerturbedImages
from repro.attacks.threat_model import SYMMETRIC
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.image_set import ImageSet
from repro.methods.options import MethodOptions
from repro.methods.perturbed_gan import PerturbedGan, PerturbedOptions


class AsganOptions(PerturbedOptions):
    """Options of ASGAN; those of where to perturb as in ``methods/perturbed_gan.py``.

    Attributes:
        radius: largest change of a value, in [-1,1] units. DAT takes 1/255 without saying of which range:
            2/255 is the other reading.
        clip: move perturbed images back into [-1,1] (not said).
        value: what V is in x - epsilon sign(grad V): D's ``gain``, so that the step makes its task harder as
            adversarial training wants it, or its ``loss``, as DAT's text has it, which makes it easier.
    """

    radius: float = Field(default=1 / 255, ge=0)
    clip: bool = False
    value: Value = "gain"


class Asgan(PerturbedGan):
    """A GAN whose discriminator is trained adversarially, in the manner of classifiers."""

    Options: ClassVar[type[MethodOptions]] = AsganOptions
    options: AsganOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        o = self.options
        self.attack = AsganStep(
            self.loss, radius=o.radius, clip=o.clip, bounds=SYMMETRIC, value=o.value, watch=self.watch
        )

    def perturb(self, real: Tensor, fake: Tensor) -> PerturbedImages:
        """Return both batches after one step of FGSM against D, see ``value``."""
        return self.attack(self.D, real, fake)


METHOD = Asgan
