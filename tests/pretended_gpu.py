"""A GPU pretended by torch's device ``meta``, which computes shapes alone, and what a GPU would object to.

Plain ``meta`` lets many operations pass whose tensors lie on two devices; :class:`Guard` sees them all.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any
from unittest import mock

import torch
import torch.fx.experimental._config
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

GPU = torch.device("meta")
SOURCE = "/src/repro/"
COPIES = {"_to_copy", "copy_"}
DRAWS = {"rand", "randn", "randint", "randperm", "normal", "normal_", "bernoulli", "bernoulli_", "uniform_"}
DRAWS |= {"random_", "multinomial", "exponential_", "rand_like", "randn_like", "native_dropout"}
READS = {"_local_scalar_dense", "is_nonzero", "equal"}
_Generator, _Autocast = torch.Generator, torch.autocast


class Draws(_Generator):
    """A generator of the pretended GPU, for which torch has none: it lives on the CPU and says otherwise."""

    def __new__(cls, device: Any = "cpu") -> Any:
        return super().__new__(cls, "cpu")

    def __init__(self, device: Any = "cpu") -> None:
        self.place = torch.device(device)

    @property
    def device(self) -> torch.device:
        return self.place


def place_of(thing: torch.Tensor) -> str:
    return thing.device.type


class Guard(TorchDispatchMode):
    """Notes operations of mixed devices, draws without a stream, uploads, and what the host reads.

    Args:
        reads: the host may send constants and read values (a measurement), which are then 1 or True.
    """

    def __init__(self, *, reads: bool = False) -> None:
        super().__init__()
        self.reads, self.faults, self.operations = reads, [], 0
        self.drawing: Draws | None = None
        self.functions = _Functions(self)

    def __enter__(self) -> Guard:
        self.functions.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self.functions.__exit__(*error)

    def fault(self, what: str) -> None:
        ours = [
            f for f in traceback.extract_stack() if "/repro/" in f.filename and "/tests/" not in f.filename
        ]
        where = f"{ours[-1].filename.rpartition('/repro/')[2]}:{ours[-1].lineno}" if ours else "a test"
        if (line := f"{what} at {where}") not in self.faults:
            self.faults.append(line)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, func.name().partition("::")[2].partition(".")[0]
        self.operations += 1
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        places = {place_of(t) for t in tensors if t.dim() or place_of(t) == GPU.type}
        if name in DRAWS and self.drawing is None and kwargs.get("generator") is None:
            self.fault(f"{name} draws from a global generator")
        if name in READS and GPU.type in places:
            if not self.reads:
                self.fault("the host reads a value")
            return _value(tensors[0]) if name == "_local_scalar_dense" else True
        if len(places) > 1 and name not in COPIES:
            self.fault(f"{name} of tensors on {' and '.join(sorted(places))}")
        if name == "bincount" and self.reads:  # its length hangs on values; meta has none
            return torch.zeros(args[2], dtype=torch.int64, device=GPU)
        if name == "_to_copy":
            return self._moved(func, tensors[0], args, kwargs)
        if name == "copy_" and place_of(tensors[0]) != place_of(tensors[1]):
            return self._crosses(tensors[1], tensors[0]) or tensors[0]
        return func(*args, **kwargs)

    def _moved(self, func: Any, tensor: torch.Tensor, args: Any, kwargs: Any) -> Any:
        to = torch.device(kwargs.get("device") or tensor.device)
        if to.type == place_of(tensor):
            return func(*args, **kwargs)
        dtype = kwargs.get("dtype") or tensor.dtype
        self._crosses(tensor, torch.empty(0, device=to))
        return torch.zeros(tensor.shape, dtype=dtype, device=to)

    def _crosses(self, source: torch.Tensor, target: torch.Tensor) -> None:
        if not self.reads:
            self.fault("an upload" if place_of(target) == GPU.type else "the host reads a tensor")


def _value(tensor: torch.Tensor) -> Any:
    return True if tensor.dtype == torch.bool else torch.ones((), dtype=tensor.dtype).item()


class _Functions(TorchFunctionMode):
    """Draws with the pretended GPU's generators; calls its tensors CUDA's; sees constants made there."""

    def __init__(self, guard: Guard) -> None:
        super().__init__()
        self.guard = guard

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.Tensor.is_cuda.__get__:  # type: ignore[attr-defined]
            return place_of(args[0]) == GPU.type
        if func is torch.Tensor.tolist and place_of(args[0]) == GPU.type:
            if not self.guard.reads:
                self.guard.fault("the host reads a tensor")
            return torch.zeros(args[0].shape, dtype=args[0].dtype).tolist()
        if func in (torch.tensor, torch.as_tensor) and torch.device(kwargs.get("device") or "cpu") == GPU:
            self.guard._crosses(torch.empty(0), torch.empty(0, device=GPU))
        stream = kwargs.get("generator")
        if not isinstance(stream, Draws) or stream.place != GPU:
            return func(*args, **kwargs)
        del kwargs["generator"]
        self.guard.drawing = stream
        try:
            drawn = func(*args, **kwargs)
        finally:
            self.guard.drawing = None
        if place_of(drawn) != GPU.type:
            self.guard.fault(f"a stream of the GPU draws on {place_of(drawn)}")
        return drawn


def _autocast(device_type: str, *args: Any, **kwargs: Any) -> Any:
    return nullcontext() if device_type == GPU.type else _Autocast(device_type, *args, **kwargs)


@contextmanager
def pretended_gpu() -> Iterator[torch.device]:
    """Within, random streams and networks can be placed on the device that is given."""
    import repro.attacks.engine
    import repro.attacks.kernels.dispatch
    import repro.methods.optimisation

    with ExitStack() as patched:
        for module, name, value in (
            (torch, "Generator", Draws),
            (torch, "autocast", _autocast),
            (torch.fx.experimental._config, "meta_nonzero_assume_all_nonzero", True),
            (repro.methods.optimisation, "fastest_order", lambda *about: torch.channels_last),
            (repro.attacks.engine, "can_be_graphed", lambda network, images: False),
            (repro.attacks.kernels.dispatch, "use_fused", lambda *tensors: False),
        ):
            patched.enter_context(mock.patch.object(module, name, value))
        yield GPU
