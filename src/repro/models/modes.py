"""Passes through a network that leave no trace: no parameter gradients, no moved statistics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.spectral_norm import SpectralNorm

from repro.models.spectral_norm import SpectralVectors


@contextmanager
def frozen_parameters(network: nn.Module) -> Iterator[None]:
    """Within, gradients flow through ``network`` to its input but not into its parameters."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


@contextmanager
def frozen_statistics(network: nn.Module, *, spectral: bool = True) -> Iterator[None]:
    """Within, a training-mode pass moves no running mean or variance and no spectral-norm vector.

    Batch normalisation still normalises by the batch.

    Args:
        network: the network.
        spectral: whether the spectral-norm vectors rest too, ours and torch's.
    """
    still = [
        (module, name, value)
        for module in network.modules()
        for name, value in _resting(module, spectral=spectral)
    ]
    before = [getattr(module, name) for module, name, _ in still]
    for module, name, value in still:
        setattr(module, name, value)
    try:
        yield
    finally:
        for (module, name, _), value in zip(still, before, strict=True):
            setattr(module, name, value)


def _resting(module: nn.Module, *, spectral: bool) -> Iterator[tuple[str, object]]:
    """Yield the attributes with which a module, in the mode that it is in, moves nothing."""
    if isinstance(module, _BatchNorm) and module.track_running_stats:
        # In eval mode the running values are what normalises, and nothing moves them.
        yield "track_running_stats", not module.training
    elif isinstance(module, _InstanceNorm):
        yield "momentum", 0.0
    elif isinstance(module, SpectralVectors) and spectral:
        yield "resting", True
    hooks = module._forward_pre_hooks.values()
    by_torch = isinstance(module, _SpectralNorm) or any(isinstance(hook, SpectralNorm) for hook in hooks)
    if by_torch and spectral:  # its power iterations heed the mode, and nothing else in these modules does
        yield "training", False


@contextmanager
def frozen(network: nn.Module, *, spectral: bool = True) -> Iterator[None]:
    """Both of the above: what an attack on ``network`` runs in."""
    with frozen_parameters(network), frozen_statistics(network, spectral=spectral):
        yield
