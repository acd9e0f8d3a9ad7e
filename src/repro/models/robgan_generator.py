"""Rob-GAN's class-conditional ResNet generators, as in its code (``gen_models``)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from repro.core.errors import ReproError
from repro.models.conditional_generator import ConditionalGenerator
from repro.models.registry import LatentDim
from repro.models.width import channels

# size -> channels of the 4 x 4 map, then (channels, upsample) of each block
LAYOUTS: dict[int, tuple[int, tuple[tuple[int, bool], ...]]] = {
    32: (1024, ((512, True), (256, True), (128, True), (64, False))),
    64: (1024, ((512, True), (256, True), (128, True), (64, True))),
    128: (512, ((512, True), (256, True), (256, True), (128, True), (64, True))),
}


class RobGANGenerator(ConditionalGenerator):
    """Noise and class to an image. 12,272,515 parameters at 32 px with 10 classes.

    Args:
        n_classes: number of classes, at least 1.
        image_size: height and width of the images: 32, 64 or 128 (the code's "small" one).
        latent_dim: number of latent values, standard normal.
        width: multiplies the channel counts.
        batch_norm_momentum: weight of the newest batch in the running statistics of the norms (ledger
            robgan.batch_norm_momentum).

    Raises:
        ReproError: there is no layout for ``image_size``.
    """

    def __init__(
        self,
        n_classes: int,
        image_size: int = 32,
        *,
        latent_dim: LatentDim = 128,
        width: float = 1.0,
        batch_norm_momentum: Annotated[float, Field(gt=0, le=1)] = 0.1,
    ) -> None:
        if image_size not in LAYOUTS:
            raise ReproError(
                f"Rob-GAN has no generator for {image_size} x {image_size} images",
                remedy=f"use a data set of size {', '.join(map(str, LAYOUTS))}",
            )
        first, layout = LAYOUTS[image_size]
        super().__init__(
            n_classes,
            latent_dim,
            base=4,
            first=channels(first, width),
            blocks=[(channels(count, width), doubles) for count, doubles in layout],
            upsampling="nearest",
            momentum=batch_norm_momentum,
        )
