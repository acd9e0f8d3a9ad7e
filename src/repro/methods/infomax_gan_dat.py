"""InfoMaxGAN-DAT (DAT, Table II): InfoMaxGAN whose discriminator trains on DAT's perturbed images."""

from __future__ import annotations

from typing import ClassVar

from repro.methods.dat import Dat, DatOptions
from repro.methods.infomax_gan import InfoMaxOptions, InfoMaxTask
from repro.methods.options import MethodOptions


class InfoMaxGanDatOptions(InfoMaxOptions, DatOptions):
    """Options of the contrastive task and of DAT."""

    has_auxiliary: ClassVar[bool] = True


class InfoMaxGanDat(InfoMaxTask, Dat):
    """The contrastive task on top of DAT; ``auxiliary_images`` says which images' parts are matched."""

    Options: ClassVar[type[MethodOptions]] = InfoMaxGanDatOptions
    options: InfoMaxGanDatOptions


METHOD = InfoMaxGanDat
