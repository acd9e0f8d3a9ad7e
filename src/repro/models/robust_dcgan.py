"""The DCGAN of the AR and RFM code (robust-discriminator-pytorch), on which DAT's Table III rests.

That code makes 128-px images and fails at 32 px. Its channel counts, from the 4 x 4 map outwards, are 512,
256, 128, 64 and 64; a smaller image leaves out the outermost stages here. So at 32 px the generator has 512,
256 and 128 channels, and RFM still sees the map of 512 x 4 x 4. Unlike in ``dcgan.py`` D's first layer is
batch-normalised too and no layer but the generator's last has a bias; the code's final sigmoid is left to the
loss.
"""

from __future__ import annotations

from repro.core.errors import ReproError
from repro.models.conv_stack import DiscriminatorNorm, StackDiscriminator, StackGenerator, stages_of
from repro.models.registry import LatentDim
from repro.models.width import channels

FROM_INSIDE = (512, 256, 128, 64, 64)


def _counts(image_size: int, width: float) -> list[int]:
    """Return the channel counts from the first map outwards, one for each doubling of the map."""
    stages = stages_of(image_size)
    if stages > len(FROM_INSIDE):
        raise ReproError(
            f"the DCGAN of the AR/RFM code has no layout for images of {image_size} px",
            remedy="use a data set of at most 128 px",
        )
    return [channels(count, width) for count in FROM_INSIDE[:stages]]


class Generator(StackGenerator):
    """Latents to images (N,3,S,S) in [-1,1].

    Args:
        image_size: side in pixels.
        latent_dim: length of a latent (DAT: 128; the code's own default is 512).
        width: factor on all channel counts.
    """

    def __init__(self, image_size: int = 32, *, latent_dim: LatentDim = 128, width: float = 1.0) -> None:
        super().__init__(image_size, latent_dim=latent_dim, counts=_counts(image_size, width))


class Discriminator(StackDiscriminator):
    """Images to one real-or-fake logit each; its last feature map is (N,512,4,4) at 32 and 128 px.

    Args:
        image_size: side in pixels.
        width: factor on all channel counts.
        discriminator_norm: ``batch`` (every layer but the last) or ``none``, with which a logit depends on
            its own image only.
    """

    def __init__(
        self, image_size: int = 32, *, width: float = 1.0, discriminator_norm: DiscriminatorNorm = "batch"
    ) -> None:
        counts = _counts(image_size, width)[::-1]
        first = 0 if discriminator_norm == "batch" else len(counts)
        super().__init__(image_size, counts=counts, first_normalised=first, last_bias=False)


GAN = Generator, Discriminator
