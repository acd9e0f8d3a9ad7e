"""A transfer attack: the gradients of one network, against another."""

from __future__ import annotations

import torch
from torch import nn

from repro.attacks.checks import Outside
from repro.attacks.execution import Execution
from repro.attacks.network import ReadLogits
from repro.attacks.template import GradientAttack
from repro.attacks.threat_model import ThreatModel
from repro.core.timing import SplitWatch


class Transfer(GradientAttack):
    """Projected gradient descent whose attacker sees only a surrogate of the network.

    With restarts, each image's worst result is chosen by the network under attack itself, which is what an
    attacker who may query it would do.

    Args:
        model: the network under attack.
        surrogate: the network whose gradients are climbed; for the same images and classes.
        threat: as for PGD.
        generator: random stream of the starts.
        outside: what to do with images outside the bounds, with NaN or with wrong labels.
        execution: how the work is done.
        logits: how class logits are read from what a network returns.
        watch: where the time of network and kernel is added up.
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        surrogate: nn.Module,
        threat: ThreatModel,
        generator: torch.Generator | None = None,
        outside: Outside = "refuse",
        execution: Execution | None = None,
        logits: ReadLogits | None = None,
        watch: SplitWatch | None = None,
    ) -> None:
        super().__init__(
            model=model,
            threat=threat,
            generator=generator,
            outside=outside,
            execution=execution,
            logits=logits,
            watch=watch,
        )
        self.surrogate = surrogate

    @property
    def climbed(self) -> nn.Module:
        """The surrogate."""
        return self.surrogate
