"""WGAN-GP's ResNet with classes, as its code trains it: AC-GAN's class head, conditional batch norm in G."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from repro.models.conditional_generator import ConditionalGenerator
from repro.models.heads import TwoHeads
from repro.models.registry import LatentDim
from repro.models.wgan_gp_resnet import CHANNELS, discriminator_blocks, layout, zero_biases
from repro.models.width import channels


class Generator(ConditionalGenerator):
    """Latents and classes to images.

    Args:
        n_classes: number of classes.
        image_size: side in pixels.
        latent_dim: length of a latent.
        width: factor on all channel counts.
    """

    def __init__(
        self, n_classes: int, image_size: int = 32, *, latent_dim: LatentDim = 128, width: float = 1.0
    ) -> None:
        plan, count = layout(image_size), channels(CHANNELS, width)
        super().__init__(
            n_classes,
            latent_dim,
            base=plan.base,
            first=count,
            blocks=[(count, True)] * len(plan.generator),
            upsampling="nearest",
            momentum=0.1,
        )
        zero_biases(self)


class Discriminator(TwoHeads):
    """Images to a real-or-fake logit and class logits, both linear in the mean of the last map.

    Args:
        n_classes: number of class logits.
        image_size: side in pixels.
        width: factor on all channel counts.
    """

    def __init__(self, n_classes: int, image_size: int = 32, *, width: float = 1.0) -> None:
        super().__init__(channels(CHANNELS, width), n_classes)
        self.blocks = discriminator_blocks(image_size, width)
        for head in (self.source, self.classes):
            nn.init.xavier_uniform_(head.weight)
        zero_biases(self)

    def features(self, images: Tensor) -> Tensor:
        """Return features (N, D) of ``images`` (N,3,S,S) in [-1,1]."""
        return F.relu(self.blocks(images)).mean(dim=(2, 3))


AC_GAN = Generator, Discriminator
