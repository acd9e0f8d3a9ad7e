"""Batch norm with one scale and shift per class."""

from __future__ import annotations

from torch import Tensor, nn


class ConditionalBatchNorm2d(nn.Module):
    """Normalise as batch norm does, then scale and shift with the values of each image's class.

    Dumoulin et al. (2017), as SN-GAN's and Rob-GAN's generators use it.

    Args:
        features: number of channels.
        n_classes: number of classes.
        momentum: weight of the newest batch in the running statistics.
    """

    def __init__(self, features: int, n_classes: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm2d(features, eps=2e-5, momentum=momentum, affine=False)
        self.scale = nn.Embedding(n_classes, features)
        self.shift = nn.Embedding(n_classes, features)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return ``x`` (N, C, H, W) normalised, scaled and shifted; ``labels`` are int64 (N,)."""
        normalised: Tensor = self.normalise(x)
        scale: Tensor = self.scale(labels)
        shift: Tensor = self.shift(labels)
        return normalised * scale[:, :, None, None] + shift[:, :, None, None]
