"""Rob-GAN's class-conditional ResNet generators, as in its code (``gen_models``)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from repro.core.errors import ReproError
from repro.models.conditional_batch_norm import ConditionalBatchNorm2d
from repro.models.width import channels

# size -> channels of the 4 x 4 map, then (channels, upsample) of each block
LAYOUTS: dict[int, tuple[int, tuple[tuple[int, bool], ...]]] = {
    32: (1024, ((512, True), (256, True), (128, True), (64, False))),
    64: (1024, ((512, True), (256, True), (128, True), (64, True))),
    128: (512, ((512, True), (256, True), (256, True), (128, True), (64, True))),
}


class _Block(nn.Module):
    """Conditional batch norm, ReLU, (doubling), 3 x 3 convolution; the same again; plus a shortcut."""

    def __init__(self, inputs: int, outputs: int, n_classes: int, upsample: bool) -> None:
        super().__init__()
        self.upsample = upsample
        self.first_norm = ConditionalBatchNorm2d(inputs, n_classes)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second_norm = ConditionalBatchNorm2d(outputs, n_classes)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if upsample or inputs != outputs else None
        nn.init.xavier_uniform_(self.first.weight, math.sqrt(2))
        nn.init.xavier_uniform_(self.second.weight, math.sqrt(2))
        if self.shortcut is not None:
            nn.init.xavier_uniform_(self.shortcut.weight)

    def _enlarge(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="nearest") if self.upsample else x

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        hidden = self.first(self._enlarge(F.relu(self.first_norm(x, labels))))
        hidden = self.second(F.relu(self.second_norm(hidden, labels)))
        # a 1 x 1 convolution commutes with nearest-neighbour doubling; before it, it costs a quarter
        shortcut = x if self.shortcut is None else self._enlarge(self.shortcut(x))
        result: Tensor = hidden + shortcut
        return result


class RobGANGenerator(nn.Module):
    """Noise and class to an image. 12,272,515 parameters at 32 px with 10 classes.

    Args:
        n_classes: number of classes, at least 1.
        size: height and width of the images: 32, 64 or 128 (the code's "small" one).
        latent_dim: number of latent values, standard normal.
        width: multiplies the channel counts.

    Raises:
        ReproError: there is no layout for ``size``.
    """

    def __init__(self, n_classes: int, *, size: int = 32, latent_dim: int = 128, width: float = 1.0) -> None:
        super().__init__()
        if size not in LAYOUTS:
            raise ReproError(
                f"Rob-GAN has no generator for {size} x {size} images",
                remedy=f"use a data set of size {', '.join(map(str, LAYOUTS))}",
            )
        self.latent_dim, self.n_classes = latent_dim, n_classes
        first, layout = LAYOUTS[size]
        inputs = channels(first, width)
        self.start = nn.Linear(latent_dim, inputs * 16)
        nn.init.xavier_uniform_(self.start.weight)
        self.blocks = nn.ModuleList()
        for base, upsample in layout:
            outputs = channels(base, width)
            self.blocks.append(_Block(inputs, outputs, n_classes, upsample))
            inputs = outputs
        self.norm = nn.BatchNorm2d(inputs)
        self.last = nn.Conv2d(inputs, 3, 3, padding=1)
        nn.init.xavier_uniform_(self.last.weight)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, 3, size, size) in [-1, 1] of latents (N, latent_dim) and classes int64 (N,)."""
        if labels is None:
            raise ValueError("a class-conditional generator needs labels")
        maps = self.start(z).view(len(z), -1, 4, 4)
        for block in self.blocks:
            maps = block(maps, labels)
        return torch.tanh(self.last(F.relu(self.norm(maps))))
