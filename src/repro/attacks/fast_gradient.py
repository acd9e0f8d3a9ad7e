"""One step along the gradient: fast gradient sign (L-infinity) and its L2 form (GAT, Eq. 1 and 3)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from repro.attacks.pgd import PGD
from repro.attacks.threat_model import UNIT, AttackLoss, Bounds, Norm, ThreatModel
from repro.core.timing import part


class FastGradient(PGD):
    """x + radius * direction(gradient of the loss at x).

    Args:
        model: the network under attack.
        threat: norm, radius, bounds, loss; it has one step of the radius' length
            (``ThreatModel.fast_gradient``).
        clip: move values that left the bounds back to them; the GAT paper does not say whether it does.
        how: as for PGD.

    Raises:
        ValueError: the threat model has several steps, restarts, a random start or another step than
            the radius, which this attack would not carry out.
    """

    def __init__(self, *, model: nn.Module, threat: ThreatModel, clip: bool = True, **how: Any) -> None:
        iterated = threat.steps != 1 or threat.restarts != 1 or threat.random_start
        if iterated or threat.step_size != threat.radius:
            raise ValueError(f"a fast gradient attack is one step from the image, not: {threat.describe()}")
        super().__init__(model=model, threat=threat, **how)
        self.clip = clip

    def along(self, images: Tensor, gradient: Tensor) -> Tensor:
        """Return the attacked images for a gradient that the caller has computed already.

        Args:
            images: (N, C, H, W) in the bounds.
            gradient: of the attack's loss, in the same shape; its length plays no part.
        """
        images, gradient = images.detach().float(), gradient.detach().float()
        attacked = images.clone()
        if self.threat.radius == 0:
            return self.threat.bounds.clip(attacked) if self.clip else attacked
        with part(self.engine.watch, "kernel"):
            self.step(attacked, gradient, images)
        return attacked


class _Named(FastGradient):
    norm: ClassVar[Norm]

    def __init__(
        self,
        *,
        model: nn.Module,
        radius: float,
        bounds: Bounds = UNIT,
        loss: AttackLoss = "cross_entropy",
        targeted: bool = False,
        clip: bool = True,
        **how: Any,
    ) -> None:
        threat = ThreatModel.fast_gradient(self.norm, radius, bounds, loss, targeted=targeted)
        super().__init__(model=model, threat=threat, clip=clip, **how)


class FGSM(_Named):
    """Fast gradient sign method (Goodfellow et al., 2015): x + radius * sign(gradient)."""

    norm = "linf"


class FGL2(_Named):
    """Fast gradient method in L2 (GAT, Eq. 3): x + radius * gradient / |gradient|."""

    norm = "l2"
