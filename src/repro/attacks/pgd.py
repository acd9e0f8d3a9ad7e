"""Projected gradient descent (Madry et al., 2018) in the L-infinity and the L2 norm."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from repro.attacks.balls import BALLS
from repro.attacks.objective import class_logits, image_gradient, losses
from repro.attacks.threat_model import ThreatModel
from repro.attacks.undisturbed import undisturbed


class PGD:
    """Climb the loss in small steps and go back to the ball and the box after each.

    With several restarts each image keeps its worst result: a misclassified one before a correct one, then
    the one with the larger loss.

    Args:
        model: the network under attack; for the joint loss one that returns both heads' logits.
        threat: everything that the attacker may do.
        generator: random stream of the starts, needed where the threat model has a random start.
    """

    def __init__(
        self, *, model: nn.Module, threat: ThreatModel, generator: torch.Generator | None = None
    ) -> None:
        if threat.random_start and generator is None:
            raise ValueError("a random start needs the random stream that it is drawn from")
        self.model = model
        self.threat = threat
        self.ball = BALLS[threat.norm]
        self.generator = generator

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return attacked images, float32, in the bounds and (for images in them) within the radius.

        Args:
            images: (N, C, H, W) in the threat model's bounds.
            labels: true classes, int64 (N,).
        """
        images = images.detach().float()
        if self.threat.radius == 0:
            return self.threat.bounds.clip(images)
        with undisturbed(self.model, self.threat.batch_norm_mode):
            attacked = self.once(images, labels)
            for _ in range(self.threat.restarts - 1):
                attacked = self._worse(attacked, self.once(images, labels), labels)
        return attacked

    def once(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the result of one start; arguments and result as for a call."""
        attacked = self.start(images)
        for _ in range(self.threat.steps):
            gradient = image_gradient(self.model, attacked, labels, self.threat.loss)
            attacked = self.step(attacked, self.ball.direction(gradient), images)
        return attacked

    def start(self, images: Tensor) -> Tensor:
        """Return the point that the climb begins at."""
        if not self.threat.random_start:
            return images
        assert self.generator is not None
        return self.project(images + self.ball.random(images, self.threat.radius, self.generator), images)

    def step(self, attacked: Tensor, direction: Tensor, images: Tensor) -> Tensor:
        """Return ``attacked`` moved one step size along ``direction``, then back into ball and box."""
        return self.project(attacked + self.threat.step_size * direction, images)

    def project(self, attacked: Tensor, images: Tensor) -> Tensor:
        """Return the point of ball and box that ``attacked`` becomes.

        First the ball, then the box: for images in the box, clipping shortens a perturbation and so keeps it
        in the ball.
        """
        perturbation = self.ball.project(attacked - images, self.threat.radius)
        return self.threat.bounds.clip(images + perturbation)

    @torch.no_grad()
    def _worse(self, first: Tensor, second: Tensor, labels: Tensor) -> Tensor:
        def badness(attacked: Tensor) -> tuple[Tensor, Tensor]:
            outputs = self.model(attacked)
            return class_logits(outputs).argmax(dim=1) != labels, losses(outputs, labels, self.threat.loss)

        (wrong, loss), (other_wrong, other_loss) = badness(first), badness(second)
        better = torch.where(other_wrong == wrong, other_loss > loss, other_wrong)
        return torch.where(better.view(-1, *[1] * (first.dim() - 1)), second, first)
