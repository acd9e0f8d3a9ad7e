"""Networks and the table of attacks that the attack tests share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from repro.attacks.fast_gradient import FastGradient
from repro.attacks.pgd import PGD
from repro.attacks.threat_model import UNIT, Bounds, Norm, ThreatModel

Attack = Callable[[Tensor, Tensor], Tensor]


class Smooth(nn.Module):
    """A non-linear network whose logits of an image are bit-equal whatever else is in the batch."""

    def __init__(self, classes: int = 4, size: int = 4, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.first = nn.Parameter(torch.randn(6, 3, size, size, generator=generator))
        self.second = nn.Parameter(torch.randn(classes, 6, generator=generator))

    def forward(self, images: Tensor) -> Tensor:
        hidden = torch.tanh((images.unsqueeze(1) * self.first).sum(dim=(2, 3, 4)))
        return (hidden.unsqueeze(1) * self.second).sum(dim=2)


class Linear(nn.Module):
    """Two classes, logits w . x and 0, so that the worst perturbation is known exactly."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, images: Tensor) -> Tensor:
        score = (images * self.weight).sum(dim=(1, 2, 3))
        return torch.stack([score, torch.zeros_like(score)], dim=1)


class LinearD(nn.Module):
    """D(x) = <w, x> + b, whose input gradient is w everywhere and whose feature map is 2 x."""

    def __init__(self, weight: Tensor, bias: float = 0.0) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), bias

    def feature_map(self, images: Tensor) -> Tensor:
        return 2 * images

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight.flatten() + self.bias


class Rescaled(nn.Module):
    """A network for [0, 1], made to take images in other bounds."""

    def __init__(self, network: nn.Module, bounds: Bounds) -> None:
        super().__init__()
        self.network, self.bounds = network, bounds

    def forward(self, images: Tensor) -> Tensor:
        return self.network(self.bounds.to(UNIT, images))


@dataclass(frozen=True)
class Case:
    """One attack with its settings; ``make`` builds it for a network, a radius and bounds."""

    name: str
    norm: Norm
    make: Callable[[nn.Module, float, Bounds], Attack]
    random: bool = False


def fast_gradient(norm: Norm) -> Callable[[nn.Module, float, Bounds], Attack]:
    return lambda model, radius, bounds: FastGradient(
        model=model, threat=ThreatModel.fast_gradient(norm, radius, bounds)
    )


def pgd(
    norm: Norm, *, loss: str = "cross_entropy", random: bool = False, restarts: int = 1
) -> Callable[[nn.Module, float, Bounds], Attack]:
    def make(model: nn.Module, radius: float, bounds: Bounds) -> PGD:
        threat = ThreatModel(
            norm=norm,
            radius=radius,
            step_size=radius / 3,
            steps=5,
            random_start=random,
            restarts=restarts,
            bounds=bounds,
            loss=loss,  # type: ignore[arg-type]
        )
        return PGD(model=model, threat=threat, generator=torch.Generator().manual_seed(1))

    return make


CASES = [
    Case("fast gradient, linf", "linf", fast_gradient("linf")),
    Case("fast gradient, l2", "l2", fast_gradient("l2")),
    Case("pgd, linf", "linf", pgd("linf")),
    Case("pgd, l2", "l2", pgd("l2")),
    Case("pgd, linf, margin", "linf", pgd("linf", loss="cw_margin")),
    Case("pgd, l2, margin", "l2", pgd("l2", loss="cw_margin")),
    Case("pgd, linf, random starts", "linf", pgd("linf", random=True, restarts=2), random=True),
    Case("pgd, l2, random starts", "l2", pgd("l2", random=True, restarts=2), random=True),
]
