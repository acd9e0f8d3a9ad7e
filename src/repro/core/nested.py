"""Nested states as tensors plus a JSON skeleton: what lets a checkpoint load without executing code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

Skeleton = dict[str, Any]


def flatten(value: Any, *, move: bool = True) -> tuple[Skeleton, dict[str, Tensor]]:
    """Split a nested state into a JSON-able skeleton and named tensors.

    Args:
        value: dicts (keys: str, int, float, bool, None), lists, tuples, tensors, scalars, nested at will.
        move: return contiguous tensors on the CPU; otherwise the tensors themselves.

    Returns:
        The skeleton and the tensors by name; a tensor's name is its path in the state, joined by ``/``.

    Raises:
        TypeError: something else is in the state; names its path.
    """
    tensors: dict[str, Tensor] = {}
    skeleton = _flatten(value, "", tensors)
    if move:
        tensors = {name: tensor.to("cpu").contiguous() for name, tensor in tensors.items()}
    return skeleton, tensors


def _flatten(value: Any, path: str, tensors: dict[str, Tensor]) -> Skeleton:
    if isinstance(value, Tensor):
        name = path or "value"
        while name in tensors:  # keys may themselves hold a slash
            name += "+"
        tensors[name] = value.detach()
        return {"tensor": name}
    if value is None or type(value) in (bool, int, float, str):
        return {"value": value}
    if isinstance(value, Mapping):
        for key in value:
            if not (key is None or type(key) in (bool, int, float, str)):
                raise TypeError(f"cannot save a key of type {type(key).__name__} at {path or 'the top'}")
        return {
            "dict": [
                [key, _flatten(item, f"{path}/{key}".lstrip("/"), tensors)] for key, item in value.items()
            ]
        }
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_flatten(item, f"{path}/{i}".lstrip("/"), tensors) for i, item in enumerate(value)]}
    raise TypeError(f"cannot save a {type(value).__name__} at {path or 'the top'}")


def unflatten(skeleton: Skeleton, tensors: Mapping[str, Tensor]) -> Any:
    """Return the nested state that ``flatten`` split.

    Raises:
        KeyError, TypeError, ValueError: the two do not belong together.
    """
    ((kind, content),) = skeleton.items()
    match kind:
        case "tensor":
            return tensors[content]
        case "value":
            return content
        case "dict":
            return {key: unflatten(item, tensors) for key, item in content}
        case "list":
            return [unflatten(item, tensors) for item in content]
        case "tuple":
            return tuple(unflatten(item, tensors) for item in content)
    raise ValueError(f"unknown kind {kind!r}")


def non_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the names of the floating-point tensors that hold a NaN or an infinity."""
    floating = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    if not floating:
        return []
    device = next(iter(floating.values())).device  # an optimiser keeps its step counts on the CPU
    finite = torch.stack([tensor.isfinite().all().to(device) for tensor in floating.values()]).tolist()
    return [name for name, good in zip(floating, finite, strict=True) if not good]
