"""Learning-rate schedules. Each factor is a function of the step alone: a resumed run has the same rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def constant(optimiser: Optimizer) -> LambdaLR:
    """Keep the optimiser's learning rates."""
    return _schedule(optimiser, lambda step: 1.0)


def linear_decay(optimiser: Optimizer, *, steps: int, start: int = 0) -> LambdaLR:
    """Keep the learning rates until ``start``, then let them fall in a straight line to 0 at ``steps``.

    SNGAN's schedule: from step 0 in DAT (Table I), over the last 50,000 updates in the original. Call
    ``step()`` once an update: the one with index t (from 0) has the rate times (steps - t) / (steps - start).

    Args:
        optimiser: whose rates at this moment are the full ones.
        steps: updates in the whole training, more than ``start``.
        start: updates at the full rate.

    Raises:
        ValueError: not 0 <= start < steps.
    """
    if not 0 <= start < steps:
        raise ValueError(f"need 0 <= start < steps, got start {start}, steps {steps}")
    return _schedule(optimiser, lambda step: min(1.0, max(0.0, (steps - step) / (steps - start))))


def step_decay(optimiser: Optimizer, *, milestones: Sequence[int], factor: float) -> LambdaLR:
    """Multiply the learning rates by ``factor`` at each of ``milestones`` (in updates).

    Args:
        optimiser: whose rates at this moment are the full ones.
        milestones: the update with this index (from 0) is the first at the lower rate.
        factor: in (0, 1].

    Raises:
        ValueError: the factor is outside (0, 1].
    """
    if not 0 < factor <= 1:
        raise ValueError(f"need 0 < factor <= 1, got {factor}")
    marks = tuple(milestones)
    return _schedule(optimiser, lambda step: float(factor ** sum(step >= mark for mark in marks)))


def _schedule(optimiser: Optimizer, factor: Callable[[int], float]) -> LambdaLR:
    # A plain function: LambdaLR's state then holds only numbers, and a checkpoint can store it.
    return LambdaLR(optimiser, factor)
