"""DAT on the toy GAN (Fig. 3, GAN-DAT): the discriminator trains on perturbed points."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import model_validator

from repro.methods.dat import Dat, DatOptions
from repro.methods.options import MethodOptions
from repro.methods.toy_gan import PlaneData, PlaneOptions


class ToyDatOptions(PlaneOptions, DatOptions):
    """Options of the toy data and of DAT; points have no range to be moved back into."""

    clip_real: bool = False
    clip_fake: bool = False

    @model_validator(mode="after")
    def _no_box(self) -> Self:
        if self.clip_real or self.clip_fake:
            raise ValueError("clip_real and clip_fake are for images: points have no range")
        return self


class ToyDat(PlaneData, Dat):
    """DAT on points."""

    Options: ClassVar[type[MethodOptions]] = ToyDatOptions
    options: ToyDatOptions


METHOD = ToyDat
