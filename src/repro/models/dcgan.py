"""DCGAN (Radford et al. 2016) at the sizes of these papers.

Neither RGAN (Table 3) nor DAT (Sec. IV-A: "4 convolution layers and BN", latents of 100) gives a layer list.
Taken here: the common 64-px layout with 64 channels at the outer layers, less its innermost stage at 32 px,
which leaves the four layers that DAT names; kernels of 4 and stride 2, as in the common implementations
(Radford's have 5). ``width=2`` gives Radford's own outer channel count, 128.
"""

from __future__ import annotations

from repro.models.conv_stack import DiscriminatorNorm, StackDiscriminator, StackGenerator, stages_of
from repro.models.registry import LatentDim
from repro.models.width import channels

OUTER = 64


def counts_of(image_size: int, width: float) -> list[int]:
    """Return the channel counts from the image inwards, one for each halving of the map."""
    return [channels(OUTER * 2**k, width) for k in range(stages_of(image_size))]


class Generator(StackGenerator):
    """Latents to images (N,3,S,S) in [-1,1].

    Args:
        image_size: side in pixels.
        latent_dim: length of a latent.
        width: factor on all channel counts.
    """

    def __init__(self, image_size: int = 32, *, latent_dim: LatentDim = 100, width: float = 1.0) -> None:
        super().__init__(image_size, latent_dim=latent_dim, counts=counts_of(image_size, width)[::-1])


class Discriminator(StackDiscriminator):
    """Images to one real-or-fake logit each.

    Args:
        image_size: side in pixels.
        width: factor on all channel counts.
        discriminator_norm: ``batch`` (all but the first and last layer, as in the paper) or ``none``, which
            gradient penalties need: with batch normalisation a logit depends on the whole batch.
    """

    def __init__(
        self, image_size: int = 32, *, width: float = 1.0, discriminator_norm: DiscriminatorNorm = "batch"
    ) -> None:
        counts = counts_of(image_size, width)
        first = 1 if discriminator_norm == "batch" else len(counts)
        super().__init__(image_size, counts=counts, first_normalised=first, last_bias=True)


GAN = Generator, Discriminator
