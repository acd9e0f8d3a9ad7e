"""Attack a network and leave no trace in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from repro.attacks.threat_model import BatchNormMode


@contextmanager
def undisturbed(
    network: nn.Module, batch_norm_mode: BatchNormMode = "eval", *, freeze: bool = True
) -> Iterator[None]:
    """Hold the network still for an attack, and give it back as it was.

    Inside, everything is in eval mode (with ``train``, batch norm alone uses the batch's statistics), and
    parameters ask for no gradient, which saves their share of the backward pass. Afterwards every module's
    mode, every ``requires_grad`` and the batch norms' running statistics are the old ones. With ``freeze``
    false, parameters go on asking for gradients (for losses that differentiate through the attack).
    """
    modes = [(module, module.training) for module in network.modules()]
    trainable = [parameter for parameter in network.parameters() if freeze and parameter.requires_grad]
    norms: list[nn.Module] = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    using_batch: list[nn.Module] = norms if batch_norm_mode == "train" else []
    kept = [(buffer, buffer.clone()) for module in using_batch for buffer in module.buffers()]
    try:
        network.eval()
        for module in using_batch:
            module.train()
        for parameter in trainable:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)
        for module, training in modes:
            module.training = training
        for buffer, value in kept:
            buffer.copy_(value)
