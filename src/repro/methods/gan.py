"""A plain GAN: the baseline of DAT (SNGAN, hinge) and of RGAN (DCGAN), by its options."""

from __future__ import annotations

from repro.methods.gan_base import GanMethod


class Gan(GanMethod):
    """Generator and discriminator in turn, nothing else."""


METHOD = Gan
