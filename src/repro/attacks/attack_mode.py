"""Attack a network and leave no trace in it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from repro.attacks.threat_model import BatchNormMode


@contextmanager
def attack_mode(
    network: nn.Module, batch_norm_mode: BatchNormMode = "eval", *, freeze: bool = True
) -> Iterator[None]:
    """Hold the network still for an attack, and give it back as it was.

    Inside, everything is in eval mode (with ``train``, batch norm alone uses the batch's statistics), and
    parameters ask for no gradient, which saves their share of the backward pass. Afterwards every module's
    mode, hooks and attributes, every ``requires_grad`` and every buffer are the old ones, whatever the
    network's own forward pass does to them. With ``freeze`` false, parameters go on asking for gradients (for
    losses that differentiate through the attack).
    """
    modules = list(network.modules())
    modes = [(module, module.training) for module in modules]
    attributes = [(module.__dict__, _shallow(module.__dict__)) for module in modules]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    trainable = [parameter for parameter in network.parameters() if freeze and parameter.requires_grad]
    try:
        network.eval()
        if batch_norm_mode == "train":
            for module in modules:
                if isinstance(module, _BatchNorm):
                    module.train()
        for parameter in trainable:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)
        for held, kept in attributes:
            _restore(held, kept)
        for module, training in modes:
            module.training = training
        with torch.no_grad():
            for buffer, value in buffers:
                # by ``data``: a graph of the caller's that has saved the buffer is still valid
                buffer.data.copy_(value)


def _shallow(attributes: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return each attribute with a copy of its contents, where it is a container."""
    return {
        name: (value, value.copy() if type(value) in (dict, OrderedDict, list, set) else None)
        for name, value in attributes.items()
    }


def _restore(attributes: dict[str, Any], kept: dict[str, tuple[Any, Any]]) -> None:
    """Put the same objects back; containers keep their identity, which handles of hooks refer to."""
    attributes.clear()
    for name, (value, contents) in kept.items():
        attributes[name] = value
        if contents or (contents is not None and value):
            value.clear()
            (value.extend if isinstance(value, list) else value.update)(contents)
