"""How a run is watched and saved; nothing here changes the trained weights."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from repro.core.failures import FailureRules
from repro.core.spec import Frozen, OnDivergence


class LoopSettings(Frozen):
    """Intervals of the training loop, and when a loss counts as diverged.

    Args:
        log_every: steps between two lines of the metrics log; None: about 200 lines a run.
        checkpoint_steps: steps between two checkpoints; None: by time alone.
        checkpoint_seconds: seconds between two checkpoints, whichever of the two comes first.
        largest_loss: a larger absolute value of any metric called a loss stops the run.
        failures: when a run that ends well is said to have gone wrong all the same.
        diverged: a run that diverges is an error (``stop``), or ends and says so in its record (``record``).
    """

    log_every: Annotated[int, Field(ge=1)] | None = None
    checkpoint_steps: Annotated[int, Field(ge=1)] | None = None
    checkpoint_seconds: float = Field(default=300.0, gt=0)
    largest_loss: float = Field(default=1e6, gt=0)
    diverged: OnDivergence = "stop"
    failures: FailureRules = FailureRules()

    def log_interval(self, steps: int) -> int:
        """Return the steps between two log lines in a run of ``steps`` steps."""
        return self.log_every or max(1, steps // 200)

    def checkpoint_due(self, step: int, seconds: float) -> bool:
        """Return whether a checkpoint is due after ``step`` steps, ``seconds`` after the last one."""
        at_step = self.checkpoint_steps is not None and step % self.checkpoint_steps == 0
        return at_step or seconds >= self.checkpoint_seconds
