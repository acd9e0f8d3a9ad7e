"""How an attack's work is done on a device. No choice here changes a result beyond rounding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from repro.core.memory_order import fastest_order
from repro.core.spec import Frozen


class Execution(Frozen):
    """What may be used for speed.

    On Linux without CUDA, ``repro.core.allocator.keep_freed_memory()`` saves time as well; it changes the
    whole process, so programs call it, not the attacks.

    Attributes:
        cuda_graph: on CUDA, replay a step of the attack from a graph instead of launching its kernels one by
            one; for networks in eval mode.
        channels_last: let images and feature maps lie in channels-last order where that is faster.
        fold_batch_norm: on the CPU, multiply batch norms in eval mode into the convolutions before them.
        winograd: on the CPU, do wide 3 x 3 convolutions with a quarter of the multiplications; their rounding
            errors are some four times those of the direct convolution, 1e-5 of the largest value.
        split_batch: on the CPU, where one of the two before this applies, give each of torch's threads images
            of its own instead of letting all of them work on one layer at a time.
    """

    cuda_graph: bool = True
    channels_last: bool = True
    fold_batch_norm: bool = True
    winograd: bool = True
    split_batch: bool = True


def image_order(network: nn.Module, images: Tensor, execution: Execution) -> torch.memory_format:
    """Return the order in which the network takes ``images`` fastest.

    On CUDA, the order of its weights; on the CPU, see ``fastest_order``.
    """
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    if images.dim() != 4 or not execution.channels_last or not convolutions:
        return torch.contiguous_format
    if images.device.type == "cuda":
        last = [module.weight.is_contiguous(memory_format=torch.channels_last) for module in convolutions]
        plain = [module.weight.is_contiguous() for module in convolutions]
        return torch.channels_last if all(last) and not all(plain) else torch.contiguous_format
    return fastest_order(network, images.device)
