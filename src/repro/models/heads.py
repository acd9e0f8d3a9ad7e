"""Networks with two heads (real-or-fake, class), and views of such a network that show one head."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class HeadLogits(NamedTuple):
    """Real-or-fake logits (N,), positive for real, and class logits (N, n_classes)."""

    source: Tensor
    classes: Tensor


class TwoHeads(nn.Module):
    """A feature extractor with a real-or-fake head and a class head side by side (AC-GAN's discriminator).

    Args:
        features: number of features that ``features()`` returns.
        n_classes: number of class logits.
    """

    def __init__(self, features: int, n_classes: int) -> None:
        super().__init__()
        self.n_classes = n_classes
        self.source = nn.Linear(features, 1)
        self.classes = nn.Linear(features, n_classes)

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Return pooled features (N, D) of ``images`` (N, 3, H, W)."""

    def forward(self, images: Tensor) -> HeadLogits:
        """Return both heads' logits."""
        features = self.features(images)
        return HeadLogits(self.source(features).squeeze(1), self.classes(features))


class ClassView(nn.Module):
    """A two-headed network as a classifier: images (N, 3, H, W) to class logits (N, n_classes)."""

    def __init__(self, network: TwoHeads) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return the class logits."""
        logits: Tensor = self.network.classes(self.network.features(images))
        return logits


class SourceView(nn.Module):
    """A two-headed network as a discriminator: images (N, 3, H, W) to real-or-fake logits (N,)."""

    def __init__(self, network: TwoHeads) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return the real-or-fake logits, positive for real."""
        logits: Tensor = self.network.source(self.network.features(images))
        return logits.squeeze(1)
