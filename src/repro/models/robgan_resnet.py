"""Rob-GAN's AC-GAN ResNet discriminators, as in its code (``dis_models``); they have no spectral norm."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from repro.core.errors import ReproError
from repro.models.heads import TwoHeads
from repro.models.robgan_generator import RobGANGenerator
from repro.models.width import channels

# size -> (channels, downsample) of each block
LAYOUTS: dict[int, tuple[tuple[int, bool], ...]] = {
    32: ((128, True), (128, True), (128, False), (128, False)),
    64: ((64, True), (128, True), (256, True), (512, True), (1024, True)),
    128: ((64, True), (128, True), (256, True), (256, True), (512, True), (512, False)),
}


def _conv(inputs: int, outputs: int, kernel: int, gain: float, batch_norm: bool) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    nn.init.xavier_uniform_(layer.weight, gain)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs)) if batch_norm else nn.Sequential(layer)


class _Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, each (batch-normalised); the first block has no leading ReLU."""

    def __init__(self, inputs: int, outputs: int, downsample: bool, batch_norm: bool, first: bool) -> None:
        super().__init__()
        self.downsample, self.first_block = downsample, first
        hidden = outputs if first else inputs
        self.first = _conv(inputs, hidden, 3, math.sqrt(2), batch_norm)
        self.second = _conv(hidden, outputs, 3, math.sqrt(2), batch_norm)
        needed = downsample or inputs != outputs
        self.shortcut = _conv(inputs, outputs, 1, 1.0, batch_norm) if needed else None

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
        width: multiplies the channel counts.

    Raises:
        ReproError: there is no layout for ``image_size``.
    """

    def __init__(
        self, n_classes: int, *, image_size: int = 32, batch_norm: bool | None = None, width: float = 1.0
    ) -> None:
        if image_size not in LAYOUTS:
            raise ReproError(
                f"Rob-GAN has no ResNet discriminator for {image_size} x {image_size} images",
                remedy=f"use a data set of size {', '.join(map(str, LAYOUTS))}",
            )
        layout = [(channels(base, width), downsample) for base, downsample in LAYOUTS[image_size]]
        super().__init__(layout[-1][0], n_classes)
        normalised = image_size == 32 if batch_norm is None else batch_norm
        blocks: list[nn.Module] = []
        inputs = 3
        for outputs, downsample in layout:
            blocks.append(_Block(inputs, outputs, downsample, normalised, first=not blocks))
            inputs = outputs
        self.body = nn.Sequential(*blocks)
        for head in (self.source, self.classes):
            nn.init.xavier_uniform_(head.weight)

    def features(self, images: Tensor) -> Tensor:
        """Return features (N, D), sums over space, of ``images`` (N, 3, S, S) in [-1, 1]."""
        maps: Tensor = self.body(images)
        return F.relu(maps).sum(dim=(2, 3))


TWO_HEADS = RobGANDiscriminator
AC_GAN = RobGANGenerator, RobGANDiscriminator
