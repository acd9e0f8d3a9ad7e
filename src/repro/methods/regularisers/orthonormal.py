"""Orthonormal regularisation (Brock et al. 2017): weight * sum over D's layers of |W'W - I|^2 (Frobenius).

Miyato et al. (2018) compare with it, W being a layer's weight as a matrix (outputs, rest). |W'W - I|^2 and
|WW' - I|^2 differ by a constant, so that the smaller Gram matrix is taken.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from repro.methods.regularisers.base import Regulariser, RegulariserOptions


class Orthonormal(Regulariser):
    """Pulls the singular values of every convolution and linear layer to 1."""

    class Options(RegulariserOptions):
        """Options of the penalty; the weight is BigGAN's, none is given for Miyato's comparison."""

        weight: float = 1e-4

    def penalty(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Return the sum over layers of the squared distance from orthonormal rows or columns, 0-d."""
        total = torch.zeros((), device=real.device)
        for layer in discriminator.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                matrix = layer.weight.flatten(1)
                gram = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
                total = total + (gram - torch.eye(len(gram), device=gram.device)).square().sum()
        return total


REGULARISER = Orthonormal
