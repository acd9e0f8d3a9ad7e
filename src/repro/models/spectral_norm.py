"""Spectral normalisation (Miyato et al. 2018, Algorithm 1): weights over their largest singular value.

The value is estimated by one power iteration at each forward pass in training mode, from vectors that are
kept between passes. In eval mode, and inside ``modes.frozen_statistics``, the vectors rest. The estimate is
made in float32 whatever the network's format: in bf16 the weight's norm would be off by up to a percent.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from repro.core.device import no_autocast
from repro.models.convolution import Convolution

EPS = 1e-12


class SpectralVectors(nn.Module):
    """Estimates of the first left and right singular vectors of a weight, seen as a matrix (out, rest).

    Args:
        weight: the weight (out, ...) as initialised.
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.resting = False
        matrix = weight.detach().flatten(1)
        u = F.normalize(torch.randn(matrix.shape[0]), dim=0, eps=EPS)
        self.register_buffer("u", u)
        self.register_buffer("v", F.normalize(matrix.T @ u, dim=0, eps=EPS))

    def forward(self, weight: Tensor) -> Tensor:
        """Return ``weight`` divided by its estimated largest singular value; the same shape, float32.

        The gradient goes through the estimate, with the vectors as constants.
        """
        with no_autocast(weight.device):
            matrix = weight.flatten(1)
            if self.training and not self.resting:
                self.iterate(matrix)
            # Copies, for a later pass moves the buffers in place while this pass's gradient still needs the
            # old ones.
            sigma = torch.dot(self.u.clone(), torch.mv(matrix, self.v.clone()))
            return weight / sigma

    @torch.no_grad()
    def iterate(self, matrix: Tensor) -> None:
        """Take one power iteration on the weight as a matrix (out, rest); the vectors move in place."""
        for transformed, vector, other in ((matrix.T, self.v, self.u), (matrix, self.u, self.v)):
            torch.mv(transformed, other, out=vector)
            vector.div_(vector.norm().clamp_min_(EPS))  # as F.normalize, in place


class SpectralConv2d(Convolution):
    """A convolution with spectrally normalised weight."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, gain: float, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, gain, bias)
        self.spectral = SpectralVectors(self.weight)

    def weights(self) -> Tensor:
        """Return the normalised weight; in training mode after a power iteration."""
        weight: Tensor = self.spectral(self.weight)
        return weight


class SpectralLinear(nn.Linear):
    """A linear layer with spectrally normalised weight, Xavier-uniform with gain 1."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        nn.init.xavier_uniform_(self.weight)
        self.spectral = SpectralVectors(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out) of (N, in)."""
        weight: Tensor = self.spectral(self.weight)
        return F.linear(input, weight, self.bias)


class SpectralEmbedding(nn.Embedding):
    """One spectrally normalised vector per class, Xavier-uniform with gain 1."""

    def __init__(self, n_classes: int, features: int) -> None:
        super().__init__(n_classes, features)
        nn.init.xavier_uniform_(self.weight)
        self.spectral = SpectralVectors(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        """Return the vectors (N, features) of classes (N,), int64."""
        weight: Tensor = self.spectral(self.weight)
        return F.embedding(input, weight)
