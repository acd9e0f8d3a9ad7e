"""CUDA graphs pretended on the CPU: a capture tapes operations and undoes them, a replay repeats them.

torch's own ``torch.cuda.graph`` runs on top of it. What a real capture forbids raises, and as there, the
capture is then lost and its stream stays the current one unless somebody puts the old one back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

HOST = {"_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "_unique2", "bincount"}
RANDOM = {"rand", "randn", "randint", "randperm", "normal", "normal_", "bernoulli", "bernoulli_", "uniform_"}
RANDOM |= {"random_", "multinomial", "exponential_", "rand_like", "randn_like"}
STRIDES = {"scatter_add", "scatter_add_"}  # deterministic, they copy strides from the host


class _Tape(TorchDispatchMode):
    """Records operations, and the memory that was there before, as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, ...]] = []
        self.before: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        self.made: set[int] = set()
        self.lost = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, func.name().partition("::")[2].partition(".")[0]
        strides = name in STRIDES and torch.are_deterministic_algorithms_enabled()
        if name in HOST or name in RANDOM or strides:
            self.lost = True
            raise RuntimeError(f"CUDA error: operation not permitted when stream is capturing ({name})")
        for place in memory(args, kwargs):
            if (at := place.data_ptr()) and at not in self.made and at not in self.before:
                self.before[at] = place, place.clone()
        out = func(*args, **kwargs)
        self.made |= {place.data_ptr() for place in memory(out)} - self.before.keys()
        self.operations.append((func, args, kwargs, out))
        return out


def memory(*things: Any) -> list[torch.UntypedStorage]:
    return [thing.untyped_storage() for thing in tree_flatten(things)[0] if isinstance(thing, torch.Tensor)]


class Graph:
    """In place of ``torch.cuda.CUDAGraph``."""

    def __init__(self) -> None:
        self.tape, self.replays = _Tape(), 0

    def capture_begin(self, *_: Any, **__: Any) -> None:
        Machine.capturing = True
        self.tape.__enter__()

    def capture_end(self) -> None:
        self.tape.__exit__(None, None, None)
        Machine.capturing = False
        for place, value in self.tape.before.values():
            place.copy_(value)
        if self.tape.lost:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    def pool(self) -> tuple[int, int]:
        return (0, 0)

    @torch.no_grad()
    def replay(self) -> None:
        self.replays += 1
        for func, args, kwargs, out in self.tape.operations:
            again = func(*args, **kwargs)
            for old, new in zip(tree_flatten(out)[0], tree_flatten(again)[0], strict=True):
                moved = isinstance(old, torch.Tensor) and old.untyped_storage().data_ptr() != (
                    new.untyped_storage().data_ptr()
                )
                if moved and not func.is_view:
                    old.detach().copy_(new)


class Stream:
    def __init__(self, *_: Any) -> None:
        pass

    def wait_stream(self, other: Stream) -> None:
        pass


class Machine:
    """The current stream, and whether it captures."""

    capturing = False
    main = current = Stream()


@contextmanager
def _on(stream: Stream) -> Iterator[None]:
    before, Machine.current = Machine.current, stream
    yield
    Machine.current = before


def _set(stream: Stream) -> None:
    Machine.current = stream


@contextmanager
def pretended_graphs() -> Iterator[type[Machine]]:
    """Within, CUDA graphs can be captured from operations on the CPU."""
    Machine.current, Machine.capturing = Machine.main, False
    with (
        mock.patch.multiple(
            torch.cuda,
            CUDAGraph=Graph,
            Stream=Stream,
            stream=_on,
            set_stream=_set,
            current_stream=lambda device=None: Machine.current,
            device=lambda device: nullcontext(),
            is_current_stream_capturing=lambda: Machine.capturing,
            synchronize=lambda device=None: None,
            empty_cache=lambda: None,
        ),
        mock.patch.object(torch._C, "_host_emptyCache", create=True),
    ):
        yield Machine
