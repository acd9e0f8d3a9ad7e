"""VGG16 with batch norm, as it is common for 32-px images (Simonyan and Zisserman 2015): Rob-GAN's Figure 2.

The published code has a VGG that cannot be made (ledger robgan.vgg). Here: thirteen 3 x 3 convolutions, each
with bias, batch norm and ReLU, five poolings by 2, one linear layer; 14,728,266 parameters for 10 classes.
"""

from __future__ import annotations

from torch import Tensor, nn

from repro.models.width import channels

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and number of convolutions; each stage ends with a pooling by 2."""


class VGG16(nn.Module):
    """Images to class logits; larger images than 32 px are averaged over what is left of the space.

    Args:
        n_classes: number of class logits.
        width: multiplies the channel counts.
    """

    def __init__(self, n_classes: int, *, width: float = 1.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for count, convolutions in STAGES:
            outputs = channels(count, width)
            for _ in range(convolutions):
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
                inputs = outputs
            layers.append(nn.MaxPool2d(2))
        self.body = nn.Sequential(*layers)
        self.classes = nn.Linear(inputs, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return class logits (N, n_classes) of ``images`` (N, 3, H, W), at least 32 px."""
        logits: Tensor = self.classes(self.body(images).mean(dim=(2, 3)))
        return logits


CLASSIFIER = VGG16
