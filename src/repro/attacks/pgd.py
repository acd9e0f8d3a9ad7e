"""Projected gradient descent (Madry et al., 2018) in the L-infinity and the L2 norm."""

from __future__ import annotations

from repro.attacks.template import GradientAttack


class PGD(GradientAttack):
    """Climb the loss in small steps and go back to the ball and the box after each.

    Everything is as in the template: the threat model says it all.
    """
