"""What the evaluations on disk say about a planned cell; a result that no rule wrote is an error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from repro.core.errors import ReproError
from repro.core.manifest import listed_file
from repro.core.paths import Layout
from repro.evaluate.result import Result, read_result
from repro.plan.batches import Batches
from repro.plan.plan import PlannedCell


@dataclass
class Measured:
    """Results by evaluation id, each checked against the manifest of its batch when it is first read."""

    layout: Layout
    batches: Batches
    _results: dict[str, Result] = field(default_factory=dict)

    def result(self, evaluation_id: str) -> Result:
        """Return one result.

        Raises:
            ReproError: the result or its manifest is missing, or it is not what the DAG's rule wrote.
        """
        if evaluation_id not in self._results:
            self._results[evaluation_id] = self._read(evaluation_id)
        return self._results[evaluation_id]

    def diverged(self, planned: PlannedCell) -> int:
        """Return of how many seeds there is no number because a training diverged."""
        return len(planned.evaluations) - len(self._whole(planned))

    def values(self, planned: PlannedCell) -> list[float]:
        """Return one number per seed (a difference where the cell asks for one) that did not diverge.

        None at all for a point of a curve (``is@10%``) of which a run has no snapshot: it is pending.
        """
        whole = self._whole(planned)
        left = [self._value(planned.evaluations[index], planned) for index in whole]
        right = [self._value(planned.subtracted[index], planned) for index in whole if planned.subtracted]
        if None in left or None in right:
            return []
        numbers, others = ([value for value in side if value is not None] for side in (left, right))
        return [a - b for a, b in zip(numbers, others, strict=True)] if others else numbers

    def _whole(self, planned: PlannedCell) -> list[int]:
        """Return the places of the seeds all of whose trainings stayed finite."""
        sides = [side for side in (planned.evaluations, planned.subtracted) if side]
        return [
            index
            for index in range(len(planned.evaluations))
            if all(self.result(side[index]).diverged is None for side in sides)
        ]

    def _value(self, evaluation_id: str, planned: PlannedCell) -> float | None:
        values = self.result(evaluation_id).values
        key = planned.cell.value
        if key not in values:
            point = re.fullmatch(r"(\w+@)[\d.]+%", key)
            if point and any(other.startswith(point[1]) and other.endswith("%") for other in values):
                return None
            cell = planned.cell
            raise ReproError(
                f"{cell.paper}/{cell.artefact}: {evaluation_id} has no value {key!r}",
                where=self.layout.evaluation(evaluation_id),
                remedy=f"let the sheet's cell name one of {', '.join(values)}",
            )
        return values[key]

    def _read(self, evaluation_id: str) -> Result:
        path = listed_file(self.layout, "evaluate", self.batches.evaluate_of[evaluation_id], evaluation_id)
        result = read_result(path)
        assert result is not None  # it has just been found
        return result
