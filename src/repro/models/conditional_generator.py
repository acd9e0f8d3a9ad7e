"""The class-conditional residual generator of SN-GAN (Miyato and Koyama 2018) and Rob-GAN, of any layout."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from repro.models.conditional_batch_norm import ConditionalBatchNorm2d
from repro.models.upsampling import Upsampling, double


class ConditionalBlock(nn.Module):
    """Conditional batch norm, ReLU, (doubling), 3 x 3 convolution; the same again; plus a shortcut."""

    def __init__(
        self, inputs: int, outputs: int, n_classes: int, upsampling: Upsampling | None, momentum: float
    ) -> None:
        super().__init__()
        self.upsampling = upsampling
        self.first_norm = ConditionalBatchNorm2d(inputs, n_classes, momentum)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second_norm = ConditionalBatchNorm2d(outputs, n_classes, momentum)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if upsampling or inputs != outputs else None
        nn.init.xavier_uniform_(self.first.weight, math.sqrt(2))
        nn.init.xavier_uniform_(self.second.weight, math.sqrt(2))
        if self.shortcut is not None:
            nn.init.xavier_uniform_(self.shortcut.weight)

    def _enlarge(self, x: Tensor) -> Tensor:
        return x if self.upsampling is None else double(x, self.upsampling)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return maps (N, outputs, H, W), or of twice the side, of maps (N, inputs, H, W)."""
        hidden = self.first(self._enlarge(F.relu(self.first_norm(x, labels))))
        hidden = self.second(F.relu(self.second_norm(hidden, labels)))
        # a 1 x 1 convolution commutes with the doubling; before it, it costs a quarter
        shortcut = x if self.shortcut is None else self._enlarge(self.shortcut(x))
        result: Tensor = hidden + shortcut
        return result


class ConditionalGenerator(nn.Module):
    """Latents and classes to images.

    Args:
        n_classes: number of classes, at least 1.
        latent_dim: length of a latent.
        base: side of the first map.
        first: its channels.
        blocks: output channels of each block, and whether it doubles the map.
        upsampling: how.
        momentum: weight of the newest batch in the running statistics of the conditional norms.
    """

    def __init__(
        self,
        n_classes: int,
        latent_dim: int,
        *,
        base: int,
        first: int,
        blocks: Sequence[tuple[int, bool]],
        upsampling: Upsampling,
        momentum: float,
    ) -> None:
        super().__init__()
        self.latent_dim, self.n_classes, self.base = latent_dim, n_classes, base
        self.start = nn.Linear(latent_dim, first * base**2)
        nn.init.xavier_uniform_(self.start.weight)
        self.blocks = nn.ModuleList()
        inputs = first
        for outputs, doubles in blocks:
            how = upsampling if doubles else None
            self.blocks.append(ConditionalBlock(inputs, outputs, n_classes, how, momentum))
            inputs = outputs
        self.norm = nn.BatchNorm2d(inputs)
        self.last = nn.Conv2d(inputs, 3, 3, padding=1)
        nn.init.xavier_uniform_(self.last.weight)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N,3,S,S) in [-1,1] of latents (N, latent_dim) and classes int64 (N,)."""
        if labels is None:
            raise ValueError("a class-conditional generator needs labels")
        maps = self.start(z).view(len(z), -1, self.base, self.base)
        for block in self.blocks:
            maps = block(maps, labels)
        return torch.tanh(self.last(F.relu(self.norm(maps))))
