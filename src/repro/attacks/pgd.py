"""Projected gradient descent (Madry et al., 2018): start, gradient, step, projection; norms fill it in."""

from __future__ import annotations

from contextlib import ExitStack

import torch
from torch import Tensor, nn

from repro.attacks.attack_mode import attack_mode, frozen_if_possible, ordinary
from repro.attacks.balls import BALLS
from repro.attacks.checks import Outside, check_alone, check_batch, check_classes, check_gradients
from repro.attacks.engine import AnyClimb, Engine
from repro.attacks.execution import Execution
from repro.attacks.network import Network, ReadLogits, check_finite, class_logits
from repro.attacks.objective import losses
from repro.attacks.threat_model import ThreatModel
from repro.core.timing import SplitWatch


class PGD:
    """Climb a loss (or, targeted, descend it) in small steps, and go back to the ball and the box after each.

    With several restarts each image keeps its worst result: a successful one before one that fails, then the
    one with the larger loss (targeted: the smaller).

    Args:
        model: the network under attack; for the joint loss one that returns both heads' logits.
        threat: everything that the attacker may do.
        generator: random stream of the starts, needed where the threat model has a random start.
        outside: what to do with images outside the threat model's bounds, with NaN, or with labels that are
            no classes: ``refuse``, or ``allow`` them unseen.
        execution: how the work is done; no choice changes a result beyond rounding.
        logits: how class logits (N, K) are read from what the network returns, where that is no tensor.
        watch: where the time of network and kernel is added up.
    """

    clip = True

    def __init__(
        self,
        *,
        model: nn.Module,
        threat: ThreatModel,
        generator: torch.Generator | None = None,
        outside: Outside = "refuse",
        execution: Execution | None = None,
        logits: ReadLogits | None = None,
        watch: SplitWatch | None = None,
    ) -> None:
        if threat.random_start and generator is None:
            raise ValueError("a random start needs the random stream that it is drawn from")
        self.model = self.climbed = model  # under attack; whose gradients are used
        self.threat = threat
        self.ball = BALLS[threat.norm]
        self.generator = generator
        self.outside: Outside = outside
        self.logits = logits
        self.engine = Engine(threat, execution or Execution(), logits, watch)

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return attacked images, float32, in the bounds and (for images in them) within the radius.

        Args:
            images: (N, C, H, W) in the threat model's bounds.
            labels: int64 (N,): true classes, or for a targeted attack those that are aimed at.

        Raises:
            ReproError: batch, network and bounds do not fit together, the network has no gradient or one
                that is no number, or there are restarts and its verdicts depend on the batch.
        """
        largest = check_batch(self.climbed, images, labels, self.threat, self.outside)
        if self.threat.restarts > 1:
            check_alone(self.model)
        images = images.detach().float()
        if self.threat.radius == 0 or not len(images):
            return self.threat.bounds.clip(images) if self.clip else images.clone()
        # a stream cannot be read while a graph is captured
        captured = images.is_cuda and torch.cuda.is_current_stream_capturing()
        drawn = None if captured else self.generator
        state = None if drawn is None else drawn.get_state()

        def attack(freeze: bool) -> Tensor:
            if not freeze and drawn is not None and state is not None:
                drawn.set_state(state)  # the second try begins where the first did
            return self._attacked(images, labels, largest, freeze=freeze)

        return torch.empty_like(images).copy_(frozen_if_possible(attack, self.model, self.climbed))

    def _attacked(self, images: Tensor, labels: Tensor, largest: int | None, *, freeze: bool) -> Tensor:
        with ExitStack() as held:
            held.enter_context(torch.inference_mode(False))
            for network in {id(network): network for network in (self.model, self.climbed)}.values():
                held.enter_context(attack_mode(network, self.threat.batch_norm_mode, freeze=freeze))
            images, labels = ordinary(images), ordinary(labels)
            with self.engine.climb(self.climbed, self.step, images, labels, largest) as climb:
                attacked = self.once(climb)
                if self.threat.restarts > 1:
                    attacked = self._worst(attacked, climb, images, labels, largest)
        check_gradients(climb.sound)
        return attacked

    def once(self, climb: AnyClimb) -> Tensor:
        """Return a copy of the result of one start."""
        self.start(climb.attacked, climb.images)
        for _ in range(self.threat.steps):
            climb.step()
        return climb.attacked.clone()

    def start(self, attacked: Tensor, images: Tensor) -> None:
        """Write the point that the climb begins at to ``attacked`` (N, C, H, W)."""
        if not self.threat.random_start:
            attacked.copy_(images)
            return
        assert self.generator is not None
        self.ball.start_(attacked, images, self.threat.radius, self.threat.bounds, self.generator)

    def step(self, attacked: Tensor, gradient: Tensor, images: Tensor) -> None:
        """Move ``attacked`` along the gradient's direction, and project it onto ball and box; in place."""
        step = -self.threat.step_size if self.threat.targeted else self.threat.step_size
        bounds = self.threat.bounds if self.clip else None
        self.ball.step_(attacked, images, gradient, step, self.threat.radius, bounds)

    def _worst(
        self, attacked: Tensor, climb: AnyClimb, images: Tensor, labels: Tensor, largest: int | None
    ) -> Tensor:
        won, reached = self._score(attacked, images, labels, largest)
        for _ in range(self.threat.restarts - 1):
            other = self.once(climb)
            other_won, other_reached = self._score(other, images, labels, largest)
            better = torch.where(other_won == won, other_reached > reached, other_won)
            won, reached = won | other_won, torch.where(better, other_reached, reached)
            attacked = torch.where(better.view(-1, *[1] * (other.dim() - 1)), other, attacked)
        return attacked

    @torch.no_grad()
    def _score(
        self, attacked: Tensor, images: Tensor, labels: Tensor, largest: int | None
    ) -> tuple[Tensor, Tensor]:
        """Return for each image whether the attack succeeded, and the loss that it reached; both (N,)."""
        other = self.model is not self.climbed
        if other:
            # the memory order was tried on the climbed network, and may make another function of this one
            attacked = torch.empty_like(images).copy_(attacked)
        outputs = Network(self.model, self.logits)(attacked)
        if other and largest is not None:
            check_classes(largest, class_logits(outputs).shape[1])
            check_finite(outputs)
        hit = class_logits(outputs).argmax(dim=1) == labels
        reached = losses(outputs, labels, self.threat.loss)
        return (hit, -reached) if self.threat.targeted else (~hit, reached)
