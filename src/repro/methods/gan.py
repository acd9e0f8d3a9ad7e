"""A plain GAN: the baseline of DAT (SNGAN, hinge) and of RGAN (DCGAN), by its options."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from repro.core.options import Beside
from repro.methods.gan_base import GanMethod
from repro.methods.gan_options import GanOptions


class PlainGanOptions(GanOptions):
    """Options of a plain GAN, beside those of every GAN.

    Attributes:
        decay_from: share of the training after which ``decay: linear`` begins, the rate being constant until
            then: in SN-GAN's code the last 50,000 steps, whatever their number.
    """

    effective_with: ClassVar[Beside] = {"decay_from": ("decay", ("linear",))}

    decay_from: float = Field(default=0.0, ge=0, lt=1)


class Gan(GanMethod):
    """Generator and discriminator in turn, nothing else."""

    Options = PlainGanOptions
    options: PlainGanOptions

    def rate(self, step: int) -> float:
        """Return the share of the learning rate that ``step`` takes, where it decays."""
        return min(1.0, super().rate(step) / (1 - self.options.decay_from))


METHOD = Gan
