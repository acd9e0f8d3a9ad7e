"""Attack a network and leave no trace in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from repro.attacks.kept_state import kept_state, no_cached_weights, switches_itself
from repro.attacks.network import OwnBackwardError
from repro.attacks.threat_model import BatchNormMode

Result = TypeVar("Result")

NO_GRADIENT = "does not require grad"  # in what autograd says of derivatives by frozen parameters


@contextmanager
def attack_mode(
    network: nn.Module, batch_norm_mode: BatchNormMode = "eval", *, freeze: bool = True
) -> Iterator[None]:
    """Hold the network still for an attack, and give it back as it was.

    Inside, everything is in eval mode (with ``train``, batch norm alone uses the batch's statistics), and
    parameters ask for no gradient, which saves their share of the backward pass. Afterwards every module's
    mode, hooks and attributes, every ``requires_grad``, every buffer and every tensor among the attributes
    are the old ones, whatever the network's forward pass does to them (``kept_state``). With ``freeze``
    false, parameters go on asking for gradients (for losses that differentiate through the attack). A network
    with recurrent layers runs without cuDNN, whose own cannot be differentiated in eval mode.

    A module with a ``train`` of its own may do more than set a mode: LoRA layers add to their weights in eval
    mode. It is called again at the end, for whatever it keeps elsewhere, and as undoing a sum rounds, the
    parameters of such a network are copied, then put back. Other networks' are not: what a forward pass
    itself writes to its parameters stays.
    """
    modes = [(module, module.training) for module in network.modules()]
    awake = any(training for _, training in modes)
    own = [(module, training) for module, training in modes if awake and switches_itself(module)]
    asking = [(each, each.requires_grad) for each in network.parameters() if each.is_leaf]
    recurrent = any(isinstance(module, nn.RNNBase) for module, _ in modes) and torch.backends.cudnn.enabled
    with no_cached_weights(), kept_state(network, parameters=bool(own)):
        try:
            if recurrent:
                torch.backends.cudnn.enabled = False
            if awake:
                network.eval()
            if batch_norm_mode == "train":
                for module, _ in modes:
                    if isinstance(module, _BatchNorm):
                        module.train()
            if freeze:
                _ask(asking, lambda _: False)
            yield
        finally:
            if recurrent:
                torch.backends.cudnn.enabled = True
            _ask(asking, lambda asked: asked)
            try:
                for module, training in own:  # parents first, as each passes its mode on
                    module.train(training)
            finally:
                _ask(asking, lambda asked: asked)
                for module, training in modes:
                    module.training = training


def frozen_if_possible(attack: Callable[[bool], Result], *networks: nn.Module) -> Result:
    """Return ``attack(True)``, which freezes parameters, or else ``attack(False)``, which does not.

    Else is where the network's own forward pass differentiates with respect to its weights. Gradients that
    the parameters of ``networks`` have from elsewhere are laid aside then.
    """
    try:
        return attack(True)
    except OwnBackwardError:
        pass
    except RuntimeError as error:
        if NO_GRADIENT not in str(error):
            raise
    gradients = [(parameter, parameter.grad) for network in networks for parameter in network.parameters()]
    try:
        for parameter, _ in gradients:
            parameter.grad = None
        return attack(False)
    finally:
        for parameter, gradient in gradients:
            parameter.grad = gradient


def ordinary(tensor: Tensor) -> Tensor:
    """Return ``tensor``, or where it was made in inference mode a copy, which autograd can save."""
    return tensor.clone() if tensor.is_inference() else tensor


def _ask(asking: list[tuple[nn.Parameter, bool]], wish: Callable[[bool], bool]) -> None:
    for parameter, asked in asking:
        if parameter.requires_grad != wish(asked):
            parameter.requires_grad_(wish(asked))
