"""A transfer attack: the gradients of one network, against another."""

from __future__ import annotations

from typing import Any

from torch import nn

from repro.attacks.pgd import PGD


class Transfer(PGD):
    """Projected gradient descent whose attacker sees only a surrogate of the network.

    With restarts, each image's worst result is chosen by the network under attack itself, which is what an
    attacker who may query it would do.

    Args:
        surrogate: the network whose gradients are climbed; for the same images and classes.
        how: as for PGD, the network under attack among them.
    """

    def __init__(self, *, surrogate: nn.Module, **how: Any) -> None:
        super().__init__(**how)
        self.climbed = surrogate
