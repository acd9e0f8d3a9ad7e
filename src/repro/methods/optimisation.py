"""Small things that several methods need around their optimisers and networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from repro.core.memory_order import fastest_order
from repro.core.spec import Precision


def place(network: nn.Module, device: torch.device, precision: Precision) -> nn.Module:
    """Move ``network`` to ``device``, with its weights in the memory order that runs fastest there."""
    order = fastest_order(network, device, precision)
    placed: nn.Module = network.to(device=device, memory_format=order)  # type: ignore[call-overload]
    return placed


def descend(optimiser: Optimizer, loss: Tensor) -> None:
    """Take one step down the gradient of ``loss``; only the optimiser's own parameters get a gradient."""
    parameters = [p for group in optimiser.param_groups for p in group["params"] if p.requires_grad]
    optimiser.zero_grad(set_to_none=True)
    loss.backward(inputs=parameters)  # type: ignore[no-untyped-call]
    optimiser.step()


@torch.no_grad()
def clip_weights(network: nn.Module, limit: float) -> None:
    """Move every parameter into [-limit, limit] (Arjovsky et al. 2017, Algorithm 1, line 7)."""
    for parameter in network.parameters():
        parameter.clamp_(-limit, limit)


def set_learning_rate(optimiser: Optimizer, rate: float) -> None:
    """Let the next step of every parameter group use ``rate``."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def restride(optimiser: Optimizer) -> None:
    """Give the optimiser's moments copies in their parameters' memory order.

    A checkpoint stores plain contiguous tensors. Equal numbers in another order may go through other code and
    be rounded otherwise, and a resumed run must be bit-identical; the copy also unties the optimiser from the
    state that it was loaded from.
    """
    for parameter, state in optimiser.state.items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor):
                like = parameter if value.shape == parameter.shape else value
                state[name] = torch.empty_like(like, dtype=value.dtype, device=value.device).copy_(value)
