"""The state of a training: all that its next steps depend on, as it stands in the checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from repro.core import checkpoint
from repro.core.nested import flatten, non_finite
from repro.core.streams import Streams
from repro.methods.base import Method
from repro.train.metric_means import MetricMeans


@dataclass
class TrainingState:
    """The method (networks, optimisers, data order), its random streams, the means of the log's next line."""

    method: Method
    streams: Streams
    metrics: MetricMeans

    def __post_init__(self) -> None:
        self._by_design = set(self._non_finite())  # of an untrained network: a mask of -inf

    def state_dict(self) -> dict[str, Any]:
        """Return what the checkpoint holds."""
        return {
            "method": self.method.state_dict(),
            "streams": self.streams.state_dict(),
            "meter": self.metrics.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what ``state_dict`` returned."""
        self.method.load_state_dict(state["method"])
        self.streams.load_state_dict(state["streams"])
        self.metrics.load_state_dict(state["meter"])

    def first_non_finite(self) -> str | None:
        """Return the name of a value of the method that became infinite or NaN; None if there is none."""
        return next((name for name in self._non_finite() if name not in self._by_design), None)

    def _non_finite(self) -> list[str]:
        return non_finite(flatten(self.method.state_dict(), move=False)[1])


def part_hashes(state: Mapping[str, Any]) -> dict[str, str]:
    """Return the sha256 of each part of a ``state_dict``, by names such as ``method.optimisers``."""
    method = {f"method.{name}": part for name, part in state["method"].items()}
    return checkpoint.hashes({**method, "streams": state["streams"], "meter": state["meter"]})


@contextmanager
def no_other_randomness(method: str, device: torch.device) -> Iterator[None]:
    """Check that a method draws nothing from torch's global generator: no checkpoint has the state of that.

    Raises:
        RuntimeError: it does, so that it could not be resumed.
    """
    before = _global_states(device)
    yield
    if any(not torch.equal(a, b) for a, b in zip(before, _global_states(device), strict=True)):
        raise RuntimeError(f"method {method} draws from torch's global generator, not from a stream")


def _global_states(device: torch.device) -> list[torch.Tensor]:
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states
