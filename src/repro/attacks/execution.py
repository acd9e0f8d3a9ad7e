"""How an attack's work is done on a device. No choice here changes a result beyond rounding."""

from __future__ import annotations

from repro.core.spec import Frozen


class Execution(Frozen):
    """What may be used for speed.

    On Linux without CUDA, ``repro.core.allocator.keep_freed_memory()`` saves time as well; it changes the
    whole process, so programs call it, not the attacks.

    Attributes:
        channels_last: on the CPU, let feature maps lie in channels-last order where a trial on some of the
            images shows that the network then gives the same logits and gradients (``attacks.layout``).
        cuda_graph: on CUDA, replay a step of the attack from a graph instead of launching its kernels one by
            one; for networks in eval mode. Only for networks whose forward pass always does the same work on
            tensors that stay: a graph does not see Python attributes, nor new random numbers.
    """

    channels_last: bool = True
    cuda_graph: bool = False


GRAPHED = Execution(cuda_graph=True)
"""For this project's own networks, whose forward passes a graph can hold."""
