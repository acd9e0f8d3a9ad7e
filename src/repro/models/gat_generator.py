"""GAT's perturbation generator (paper, Table 1)."""

from __future__ import annotations

from torch import Tensor, nn

from repro.models.initialise import Xavier, xavier_
from repro.models.width import channels


class GATGenerator(nn.Module):
    """The trainer G: from the gradient of an image to its perturbation. 107,763 parameters.

    Six 3 x 3 and one 1 x 1 convolutions of 48 channels with ReLU, a 1 x 1 convolution to RGB, tanh. It takes
    no noise.

    Args:
        width: multiplies the channel counts.
        initialisation: distribution of the Xavier initialisation.
    """

    def __init__(self, *, width: float = 1.0, initialisation: Xavier = "xavier_uniform") -> None:
        super().__init__()
        a = channels(48, width)
        layers: list[nn.Module] = []
        for inputs, kernel in [(3, 3), (a, 3), (a, 3), (a, 3), (a, 3), (a, 3), (a, 1)]:
            layers += [nn.Conv2d(inputs, a, kernel, padding=kernel // 2), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(a, 3, 1), nn.Tanh())
        xavier_(self, initialisation)

    def forward(self, gradients: Tensor) -> Tensor:
        """Return perturbations (N, 3, H, W) in (-1, 1) of gradient images of the same shape."""
        perturbations: Tensor = self.layers(gradients)
        return perturbations

    def stages(self) -> list[nn.Module]:
        """Return the layers in the order in which they are applied."""
        return list(self.layers)
