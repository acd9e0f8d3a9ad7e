"""Means of the metrics over an interval, kept on the device: training waits only when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from repro.core.errors import ReproError


@dataclass
class _Group:
    """Metrics that come together: sums and largest absolute values (float64, one a metric), and the steps."""

    total: Tensor
    largest: Tensor
    steps: int


class Meter:
    """Collects what each step returns.

    Args:
        device: where the metrics are.
        largest_loss: bound for the absolute value of every metric with "loss" in its name.
    """

    def __init__(self, device: torch.device, largest_loss: float) -> None:
        self._device = device
        self._largest_loss = largest_loss
        self._groups: dict[tuple[str, ...], _Group] = {}
        self._since = 0  # the step that the last check passed

    def add(self, metrics: Mapping[str, Tensor]) -> None:
        """Take in one step's metrics, 0-d tensors on the device; does not wait for them."""
        if not metrics:
            return
        names = tuple(metrics)
        values = torch.stack([value.detach().double() for value in metrics.values()])
        group = self._groups.get(names)
        if group is None:
            self._groups[names] = _Group(values, values.abs(), 1)
            return
        group.total = group.total + values
        group.largest = torch.maximum(group.largest, values.abs())  # passes a NaN on
        group.steps += 1

    def check(self, step: int) -> None:
        """Wait for the device and look at every value since the last reset.

        Args:
            step: number of steps done, for the message.

        Raises:
            ReproError: a metric is not finite, or a loss is too large.
        """
        for names, group in self._groups.items():
            for name, largest in zip(names, group.largest.tolist(), strict=True):
                if not largest < float("inf"):
                    raise diverged(f"{name} is not finite", self._since, step)
                if "loss" in name and largest > self._largest_loss:
                    bound = f"more than {self._largest_loss:g}"
                    raise diverged(f"|{name}| reached {largest:.3g}, {bound}", self._since, step)
        self._since = step

    def means(self) -> dict[str, float]:
        """Return each metric's mean over the steps that returned it, and begin anew."""
        sums: dict[str, float] = {}
        steps: dict[str, int] = {}
        for names, group in self._groups.items():
            for name, total in zip(names, group.total.tolist(), strict=True):
                sums[name] = sums.get(name, 0.0) + total
                steps[name] = steps.get(name, 0) + group.steps
        self._groups.clear()
        return {name: total / steps[name] for name, total in sums.items()}

    def state_dict(self) -> list[dict[str, Any]]:
        """Return the sums, so that the log of a resumed run has the same means."""
        return [
            {"names": names, "total": group.total, "largest": group.largest, "steps": group.steps}
            for names, group in self._groups.items()
        ]

    def load_state_dict(self, state: list[dict[str, Any]], step: int) -> None:
        """Take up what ``state_dict`` returned after ``step`` steps."""
        self._since = step
        self._groups = {
            tuple(group["names"]): _Group(
                group["total"].to(self._device), group["largest"].to(self._device), group["steps"]
            )
            for group in state
        }


class DivergedError(ReproError):
    """A training went wrong."""


def diverged(what: str, first: int, last: int) -> DivergedError:
    """Return the error for a training that went wrong between the steps ``first`` and ``last``."""
    return DivergedError(
        f"training diverged between steps {first} and {last}: {what}",
        remedy="lower the learning rate or the attack's strength, or use another seed; "
        "the last good checkpoint was kept",
    )
