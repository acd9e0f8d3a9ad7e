"""One step along the gradient: fast gradient sign (L-infinity) and its L2 form (GAT, Eq. 1 and 3)."""

from __future__ import annotations

from torch import Tensor, nn

from repro.attacks.balls import BALLS
from repro.attacks.objective import image_gradient
from repro.attacks.threat_model import ThreatModel
from repro.attacks.undisturbed import undisturbed


class FastGradient:
    """x + radius * direction(gradient of the loss at x).

    Args:
        model: the network under attack.
        threat: norm, radius, bounds, loss; it has one step of the radius' length
            (``ThreatModel.fast_gradient``).
        clip: move values that left the bounds back to them; the GAT paper does not say whether it does.

    Raises:
        ValueError: the threat model has several steps or restarts, which this attack would ignore.
    """

    def __init__(self, *, model: nn.Module, threat: ThreatModel, clip: bool = True) -> None:
        if threat.steps != 1 or threat.restarts != 1 or threat.random_start:
            raise ValueError(f"a fast gradient attack is one step from the image, not: {threat.describe()}")
        self.model = model
        self.threat = threat
        self.clip = clip

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return attacked images, float32 (N, C, H, W), of ``images`` (N, C, H, W) and labels int64 (N,)."""
        threat = self.threat
        with undisturbed(self.model, threat.batch_norm_mode):
            gradient = image_gradient(self.model, images, labels, threat.loss)
        attacked = images.detach() + threat.radius * BALLS[threat.norm].direction(gradient)
        return threat.bounds.clip(attacked) if self.clip else attacked
