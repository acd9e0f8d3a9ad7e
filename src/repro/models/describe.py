"""A network's layers, shapes and parameter counts, found by running it once, for diagrams and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Example = tuple[nn.Module, Sequence[Tensor]]
"""A network and inputs that it takes."""

_WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def describe(module: nn.Module, example_inputs: Sequence[Tensor]) -> dict[str, Any]:
    """Run ``module`` once in eval mode and describe it.

    Parameters, buffers, gradients and the train or eval mode of every submodule are left as they were.

    Args:
        module: any network.
        example_inputs: its arguments, each (N, ...); shapes are reported without N.

    Returns:
        ``{"parameters": int, "inputs": [shape], "outputs": [shape], "layers": [...]}``, each layer a dict of
        ``name`` (dotted), ``type`` (class name), ``out_shape``, ``parameters`` (trainable, its own),
        and ``kernel``, ``stride``, ``filters`` (None where a layer has none). Layers are
        the modules without children, in the order of their first call; what a network
        does outside of modules (an addition, a pooling function) is no layer.
    """
    layers: list[dict[str, Any]] = []
    seen: set[nn.Module] = set()
    names = {child: name for name, child in module.named_modules()}

    def record(layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if layer in seen or not isinstance(output, Tensor):
            return
        seen.add(layer)
        layers.append(
            {
                "name": names[layer],
                "type": _kind(layer),
                "out_shape": list(output.shape[1:]),
                "parameters": sum(weight.numel() for weight in layer.parameters() if weight.requires_grad),
                **_window(layer, inputs[0]),
            }
        )

    modes = {child: child.training for child in module.modules()}
    handles = [leaf.register_forward_hook(record) for leaf in _leaves(module)]
    module.eval()
    try:
        with torch.no_grad():
            result = module(*example_inputs)
    finally:
        for handle in handles:
            handle.remove()
        for child, mode in modes.items():
            child.training = mode
    outputs = (
        [result] if isinstance(result, Tensor) else [part for part in result if isinstance(part, Tensor)]
    )
    return {
        "parameters": sum(weight.numel() for weight in module.parameters() if weight.requires_grad),
        "inputs": [list(part.shape[1:]) for part in example_inputs],
        "outputs": [list(part.shape[1:]) for part in outputs],
        "layers": layers,
    }


def _kind(layer: nn.Module) -> str:
    """Return the layer's class name; that of torch's own layer where it is a variant of one."""
    return next((kind.__name__ for kind in _WEIGHTED if isinstance(layer, kind)), type(layer).__name__)


def _leaves(layer: nn.Module) -> Iterator[nn.Module]:
    """Yield the layers; what a convolution or linear layer holds (its spectral norm) is part of it."""
    children = [] if isinstance(layer, _WEIGHTED) else list(layer.children())
    if not children and not isinstance(layer, nn.Identity):
        yield layer
    for child in children:
        yield from _leaves(child)


def _window(layer: nn.Module, images: Tensor) -> dict[str, int | None]:
    """Return side and step of a layer's sliding window and its output channels."""
    kernel = stride = filters = None
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        kernel, stride, filters = layer.kernel_size[0], layer.stride[0], layer.out_channels
    elif isinstance(layer, nn.AdaptiveAvgPool2d) and layer.output_size == 1:
        kernel = images.shape[-1]  # the average over all of its input: one window, nothing to step to
    return {"kernel": kernel, "stride": stride, "filters": filters}
