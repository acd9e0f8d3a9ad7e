"""Trainings that diverged: what their records say, and what everything that rests on them says after."""

from __future__ import annotations

from pydantic import Field, ValidationError

from repro.core.errors import ReproError
from repro.core.manifest import TRAIN_ANEW
from repro.core.paths import Layout
from repro.core.records import read_record
from repro.core.spec import Frozen

FIELD = "diverged"  # of run.json and of evaluation results


class Divergence(Frozen):
    """When and where a training left the numbers that a network can be trained with.

    Attributes:
        quantity: the metric (``d_loss``) or the weight (``method.modules.generator...``) that went wrong;
            ``parent`` or ``surrogate`` where that run's training did.
        step: number of steps done when it was seen; a metric is seen in the step that returned it, a weight
            at the next checkpoint.
        last_good_step: step of the last checkpoint, which is kept; 0 for none.
        reason: one sentence.
    """

    quantity: str
    step: int = Field(ge=0)
    last_good_step: int = Field(ge=0)
    reason: str

    def passed_on(self, run_id: str, role: str) -> Divergence:
        """Return the divergence of what rests on ``run_id``, its ``role``: parent or surrogate."""
        reason = f"its {role} {run_id} diverged: {self.reason}"
        return Divergence(quantity=role, step=0, last_good_step=0, reason=reason)


def divergence_of(layout: Layout, run_id: str) -> Divergence | None:
    """Return how a finished run diverged; None where it did not, or is not finished.

    Raises:
        ReproError: its record is damaged.
    """
    found = read_record(layout, run_id).get(FIELD)
    if found is None:
        return None
    try:
        return Divergence.model_validate(found)
    except ValidationError as error:
        raise ReproError(
            f"the field {FIELD} is damaged: {error}", remedy=TRAIN_ANEW, where=layout.record(run_id)
        ) from error
