"""Other libraries' projected gradient descent with one signature; what is not installed is left out."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from torch import Tensor, nn

import repro.core.vision  # noqa: F401  the libraries import torchvision
from repro.attacks import ThreatModel
from subjects import as_others_run

Attack = Callable[[Tensor, Tensor], Tensor]


def torchattacks_pgd(network: nn.Module, threat: ThreatModel) -> Attack:
    import torchattacks

    kind = {"linf": torchattacks.PGD, "l2": torchattacks.PGDL2}[threat.norm]
    attack: Attack = kind(
        network, eps=threat.radius, alpha=threat.step_size, steps=threat.steps, random_start=False
    )
    return attack


def foolbox_pgd(network: nn.Module, threat: ThreatModel) -> Attack:
    import foolbox

    wrapped = foolbox.PyTorchModel(network, bounds=(0, 1), device=next(network.parameters()).device)
    kind = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[threat.norm]
    attack = kind(abs_stepsize=threat.step_size, steps=threat.steps, random_start=False)

    def run(images: Tensor, labels: Tensor) -> Tensor:
        # ``run`` is the attack alone; calling the object would also evaluate the result
        attacked: Tensor = attack.run(wrapped, images, labels, epsilon=threat.radius)
        return attacked

    return run


MAKERS = {"torchattacks": torchattacks_pgd, "foolbox": foolbox_pgd}


def peers(network: nn.Module, threat: ThreatModel) -> dict[str, Attack]:
    """Return the installed libraries' attacks on ``network``, images (N, C, H, W) in [0, 1]."""
    found = {name: make(network, threat) for name, make in MAKERS.items() if find_spec(name)}
    return {name: as_others_run()(attack) for name, attack in found.items()}
