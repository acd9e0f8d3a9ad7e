"""The memory order in which a network runs, chosen by a trial of the network itself.

oneDNN's convolutions are faster channels last. The order changes no function, but a forward pass may depend
on it (``view``, ``as_strided``), so it is taken only where a trial shows the same logits and gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from repro.attacks.attack_mode import attack_mode
from repro.attacks.network import Network, Outputs, class_logits
from repro.attacks.objective import image_gradient
from repro.attacks.threat_model import AttackLoss, BatchNormMode
from repro.core.memory_order import convolutions_of, is_channels_last, is_narrow, order_of, unsafe

FEW = 4
"""Images of a trial."""
LEAST_IMAGES, LEAST_STEPS = 32, 4
"""Work from which a trial, two passes of a few images, costs little beside what it saves."""
LOGITS, GRADIENTS, TURNED = 1e-4, 1e-4, 5e-2
"""Largest difference of a trial, as a share of the logits' largest value and of each gradient's length.

Half of the gradients must agree to ``GRADIENTS``, each to ``TURNED``: where rounding turns a ReLU that is
nearly 0, one image's gradient changes by some 1 % (so it does in float64), and its logits do not.
"""


def image_order(
    module: nn.Module,
    images: Tensor,
    labels: Tensor,
    loss: AttackLoss,
    *,
    network: Network,
    steps: int,
    mode: BatchNormMode,
) -> torch.memory_format:
    """Return the order in which ``module`` takes ``images`` fastest: their own, or channels last.

    On CUDA it is the order of the convolutions' weights, as the caller placed them.

    Args:
        module: held still (``attack_mode``); as it was afterwards.
        images: float32 (N, C, H, W); others keep their order, as do those that lie channels last already.
        labels: int64 (N,).
        loss: what is climbed.
        network: runs ``module``.
        steps: passes that the attack takes.
        mode: of the module's batch norms.
    """
    own = torch.channels_last if is_channels_last(images) else torch.contiguous_format
    convolutions = convolutions_of(module)
    weights = [m.weight for m in convolutions]
    if images.is_cuda:
        return (order_of(module) if images.dim() == 4 else None) or own
    small = images.is_meta or images.dim() != 4 or len(images) < LEAST_IMAGES or steps < LEAST_STEPS
    if small or own is torch.channels_last or mode == "train" or all(map(is_channels_last, weights)):
        return own
    if any(map(unsafe, convolutions)):
        return own  # the trial would find it too, at the cost of a pass
    if network.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
        return own
    with attack_mode(module, mode), torch.random.fork_rng(devices=[]):
        same = _agree(module, images[:FEW], labels[:FEW], loss, network)
    return torch.channels_last if same else own


@contextmanager
def laid_out(module: nn.Module, order: torch.memory_format) -> Iterator[None]:
    """Within, the convolutions' weights are copies in ``order``; afterwards the old ones are back."""
    weights = {id(m.weight): m.weight for m in convolutions_of(module)}
    moved = [w for w in weights.values() if isinstance(w, nn.Parameter) and order is torch.channels_last]
    old = [weight.data for weight in moved]
    try:
        for weight in moved:
            weight.data = weight.data.contiguous(memory_format=order)
        yield
    finally:
        for weight, data in zip(moved, old, strict=True):
            weight.data = data


def _agree(module: nn.Module, images: Tensor, labels: Tensor, loss: AttackLoss, network: Network) -> bool:
    """Tell whether a few images' logits and gradients are the same channels last."""
    try:
        with _Convolutions() as seen:
            expected = _logits_and_gradients(network, images, labels, loss)
        if not seen.number or seen.narrow:
            return False
        with laid_out(module, torch.channels_last):
            last = images.contiguous(memory_format=torch.channels_last)
            found = _logits_and_gradients(network, last, labels, loss)
    except Exception:  # a foreign forward pass can fail in any way; without the trial it will say so itself
        return False
    (logits, gradients), (their_logits, their_gradients) = expected, found
    close = (their_logits - logits).abs().max() <= LOGITS * logits.abs().max()
    change = (their_gradients - gradients).norm(dim=1) / gradients.norm(dim=1).clamp(min=1e-30)
    return bool(close & (change.median() <= GRADIENTS) & (change.max() <= TURNED))


def _logits_and_gradients(
    network: Callable[[Tensor], Outputs], images: Tensor, labels: Tensor, loss: AttackLoss
) -> tuple[Tensor, Tensor]:
    kept: list[Tensor] = []

    def keeping(given: Tensor) -> Outputs:
        outputs = network(given)
        kept.append(class_logits(outputs).detach())
        return outputs

    gradient = image_gradient(keeping, images, labels, loss)
    return kept[0], gradient.flatten(1)


class _Convolutions(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts convolutions, wherever they are called from, and notes those that are not safe channels last.

    See ``core.memory_order``: oneDNN corrupts the heap in the backward pass of a narrow 1 x 1 convolution.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.number = 0
        self.narrow = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.convolution.default:
            self.number += 1
            self.narrow |= is_narrow(args[1])
        return func(*args, **(kwargs or {}))
