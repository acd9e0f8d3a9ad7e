"""Attacks on any ``nn.Module``, as ``attack(images, labels) -> images``.

    from repro.attacks import PGD, ThreatModel

    threat = ThreatModel(norm="linf", radius=8 / 255, step_size=2 / 255, steps=10)
    attacked = PGD(model=network, threat=threat)(images, labels)

A ``ThreatModel`` says what the attacker may do. Names are imported when they are first used: a threat model
needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from repro.attacks.auto_attack import Audit, AutoAttack
    from repro.attacks.execution import Execution
    from repro.attacks.fast_gradient import FGL2, FGSM, FastGradient
    from repro.attacks.gat_generator import GATAttack
    from repro.attacks.pgd import PGD
    from repro.attacks.threat_model import SYMMETRIC, UNIT, Bounds, ThreatModel
    from repro.attacks.transfer import Transfer
    from repro.attacks.two_classes import TwoClasses

_HOMES = {
    "threat_model": ("SYMMETRIC", "UNIT", "Bounds", "ThreatModel"),
    "execution": ("Execution",),
    "fast_gradient": ("FGL2", "FGSM", "FastGradient"),
    "pgd": ("PGD",),
    "transfer": ("Transfer",),
    "gat_generator": ("GATAttack",),
    "auto_attack": ("Audit", "AutoAttack"),
    "two_classes": ("TwoClasses",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "FGL2",
    "FGSM",
    "PGD",
    "SYMMETRIC",
    "UNIT",
    "Audit",
    "AutoAttack",
    "Bounds",
    "Execution",
    "FastGradient",
    "GATAttack",
    "ThreatModel",
    "Transfer",
    "TwoClasses",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
