"""SN-GAN with a projection discriminator (Miyato and Koyama 2018), in mimicry's layouts of ``sngan.py``.

The generator's batch norms have a scale and shift per class; the discriminator adds to its logit the inner
product of its features with an embedding of the class, spectrally normalised like all its layers.
"""

from __future__ import annotations

from torch import Tensor

from repro.models import sngan
from repro.models.conditional_generator import ConditionalGenerator
from repro.models.registry import LatentDim
from repro.models.spectral_norm import SpectralEmbedding
from repro.models.upsampling import Upsampling
from repro.models.width import channels


class Generator(ConditionalGenerator):
    """Latents and classes to images.

    Args:
        n_classes: number of classes.
        image_size: side in pixels: 32, 48, 64 or 128.
        latent_dim: length of a latent.
        width: factor on all channel counts.
        upsampling: how a block doubles its map, as in ``sngan.py``.
        layout: at 128 px, ``small`` as SN-GAN's code has it for its 143 classes, ``large`` as for ImageNet's
            1,000; there is one at the other sizes.
    """

    def __init__(
        self,
        n_classes: int,
        image_size: int = 32,
        *,
        latent_dim: LatentDim = 128,
        width: float = 1.0,
        upsampling: Upsampling = "bilinear",
        layout: sngan.LayoutName = "large",
    ) -> None:
        plan = sngan.layout_called(layout, image_size)
        super().__init__(
            n_classes,
            latent_dim,
            base=plan.base,
            first=channels(plan.first, width),
            blocks=[(channels(count, width), True) for count in plan.generator],
            upsampling=upsampling,
            momentum=0.1,
        )


class Discriminator(sngan.DiscriminatorOf):
    """Images and classes to one real-or-fake logit each.

    Args:
        n_classes: number of classes.
        image_size: side in pixels: 32, 48, 64 or 128.
        width: factor on all channel counts.
        shortcut_input: what a block's shortcut sees: ``relu`` (mimicry) or ``raw`` (SN-GAN).
        layout: as the generator's.
    """

    def __init__(
        self,
        n_classes: int,
        image_size: int = 32,
        *,
        width: float = 1.0,
        shortcut_input: sngan.ShortcutInput = "relu",
        layout: sngan.LayoutName = "large",
    ) -> None:
        super().__init__(sngan.layout_called(layout, image_size), width, shortcut_input)
        self.embedding = SpectralEmbedding(n_classes, self.last.in_features)

    def feature_map(self, images: Tensor, classes: Tensor | None = None) -> Tensor:
        """Return the last block's maps (N,C,H,W), before the ReLU; the classes have no part in them."""
        return super().feature_map(images)

    def forward(self, images: Tensor, classes: Tensor) -> Tensor:  # type: ignore[override]
        """Return raw logits (N,) of images (N,3,S,S) in [-1,1] and their classes (N,), int64."""
        features = self.features(images)
        logits: Tensor = self.last(features).squeeze(1) + (self.embedding(classes) * features).sum(dim=1)
        return logits


CONDITIONAL_GAN = Generator, Discriminator
