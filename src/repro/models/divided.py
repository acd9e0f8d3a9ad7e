"""A network whose passes several processes divide among themselves, so that a run may be larger than a GPU.

Each process holds the same weights and, outside the networks, the same whole batches: it draws what a single
process would draw, and computes losses, penalties and attacks from whole outputs. Only within a network's
pass has each its own slice of the batch. A result therefore does not depend on how many they are (beyond
rounding), whatever a method does with its networks, second derivatives included.

Within a pass gradients are ``count`` times their share, so that averaged over the processes they are those of
the whole batch; what is computed alike in each (a penalty of the weights) keeps its own. Batch norm takes
its statistics over all slices, dropout its slice of the whole mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer
from torch.utils._pytree import tree_leaves, tree_map

from repro.core.ranks import count, rank
from repro.models.dropout import StreamDropout

ENTRIES = ("forward", "features", "feature_map", "views", "rotation_logits")
"""Ways into a network, from a batch to values of each of its images; any other is passed whole by each."""

_within = False


def divide(network: nn.Module) -> None:
    """Let every pass of a batch that divides by the number of processes be divided, from now on."""
    for name in ENTRIES:
        if hasattr(type(network), name):
            setattr(network, name, partial(by_slices, getattr(network, name)))
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.forward = partial(_whole_batch_norm, module)  # type: ignore[method-assign]
        elif isinstance(module, StreamDropout):
            module.mask = partial(_own_mask, module)  # type: ignore[method-assign]


def by_slices(act: Callable[..., Any], *given: Any) -> Any:
    """Do ``act`` for this process's slice of each tensor given, and return what all made, as whole tensors.

    Args:
        act: takes tensors (N, ...), returns some (N, ...), each image's for itself (but for batch norm).
        given: its arguments; where N does not divide, and within another such pass, they stay whole.
    """
    sizes = {len(tensor) for tensor in tree_leaves(given) if isinstance(tensor, Tensor)}
    if _within or count() == 1 or any(n == 0 or n % count() for n in sizes):
        return act(*given)
    with _slices():
        made = act(*tree_map(partial(_if_tensor, _Own), given))
    return tree_map(partial(_if_tensor, _Whole), made)


def communicates() -> bool:
    """Return whether a pass from here on waits for other processes, so that no graph can hold it."""
    return count() > 1 and not _within


def average_gradients(optimiser: Optimizer, *_: object) -> None:
    """Give an optimiser's parameters the mean of all processes' gradients; a hook before its step."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    distributed.all_reduce(flat)
    parts = torch.split(flat / count(), [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view(gradient.shape))


@contextmanager
def _slices() -> Iterator[None]:
    global _within
    _within = True
    try:
        yield
    finally:
        _within = False


def _if_tensor(function: type[torch.autograd.Function], value: Any) -> Any:
    return function.apply(value) if isinstance(value, Tensor) else value  # type: ignore[no-untyped-call]


class _Own(torch.autograd.Function):
    """The whole batch (N, ...) to this process's slice; backwards the slices' gradients, put together."""

    @staticmethod
    def forward(ctx: Any, whole: Tensor) -> Tensor:
        n = len(whole) // count()
        return whole[rank() * n : (rank() + 1) * n].clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return cast(Tensor, _Whole.apply(gradient)) / count()  # type: ignore[no-untyped-call]


class _Whole(torch.autograd.Function):
    """Slices to the whole batch; backwards ``count`` times this process's slice of the gradient."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        slices = [torch.empty_like(own, memory_format=torch.contiguous_format) for _ in range(count())]
        distributed.all_gather(slices, own.contiguous())
        return torch.cat(slices)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return count() * cast(Tensor, _Own.apply(gradient))  # type: ignore[no-untyped-call]


class _Sum(torch.autograd.Function):
    """The sum over all processes, of values and of gradients."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        total = own.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return cast(Tensor, _Sum.apply(gradient))  # type: ignore[no-untyped-call]


def _whole_batch_norm(norm: _BatchNorm, x: Tensor) -> Tensor:
    """Normalise a slice ``x`` (n, C, ...) by the whole batch's statistics, which move the running ones.

    torch.nn.SyncBatchNorm does so on CUDA alone, and has no second derivative.
    """
    if not (_within and norm.training):
        return type(norm).forward(norm, x)
    dims, shape = [0, *range(2, x.dim())], [1, -1, *[1] * (x.dim() - 2)]
    n = count() * x.numel() // x.shape[1]
    values = x if x.dtype == torch.float64 else x.float()
    mean = cast(Tensor, _Sum.apply(values.sum(dims))) / n  # type: ignore[no-untyped-call]
    centred = values - mean.view(shape)
    variance = cast(Tensor, _Sum.apply(centred.square().sum(dims))) / n  # type: ignore[no-untyped-call]
    if norm.track_running_stats:
        _move_statistics(norm, mean.detach(), variance.detach() * (n / (n - 1)))
    normal = centred * (variance + norm.eps).rsqrt().view(shape)
    if norm.affine:
        normal = normal * norm.weight.view(shape) + norm.bias.view(shape)
    return normal.to(x.dtype)


@torch.no_grad()
def _move_statistics(norm: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    share = 1 / norm.num_batches_tracked if norm.momentum is None else norm.momentum
    for running, new in ((norm.running_mean, mean), (norm.running_var, variance)):
        assert running is not None
        running.copy_((1 - share) * running + share * new)


def _own_mask(dropout: StreamDropout, empty: Tensor) -> Tensor:
    """Return this process's slice of the mask that is drawn for the whole batch."""
    if not _within:
        return StreamDropout.mask(dropout, empty)
    n = len(empty)
    return StreamDropout.mask(dropout, torch.cat([empty] * count()))[rank() * n : (rank() + 1) * n]
