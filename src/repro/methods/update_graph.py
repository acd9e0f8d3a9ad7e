"""Whole updates of a GAN's networks as CUDA graphs: one launch for some thousand small kernels.

The first updates run as they are (cuDNN chooses its algorithms, Triton compiles, Adam makes its moments) and
train like any other. The next one is captured, which runs nothing, and from then on each update copies its
inputs into the captured ones' places and replays. What an update needs of chance and of the data it is given
as inputs; it draws nothing itself.

A graph is used only where it is proven here: its first replay must leave every weight, moment and result as
the same update without it does, bit by bit. Otherwise, and where a capture fails, the method goes on without
graphs and says so once. So a resumed run, which warms up anew, ends as one that was never stopped.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from repro.core.graphs import Beside
from repro.core.timing import SplitWatch

WARM_UP = 3
"""Updates before the capture."""

Record = dict[str, Tensor]
Update = Callable[..., Record]


class _Captured:
    """One captured update with its inputs and results, whose memory stays, and its timed parts."""

    def __init__(self, update: Update, inputs: tuple[Tensor, ...], beside: Beside, watch: SplitWatch) -> None:
        self.inputs = tuple(tensor.clone() for tensor in inputs)
        self.graph, self.watch = torch.cuda.CUDAGraph(), watch
        with watch.capturing() as self.parts, beside.captured(self.graph):
            self.record = update(*self.inputs)

    def __call__(self, inputs: tuple[Tensor, ...]) -> Record:
        for place, tensor in zip(self.inputs, inputs, strict=True):
            place.copy_(tensor)
        self.graph.replay()
        self.watch.replayed(self.parts)
        return self.record


class UpdateGraphs:
    """The captured updates of one method, by name.

    A graph reads and writes networks and moments where they lie. Whoever puts other tensors in their places
    must ``forget`` the graphs; whoever changes how an update is done must give it another name.

    Args:
        enabled: False runs every update as it is.
        watch: where updates add up the time of their attacks.
        state: returns the tensors that updates change: weights, buffers, moments.
    """

    def __init__(self, enabled: bool, watch: SplitWatch, state: Callable[[], Iterable[Tensor]]) -> None:
        self.enabled, self.watch, self._state = enabled, watch, state
        self._done: dict[str, int] = {}
        self._captured: dict[str, _Captured] = {}

    def run(self, name: str, update: Update, *inputs: Tensor) -> Record:
        """Do one update and return what it logs; a later update of that name may overwrite it.

        Args:
            name: which update.
            update: takes ``inputs``, changes networks and optimisers, returns what to log.
            inputs: on the CUDA device, of the same shapes each time.
        """
        if not self.enabled:
            return update(*inputs)
        done = self._done.get(name, 0)
        self._done[name] = done + 1
        if name in self._captured:
            return self._captured[name](inputs)
        beside = Beside(inputs[0].device)
        if done >= WARM_UP:
            try:
                captured = _Captured(update, inputs, beside, self.watch)
            except RuntimeError as error:  # it reads a value on the host, say; nothing was done yet
                self._give_up(f"{name}: {error}")
            else:
                return self._proven(name, captured, update, inputs, beside)
        with beside.running():
            return update(*inputs)

    def _proven(
        self, name: str, captured: _Captured, update: Update, inputs: tuple[Tensor, ...], beside: Beside
    ) -> Record:
        """Do an update once without its graph and once with it; keep the graph if both are equal."""
        before = [tensor.clone() for tensor in self._state()]
        with beside.running():
            record = update(*inputs)
        after = [tensor.clone() for tensor in self._state()]
        _put(before, self._state())
        again = captured(inputs)
        pairs = [*zip(after, self._state(), strict=True), *((record[key], again[key]) for key in record)]
        if torch.stack([(launched == replayed).all() for launched, replayed in pairs]).all():
            self._captured[name] = captured
        else:
            self._give_up(f"{name}: its replay is not the update, bit by bit")
            _put(after, self._state())
        return record

    def _give_up(self, why: str) -> None:
        warnings.warn(f"the training goes on without CUDA graphs: {why}", stacklevel=4)
        self.enabled = False
        self.forget()

    def forget(self) -> None:
        """Drop all graphs; the next updates warm up anew."""
        self._done.clear()
        self._captured.clear()


@torch.no_grad()
def _put(values: Iterable[Tensor], places: Iterable[Tensor]) -> None:
    for value, place in zip(values, places, strict=True):
        place.copy_(value)
