"""Rob-GAN's AC-GAN ResNet discriminators, as in its code (``dis_models``), which has no spectral norm.

The paper calls them copied from SN-GAN, which normalises every layer: an option.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from repro.core.errors import ReproError
from repro.models.heads import TwoHeads
from repro.models.robgan_generator import RobGANGenerator
from repro.models.spectral_norm import SpectralConv2d, SpectralLinear
from repro.models.width import channels

# size -> (channels, downsample) of each block
LAYOUTS: dict[int, tuple[tuple[int, bool], ...]] = {
    32: ((128, True), (128, True), (128, False), (128, False)),
    64: ((64, True), (128, True), (256, True), (512, True), (1024, True)),
    128: ((64, True), (128, True), (256, True), (256, True), (512, True), (512, False)),
}


class _Norms(NamedTuple):
    batch: bool
    spectral: bool


def _conv(inputs: int, outputs: int, kernel: int, gain: float, norms: _Norms) -> nn.Sequential:
    if norms.spectral:
        layer: nn.Conv2d = SpectralConv2d(inputs, outputs, kernel, gain, bias=False)
    else:
        layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        nn.init.xavier_uniform_(layer.weight, gain)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs)) if norms.batch else nn.Sequential(layer)


class _Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, each (batch-normalised); the first block has no leading ReLU."""

    def __init__(self, inputs: int, outputs: int, downsample: bool, norms: _Norms, first: bool) -> None:
        super().__init__()
        self.downsample, self.first_block = downsample, first
        hidden = outputs if first else inputs
        self.first = _conv(inputs, hidden, 3, math.sqrt(2), norms)
        self.second = _conv(hidden, outputs, 3, math.sqrt(2), norms)
        needed = downsample or inputs != outputs
        self.shortcut = _conv(inputs, outputs, 1, 1.0, norms) if needed else None

    def _shrink(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2) if self.downsample else x

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x if self.first_block else F.relu(x))
        residual = self._shrink(self.second(F.relu(hidden)))
        if self.shortcut is None:
            return residual + x
        # the first block pools before its shortcut, the others after (it matters where there is a batch norm)
        shortcut = self.shortcut(self._shrink(x)) if self.first_block else self._shrink(self.shortcut(x))
        result: Tensor = residual + shortcut
        return result


class RobGANDiscriminator(TwoHeads):
    """ResNet with global sum pooling and two heads.

    1,056,395 parameters at 32 px with 10 classes and batch norm. Convolutions have no bias.

    Args:
        n_classes: number of class logits.
        image_size: height and width of the images: 32, 64 or 128.
        batch_norm: after every convolution; None as in the code, which has it in the 32-px network and not in
            the others.
        spectral_norm: of every convolution and both heads; the same parameters.
        width: multiplies the channel counts.

    Raises:
        ReproError: there is no layout for ``image_size``.
    """

    def __init__(
        self,
        n_classes: int,
        *,
        image_size: int = 32,
        batch_norm: bool | None = None,
        spectral_norm: bool = False,
        width: float = 1.0,
    ) -> None:
        if image_size not in LAYOUTS:
            raise ReproError(
                f"Rob-GAN has no ResNet discriminator for {image_size} x {image_size} images",
                remedy=f"use a data set of size {', '.join(map(str, LAYOUTS))}",
            )
        layout = [(channels(base, width), downsample) for base, downsample in LAYOUTS[image_size]]
        super().__init__(layout[-1][0], n_classes)
        norms = _Norms(image_size == 32 if batch_norm is None else batch_norm, spectral_norm)
        blocks: list[nn.Module] = []
        inputs = 3
        for outputs, downsample in layout:
            blocks.append(_Block(inputs, outputs, downsample, norms, first=not blocks))
            inputs = outputs
        self.body = nn.Sequential(*blocks)
        if spectral_norm:
            self.source, self.classes = (SpectralLinear(inputs, size) for size in (1, n_classes))
        else:  # spectrally normalised ones are made so
            for head in (self.source, self.classes):
                nn.init.xavier_uniform_(head.weight)

    def features(self, images: Tensor) -> Tensor:
        """Return features (N, D), sums over space, of ``images`` (N, 3, S, S) in [-1, 1]."""
        maps: Tensor = self.body(images)
        return F.relu(maps).sum(dim=(2, 3))


TWO_HEADS = RobGANDiscriminator
AC_GAN = RobGANGenerator, RobGANDiscriminator
