"""AC-GAN (Odena et al. 2017) on DCGAN's networks: the discriminator has a class head beside its own.

Odena's networks for CIFAR-10 are others (dropout, noise); RGAN's Table 2 names AC-GAN without a layer list.
"""

from __future__ import annotations

from torch import Tensor, nn

from repro.models.conditional_dcgan import Generator
from repro.models.conv_stack import DiscriminatorNorm, initialise, strided_layers
from repro.models.dcgan import counts_of
from repro.models.heads import TwoHeads


class Discriminator(TwoHeads):
    """Images to one real-or-fake logit and ``n_classes`` class logits each, both linear in the last map.

    Args:
        n_classes: number of class logits.
        image_size: side in pixels.
        width: factor on all channel counts.
        discriminator_norm: as in ``dcgan.py``.
    """

    def __init__(
        self,
        n_classes: int,
        image_size: int = 32,
        *,
        width: float = 1.0,
        discriminator_norm: DiscriminatorNorm = "batch",
    ) -> None:
        counts = counts_of(image_size, width)
        super().__init__(counts[-1] * (image_size // 2 ** len(counts)) ** 2, n_classes)
        first = 1 if discriminator_norm == "batch" else len(counts)
        self.body = nn.Sequential(*strided_layers(counts, first_normalised=first))
        self.apply(initialise)

    def features(self, images: Tensor) -> Tensor:
        """Return the last map as features (N, D) of ``images`` (N,3,S,S) in [-1,1]."""
        maps: Tensor = self.body(images)
        return maps.flatten(1)


AC_GAN = Generator, Discriminator
