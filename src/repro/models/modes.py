"""Passes through a network that leave no trace: no parameter gradients, no moved statistics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

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
        spectral: whether the spectral-norm vectors rest too.
    """
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    vectors = [m for m in network.modules() if isinstance(m, SpectralVectors) and spectral and not m.resting]
    for norm in norms:
        # In eval mode the running values are what normalises, and nothing moves them.
        norm.track_running_stats = not norm.training
    for vector in vectors:
        vector.resting = True
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
        for vector in vectors:
            vector.resting = False


@contextmanager
def frozen(network: nn.Module, *, spectral: bool = True) -> Iterator[None]:
    """Both of the above: what an attack on ``network`` runs in."""
    with frozen_parameters(network), frozen_statistics(network, spectral=spectral):
        yield
