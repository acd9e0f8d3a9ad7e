"""What every capture of a CUDA graph needs around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


class Beside:
    """A stream beside the current one, for a graph's warm-up and its capture.

    Args:
        device: where it runs, whichever device is the current one.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run what is within there: what it sets up must not be the main stream's."""
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            yield
        torch.cuda.current_stream(self._device).wait_stream(self._stream)

    @contextmanager
    def captured(self, graph: torch.cuda.CUDAGraph, pool: Any = None) -> Iterator[None]:
        """Capture what is within; afterwards the old stream is the current one, also where that failed.

        Raises:
            RuntimeError: the work does something that a graph cannot hold (reads a value on the host, say).
        """
        before = torch.cuda.current_stream(self._device)
        with torch.cuda.device(self._device):
            try:
                with torch.cuda.graph(graph, pool=pool, stream=self._stream):
                    yield
            finally:
                torch.cuda.set_stream(before)
