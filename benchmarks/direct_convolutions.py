"""A gradient step's convolutions alone, forwards and to their input, as torch does them.

Without faster convolutions no attack takes less; what it takes beyond is overhead (activations, loss, kernel,
autograd). On the CPU this package does some of them faster (``repro.attacks.winograd``).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Pass = Callable[[], None]


@torch.no_grad()
def direct_convolutions(network: nn.Module, images: Tensor) -> Pass:
    """Return a call that does the convolutions of one gradient step at ``images`` (N, C, H, W).

    Inputs lie in memory and have the number format as the network itself hands them on.
    """
    seen: list[tuple[nn.Conv2d, Tensor, Tensor]] = []

    def remember(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        weight = module.weight.detach().to(output.dtype)
        seen.append((module, inputs[0].detach().to(output.dtype), weight))

    hooks = [
        module.register_forward_hook(remember)
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
    ]
    network(images)
    for hook in hooks:
        hook.remove()
    works = []
    for module, before, weight in seen:
        form = (
            list(module.stride),
            list(module.padding),
            list(module.dilation),
            False,
            [0, 0],
            module.groups,
        )
        slope = torch.randn_like(torch.convolution(before, weight, None, *form))
        works.append((before, weight, slope, form))

    @torch.no_grad()
    def run() -> None:
        for before, weight, _, form in works:
            torch.convolution(before, weight, None, *form)
        for before, weight, slope, form in reversed(works):
            torch.ops.aten.convolution_backward(slope, before, weight, None, *form, [True, False, False])

    return run
