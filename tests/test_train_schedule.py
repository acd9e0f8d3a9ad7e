"""Learning-rate schedules against their formulas, also over an interruption."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import LRScheduler

from repro.core import checkpoint
from repro.train.schedule import constant, linear_decay, step_decay


def optimiser() -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = [
        {"params": [torch.nn.Parameter(torch.zeros(1))]},
        {"params": [torch.zeros(1)], "lr": 0.5},
    ]
    return torch.optim.SGD(groups, lr=2.0)


def rates(steps: int, schedule: LRScheduler, used: torch.optim.Optimizer) -> list[float]:
    """Return the first group's rate at each of the next updates."""
    found = []
    for _ in range(steps):
        found.append(used.param_groups[0]["lr"])
        used.step()
        schedule.step()
    return found


def test_linear_decay() -> None:
    used = optimiser()
    assert rates(5, linear_decay(used, steps=4), used) == pytest.approx([2.0, 1.5, 1.0, 0.5, 0.0])
    assert used.param_groups[1]["lr"] == 0.0
    used = optimiser()
    assert rates(5, linear_decay(used, steps=4, start=2), used) == pytest.approx([2.0, 2.0, 2.0, 1.0, 0.0])


def test_step_decay() -> None:
    used = optimiser()
    assert rates(5, step_decay(used, milestones=[2, 3], factor=0.5), used) == [2.0, 2.0, 1.0, 0.5, 0.5]


def test_constant() -> None:
    used = optimiser()
    assert rates(3, constant(used), used) == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("start", [-1, 4, 5])
def test_linear_decay_needs_room(start: int) -> None:
    with pytest.raises(ValueError, match="start"):
        linear_decay(optimiser(), steps=4, start=start)


@pytest.mark.parametrize("factor", [0.0, -1.0, 1.5])
def test_step_decay_needs_a_factor(factor: float) -> None:
    with pytest.raises(ValueError, match="factor"):
        step_decay(optimiser(), milestones=[1], factor=factor)


@pytest.mark.parametrize(
    "make",
    [
        constant,
        lambda o: linear_decay(o, steps=7, start=1),
        lambda o: step_decay(o, milestones=(2, 5), factor=0.1),
    ],
)
def test_a_resumed_schedule_has_exactly_the_same_rates(
    make: Callable[[torch.optim.Optimizer], LRScheduler], tmp_path: Path
) -> None:
    used = optimiser()
    expected = rates(7, make(used), used)
    first = optimiser()
    schedule = make(first)
    got = rates(3, schedule, first)
    checkpoint.save(tmp_path / "c", {"o": first.state_dict(), "s": schedule.state_dict()}, {})
    state = checkpoint.load(tmp_path / "c").state
    second = optimiser()
    schedule = make(second)
    second.load_state_dict(state["o"])
    schedule.load_state_dict(state["s"])
    assert got + rates(4, schedule, second) == expected
