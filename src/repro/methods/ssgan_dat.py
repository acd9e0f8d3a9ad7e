"""SSGAN-DAT (DAT, Table II): SSGAN whose discriminator trains on DAT's perturbed images."""

from __future__ import annotations

from typing import ClassVar

from repro.methods.dat import Dat, DatOptions
from repro.methods.options import MethodOptions
from repro.methods.ssgan import RotationOptions, RotationTask


class SsganDatOptions(RotationOptions, DatOptions):
    """Options of the rotation task and of DAT."""

    has_auxiliary: ClassVar[bool] = True


class SsganDat(RotationTask, Dat):
    """The rotation task on top of DAT; ``auxiliary_images`` says which images are turned."""

    Options: ClassVar[type[MethodOptions]] = SsganDatOptions
    options: SsganDatOptions


METHOD = SsganDat
