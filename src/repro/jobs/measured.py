"""What the evaluations on disk say about a planned cell; a result that no rule wrote is an error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from repro.core.errors import ReproError
from repro.core.manifest import MAKE, listed_file
from repro.core.paths import Layout
from repro.core.records import read_record
from repro.evaluate.result import Result, read_result
from repro.jobs.overtaking import share_at_passing
from repro.judge.verdict import levelled
from repro.plan.batches import Batches
from repro.plan.cells import MeasuredCell


@dataclass
class Measured:
    """Results by evaluation id, each checked against the manifest of its batch when it is first read."""

    layout: Layout
    batches: Batches
    _results: dict[str, Result] = field(default_factory=dict)
    _records: dict[str, dict[str, Any]] = field(default_factory=dict)

    def result(self, evaluation_id: str) -> Result:
        """Return one result.

        Raises:
            ReproError: the result or its manifest is missing, or it is not what the DAG's rule wrote.
        """
        if evaluation_id not in self._results:
            self._results[evaluation_id] = self._read(evaluation_id)
        return self._results[evaluation_id]

    def record(self, run_id: str) -> dict[str, Any]:
        """Return a run's record, as `read_record` does, and with its errors."""
        if run_id not in self._records:
            self._records[run_id] = read_record(self.layout, run_id)
        return self._records[run_id]

    def diverged(self, cell: MeasuredCell) -> int:
        """Return of how many seeds there is no number because a training diverged."""
        return len(cell.seeds) - len(self._whole(cell))

    def values(self, cell: MeasuredCell) -> list[float]:
        """Return one number per seed (a difference where the cell asks for one) that did not diverge.

        None at all for a point of a curve (``is@10%``) of which a run has no snapshot: it is pending. A curve
        that never passes a level counts with the whole training, the least that it can have taken.
        """
        numbers: list[float] = []
        operands: list[float] = []
        for seed in self._whole(cell):
            if cell.passing is not None:
                share = self._passed(cell, seed)
                numbers.append(cell.passing.epochs * (1.0 if share is None else share))
                continue
            found = [value for name in seed if (value := self._value(name, cell)) is not None]
            if len(found) < len(seed):
                return []
            numbers.append(found[0] - sum(found[1:]))
            operands += found
        return levelled(numbers, operands) if operands else numbers

    def never_passed(self, cell: MeasuredCell) -> int:
        """Return how many seeds never pass the level, where the cell asks when one is passed."""
        whole = self._whole(cell) if cell.passing is not None else []
        return sum(self._passed(cell, seed) is None for seed in whole)

    def seeds_alike(self, cell: MeasuredCell) -> bool:
        """Return whether nothing that was measured beside the cell's number differs between its seeds either.

        A count that comes out alike (all nine modes, say) is no sign of seeds that nothing read where another
        number of the same measurement differs.
        """
        sides = zip(*self._whole(cell), strict=True)
        return all(len({tuple(sorted(self.result(n).values.items())) for n in side}) == 1 for side in sides)

    def _passed(self, cell: MeasuredCell, seed: tuple[str, ...]) -> float | None:
        """Return the share of its training after which a seed's curve is above the other run's end."""
        assert cell.passing is not None
        curve, other = (self.result(name).values for name in seed)
        end = f"{cell.value}@100%"
        if end not in other:
            raise ReproError(
                f"{cell.paper}/{cell.artefact}: {seed[1]} has no value {end!r}",
                where=self.layout.evaluation(seed[1]),
                remedy=f"give {cell.passing.recipe} a snapshot, and the cell an evaluation of curves",
            )
        return share_at_passing(curve, cell.value, other[end])

    def _whole(self, cell: MeasuredCell) -> list[tuple[str, ...]]:
        """Return the seeds all of whose trainings stayed finite."""
        return [seed for seed in cell.seeds if all(self.result(name).diverged is None for name in seed)]

    def _value(self, evaluation_id: str, cell: MeasuredCell) -> float | None:
        values, key = self.result(evaluation_id).values, cell.value
        if key not in values:
            point = re.fullmatch(r"(\w+@)[\d.]+%", key)
            if point and any(other.startswith(point[1]) and other.endswith("%") for other in values):
                return None
            raise ReproError(
                f"{cell.paper}/{cell.artefact}: {evaluation_id} has no value {key!r}",
                where=self.layout.evaluation(evaluation_id),
                remedy=f"let the sheet's cell name one of {', '.join(values)}, or the profile leave it out "
                "(leave_out)",
            )
        return values[key]

    def _read(self, evaluation_id: str) -> Result:
        batch = self.batches.evaluate_of[evaluation_id]
        search = f"run it: snakemake --cores all search --config profile={self.layout.profile}"
        make = search if self.batches.evaluate[batch].only_searched else MAKE
        result = read_result(listed_file(self.layout, "evaluate", batch, evaluation_id, make))
        assert result is not None  # it has just been found
        return result
