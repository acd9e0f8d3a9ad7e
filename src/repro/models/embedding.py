"""The embedded feature extractor: a small classifier whose pooled features stand in for Inception's.

Inception's weights are a download; a classifier trained on the data set's own training split is not. Its IS,
FID and KID are numbers of their own kind (``IS*``, ``FID*``, ``KID*``) and never comparable with the papers'.
"""

from __future__ import annotations

from torch import Tensor, nn

from repro.models.width import channels

FEATURES = 192


class EmbeddingNetwork(nn.Module):
    """Five convolutions with batch norm and ReLU, mean over space, a linear classifier; from 8 x 8 pixels up.

    The number of features stays at 192 whatever the width, so that statistics of different widths have one
    shape.

    Args:
        n_classes: number of class logits.
        width: multiplies the hidden channel counts.
    """

    def __init__(self, n_classes: int, *, width: float = 1.0) -> None:
        super().__init__()
        a, b, c = (channels(base, width) for base in (32, 64, 128))
        layers: list[nn.Module] = []
        for inputs, outputs, stride in [(3, a, 1), (a, b, 2), (b, c, 2), (c, c, 1), (c, FEATURES, 2)]:
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
        self.body = nn.Sequential(*layers)
        self.classes = nn.Linear(FEATURES, n_classes)

    def features(self, images: Tensor) -> Tensor:
        """Return features (N, 192), none negative, of ``images`` (N, 3, H, W) in [0, 1]."""
        maps: Tensor = self.body(images)
        return maps.mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Return class logits (N, n_classes) of ``images`` (N, 3, H, W) in [0, 1]."""
        logits: Tensor = self.classes(self.features(images))
        return logits


CLASSIFIER = EmbeddingNetwork
