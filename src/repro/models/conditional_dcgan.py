"""A conditional DCGAN by concatenation (Mirza and Osindero 2014, on Radford et al.'s networks).

RGAN's Table 2 names it without a layer list. Taken here: the networks of ``dcgan.py``; the generator's latent
is followed by the class as a one-hot vector, the discriminator's image by one plane for each class, ones in
that of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from repro.models.conv_stack import DiscriminatorNorm, StackDiscriminator, StackGenerator
from repro.models.dcgan import counts_of
from repro.models.registry import LatentDim


def one_hot(classes: Tensor, n_classes: int, dtype: torch.dtype) -> Tensor:
    """Return classes int64 (N,) as rows (N, n_classes) with a one each.

    Unlike torch's own it reads no value on the host on any device, so that an update can be captured.
    """
    return (classes[:, None] == torch.arange(n_classes, device=classes.device)).to(dtype)


class Generator(StackGenerator):
    """Latents and classes to images (N,3,S,S) in [-1,1].

    Args:
        n_classes: number of classes.
        image_size: side in pixels.
        latent_dim: length of a latent.
        width: factor on all channel counts.
    """

    def __init__(
        self, n_classes: int, image_size: int = 32, *, latent_dim: LatentDim = 100, width: float = 1.0
    ) -> None:
        counts = counts_of(image_size, width)[::-1]
        super().__init__(image_size, latent_dim=latent_dim + n_classes, counts=counts)
        self.latent_dim, self.n_classes = latent_dim, n_classes

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images of latents (N, latent_dim) and classes int64 (N,)."""
        if labels is None:
            raise ValueError("a class-conditional generator needs labels")
        return super().forward(torch.cat([z, one_hot(labels, self.n_classes, z.dtype)], dim=1))


class Discriminator(StackDiscriminator):
    """Images and classes to one real-or-fake logit each.

    Args:
        n_classes: number of classes.
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
        first = 1 if discriminator_norm == "batch" else len(counts)
        super().__init__(
            image_size, counts=counts, first_normalised=first, last_bias=True, inputs=3 + n_classes
        )
        self.n_classes = n_classes

    def _with_planes(self, images: Tensor, classes: Tensor) -> Tensor:
        planes = one_hot(classes, self.n_classes, images.dtype)[:, :, None, None]
        return torch.cat([images, planes.expand(-1, -1, *images.shape[2:])], dim=1)

    def feature_map(self, images: Tensor, classes: Tensor) -> Tensor:  # type: ignore[override]
        """Return the last feature map (N,C,4,4) (or 6 x 6), before its normalisation."""
        return super().feature_map(self._with_planes(images, classes))

    def forward(self, images: Tensor, classes: Tensor) -> Tensor:  # type: ignore[override]
        """Return raw logits (N,) of images (N,3,S,S) in [-1,1] and their classes (N,), int64."""
        return super().forward(self._with_planes(images, classes))


CONDITIONAL_GAN = Generator, Discriminator
