"""Means of the metrics over an interval, kept on the device: training waits only when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from repro.core.divergence import Divergence
from repro.core.errors import ReproError


@dataclass
class _Group:
    """Metrics that come together: sums and largest absolute values (float64, one a metric), and the steps.

    ``bounds`` holds the largest absolute values allowed; ``bad`` counts the steps of this session up to the
    first one that broke it, 0 for none.
    """

    total: Tensor
    largest: Tensor
    steps: int
    bounds: Tensor
    bad: Tensor


class MetricMeans:
    """Collects what each step returns.

    Args:
        device: where the metrics are.
        largest_loss: bound for the absolute value of every metric with "loss" in its name.
    """

    def __init__(self, device: torch.device, largest_loss: float) -> None:
        self._device = device
        self._largest_loss = largest_loss
        self._groups: dict[tuple[str, ...], _Group] = {}
        self._added = 0  # steps of this session

    def add(self, metrics: Mapping[str, Tensor]) -> None:
        """Take in one step's metrics, 0-d tensors on the device; does not wait for them."""
        self._added += 1
        if not metrics:
            return
        names = tuple(metrics)
        values = torch.stack([value.detach().double() for value in metrics.values()])
        sizes = values.abs()
        group = self._groups.get(names)
        if group is None:
            group = self._groups[names] = self._new(names, torch.zeros_like(values), sizes, 0)
        group.total = group.total + values
        group.largest = torch.maximum(group.largest, sizes)  # passes a NaN on
        group.bad = torch.where((group.bad == 0) & ~(sizes <= group.bounds), self._added, group.bad)
        group.steps += 1

    def _new(self, names: tuple[str, ...], total: Tensor, largest: Tensor, steps: int) -> _Group:
        finite = torch.finfo(torch.float64).max
        bounds = [self._largest_loss if "loss" in name else finite for name in names]
        return _Group(
            total,
            largest,
            steps,
            torch.tensor(bounds, dtype=torch.float64, device=self._device),
            torch.zeros(len(names), dtype=torch.int64, device=self._device),
        )

    def divergence(self, step: int, last_good_step: int = 0) -> Divergence | None:
        """Wait for the device and look at every value since the last reset.

        Args:
            step: number of steps done.
            last_good_step: step of the last checkpoint.

        Returns:
            The first step where a metric is not finite, or a loss is too large, and which; None for none.
        """
        worst: tuple[int, str, float] | None = None
        for names, group in self._groups.items():
            for name, bad, largest in zip(names, group.bad.tolist(), group.largest.tolist(), strict=True):
                if bad and (worst is None or bad < worst[0]):
                    worst = bad, name, largest
        if worst is None:
            return None
        bad, name, largest = worst
        what = f"{name} is not finite"
        if largest < float("inf"):
            what = f"|{name}| reached {largest:.3g}, more than {self._largest_loss:g}"
        at = step - self._added + bad
        return Divergence(quantity=name, step=at, last_good_step=last_good_step, reason=what)

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

    def load_state_dict(self, state: list[dict[str, Any]]) -> None:
        """Take up what ``state_dict`` returned."""
        self._groups = {}
        for group in state:
            names = tuple(group["names"])
            total, largest = group["total"].to(self._device), group["largest"].to(self._device)
            self._groups[names] = self._new(names, total, largest, group["steps"])


class DivergedError(ReproError):
    """A training went wrong: ``divergence`` says how."""

    def __init__(self, divergence: Divergence) -> None:
        self.divergence = divergence
        super().__init__(
            f"training diverged at step {divergence.step}: {divergence.reason}",
            remedy="lower the learning rate or the attack's strength, use another seed, or let the profile "
            "say diverged: record; the last good checkpoint was kept",
        )
