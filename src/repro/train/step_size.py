"""What a training step asks of a device, found on torch's device ``meta``, which computes shapes alone."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.catalogue import dataset_info
from repro.data.image_set import ImageSet
from repro.methods.registry import load_method, train_split

META = torch.device("meta")
MIB = 2**20


class Account(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what runs within.

    Attributes:
        flop: floating-point operations of products and convolutions (two for a multiplication and addition).
        peak: the most bytes at a time of tensors made within.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flop = self.peak = self._held = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if func._overloadpacket in flop_registry:
            self.flop += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=made)
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._hold(tensor.untyped_storage())
        return made

    def _hold(self, storage: torch.UntypedStorage) -> None:
        if id(storage) not in self._seen:
            self._seen.add(id(storage))
            self._held += storage.nbytes()
            self.peak = max(self.peak, self._held)
            weakref.finalize(storage, self._freed, id(storage), storage.nbytes())

    def _freed(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self._held -= size


class _Streams(Streams):
    """Generators on the CPU, whose draws are none on ``meta``, which has no generators."""

    def _get(self, name: str, device: torch.device) -> torch.Generator:
        return super()._get(name, torch.device("cpu"))


def step_size(run: RunSpec) -> dict[str, float]:
    """Return what a run's first step takes: operations of products and convolutions, memory.

    Memory is that of weights, moments and activations at full size in the run's batch, without images,
    workspaces of libraries, and what an allocator keeps.

    Returns:
        What ``cost.sizes.StepSize`` holds beside the run's own recipe and sizes.
    """
    method = load_method(run.method)(run, _images(run), _Streams(run.seed, META), META)
    with Account() as account:
        method.step(0)
    weights = _bytes(network.state_dict() for network in method.modules.values())
    moments = _bytes(optimiser.state_dict()["state"] for optimiser in method.optimisers.values())
    return {
        "gflop": round(account.flop / 1e9, 2),
        "step_mib": round((account.peak + weights) / MIB, 1),
        "state_mib": round((weights + moments) / MIB, 3),
        "snapshot_mib": round(_bytes([method.snapshot_state()]) / MIB, 3),
    }


def _bytes(states: Iterable[Any]) -> int:
    """Return the size of all tensors in states, each counted once."""
    found = {
        id(leaf): leaf.nbytes for state in states for leaf in tree_leaves(state) if isinstance(leaf, Tensor)
    }
    return sum(found.values())


def _images(run: RunSpec) -> ImageSet:
    """Return a training split of the right size that holds no image."""
    info = dataset_info(run.dataset)
    if info.drawn is not None:
        return info.drawn().to(META)
    split = train_split(run.method, run.options)
    n, classes = info.split_size(split), info.split_classes(split)
    images = torch.empty(n, info.channels, info.height, info.width, dtype=torch.uint8, device=META)
    labels = torch.empty(n, dtype=torch.int64, device=META)
    names = tuple(str(k) for k in range(classes))
    return ImageSet(info.name, split, run.source, images, labels, names, "", complete=True)
