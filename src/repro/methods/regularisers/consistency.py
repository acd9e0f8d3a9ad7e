"""What AR and RFM share: D must answer alike to an image and to its worst neighbour.

The neighbour is x + radius * v, where v is the unit-L2 direction, image by image, in which D's loss rises
fastest (Zhou et al. 2018; code: robust-discriminator-pytorch, which has RFM only). That code takes radius
1e-4, weight 10, and the root of the summed squares over the whole batch as the distance; both answers carry
gradient. Where D's loss is flat at an image, as the hinge's is beyond its margin, there is no such direction,
and the penalty is 0.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn

from repro.attacks.rgan_directions import uphill
from repro.methods.regularisers.base import Regulariser, RegulariserOptions
from repro.models.labelled import Side, of_side
from repro.models.modes import frozen, frozen_statistics

Distance = Literal["batch_norm", "mean_square"]


class ConsistencyOptions(RegulariserOptions):
    """Options of both penalties.

    Attributes:
        radius: L2 distance of the neighbour, in [-1,1] units.
        side: images whose neighbours are looked at.
        distance: ``batch_norm`` is the L2 norm of all differences of the batch together (the code),
            ``mean_square`` the mean over the images of each one's squared L2 norm.
    """

    weight: float = 10.0
    radius: float = 1e-4
    side: Side = "both"
    distance: Distance = "batch_norm"


class Consistency(Regulariser):
    """Pulls D's answer to a worst neighbour towards its answer to the image; says not what an answer is."""

    Options = ConsistencyOptions
    tf32 = False  # over a radius of 1e-4 answers change by less than its rounding

    options: ConsistencyOptions

    @abstractmethod
    def answer(self, discriminator: nn.Module, images: Tensor) -> Tensor:
        """Return what is compared, (N, ...)."""

    def neighbours(self, discriminator: nn.Module, images: Tensor, *, real: bool) -> Tensor:
        """Return each image's neighbour (N,3,H,W), a constant; D is left as it was."""
        gain = self.loss.g1 if real else self.loss.g2
        with frozen(discriminator):
            direction = uphill(lambda points: -gain(discriminator(points).float()), images, self.watch)
        return images.detach() + self.options.radius * direction

    def penalty(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Return the distance between the answers to images and neighbours, summed over the sides; 0-d."""
        total = torch.zeros((), device=real.device)
        sides: list[tuple[Literal["real", "fake"], Tensor]] = [("real", real), ("fake", fake)]
        for side, images in sides:
            if self.options.side in ("both", side):
                judge = of_side(discriminator, side)
                moved = self.neighbours(judge, images, real=side == "real")
                with frozen_statistics(judge):  # one D for both answers, as its drift is larger
                    change = self.answer(judge, moved) - self.answer(judge, images.detach())
                total = total + self.distance(change)
        return total

    def distance(self, change: Tensor) -> Tensor:
        """Return the size of differences (N, ...), 0-d."""
        if self.options.distance == "batch_norm":
            size: Tensor = change.norm()
            return size
        return change.flatten(1).square().sum(1).mean()
