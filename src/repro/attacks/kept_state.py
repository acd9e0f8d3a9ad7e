"""Keep what a network holds beside its weights, and put it back."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

CONTAINERS = (dict, OrderedDict, defaultdict, Counter, list, set, deque)


@contextmanager
def kept_state(network: nn.Module, *, parameters: bool) -> Iterator[None]:
    """Afterwards attributes, buffers and tensors among the attributes are what they were, bit for bit.

    Attributes are the same objects, and containers among them hold the same ones; what lies deeper is not
    looked at. With ``parameters``, the parameters' values are kept as well, which takes a copy of them all.
    """
    attributes = [(module.__dict__, _shallow(module.__dict__)) for module in network.modules()]
    values = [value for held, _ in attributes for value in held.values()]
    # one with a gradient is a result of some pass, not state
    tensors = [value for value in values if type(value) is Tensor and not value.requires_grad]
    tensors += [*network.buffers(), *(network.parameters() if parameters else ())]
    memories = [(tensor, tensor.data, _unrepeated(tensor.data).clone()) for tensor in tensors]
    try:
        yield
    finally:
        for held, kept in attributes:
            _restore(held, kept)
        with torch.no_grad():
            for tensor, data, value in memories:
                with torch.inference_mode(tensor.is_inference()):
                    # by ``data``: a graph of the caller's that has saved the tensor is still valid
                    tensor.data = data
                    _unrepeated(data).copy_(value)


@contextmanager
def no_cached_weights() -> Iterator[None]:
    """Compute parametrised weights at each pass, also within the caller's ``parametrize.cached()``.

    Weights made while parameters ask for no gradient must not get into the caller's cache, whose next pass
    would take them and give the parameters no gradient. torch has no public way to this cache.
    """
    entered, cache = parametrize._cache_enabled, parametrize._cache
    if not entered:
        yield
        return
    parametrize._cache_enabled, parametrize._cache = 0, {}
    try:
        yield
    finally:
        parametrize._cache_enabled, parametrize._cache = entered, cache


def switches_itself(module: nn.Module) -> bool:
    """Return whether ``module`` has a ``train`` or ``eval`` of its own, which may do anything to it."""
    methods = (type(module).train, type(module).eval)
    own = any(not (method.__module__ or "").startswith("torch.") for method in methods)
    return own or not vars(module).keys().isdisjoint(("train", "eval"))


def _unrepeated(tensor: Tensor) -> Tensor:
    """Return a view of the values that ``expand`` repeats, once each: repeated ones cannot be written."""
    if tensor.layout is torch.strided:
        for dim, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
            if size > 1 and stride == 0:
                tensor = tensor.narrow(dim, 0, 1)
    return tensor


def _shallow(attributes: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return each attribute with a copy of its contents, where it is a container."""
    return {
        name: (value, value.copy() if type(value) in CONTAINERS else None)
        for name, value in attributes.items()
    }


def _restore(attributes: dict[str, Any], kept: dict[str, tuple[Any, Any]]) -> None:
    """Put the same objects back; containers keep their identity, which handles of hooks refer to."""
    attributes.clear()
    for name, (value, contents) in kept.items():
        attributes[name] = value
        if contents or (contents is not None and value):
            value.clear()
            (value.extend if isinstance(value, list | deque) else value.update)(contents)
