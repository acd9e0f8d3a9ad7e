"""What training costs, from the logs of finished runs: seconds a step, split, and hours. Imports no torch.

A log line says how many device seconds a step took since the line before and, for methods that attack, how
many of these the attacks' network passes and kernels took.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repro.core.csv_text import csv_text
from repro.core.records import stood_in
from repro.core.spec import RunSpec, stand_ins_in_order

COLUMNS = (
    "recipe",
    "method",
    "dataset",
    "options",
    "steps",
    "batch_size",
    "width",
    "precision",
    "device",
    "runs",
    "intervals",
    "seconds_per_step",
    "q1",
    "q3",
    "attack_network",
    "attack_kernel",
    "rest",
    "baseline",
    "relative",
    "hours_per_run",
    "hours_per_cell",
    "stand_ins",
)

DEVICE = ("device", "processes", "threads", "seeds_together")  # of a session


@dataclass(frozen=True)
class RunCost:
    """One finished run: its specification, record (``run.json``) and log lines."""

    spec: RunSpec
    record: Mapping[str, Any]
    log: Sequence[Mapping[str, Any]]

    @property
    def device(self) -> str:
        """Name of the device that the run ended on; how many, a CPU's threads, seeds together, if several."""
        last = self.record["sessions"][-1]
        processes, threads, seeds = (last.get(key, 1) for key in ("processes", "threads", "seeds_together"))
        name = f"{processes} x {last['device']}" if processes > 1 else str(last["device"])
        name += f", {threads} threads" if threads > 1 and self._on_cpu else ""
        return f"{name}, {seeds} seeds at a time" if seeds > 1 else name

    @property
    def _on_cpu(self) -> bool:
        return bool(self.record["provenance"]["device"]["kind"] == "cpu")

    @property
    def lines(self) -> Sequence[Mapping[str, Any]]:
        """The log's lines from the device that the run ended on, where any is; no line spans two sessions."""
        start, last = math.inf, self.record["sessions"][-1]
        for session in reversed(self.record["sessions"]):
            if any(session.get(key, 1) != last.get(key, 1) for key in DEVICE):
                break
            start = session.get("step", 0)
        return [line for line in self.log if line["step"] > start] or self.log

    @property
    def per_step(self) -> list[float]:
        """Device seconds a step, one number per logged interval."""
        return [float(line["device_seconds_per_step"]) for line in self.lines]

    @property
    def steps(self) -> int:
        """Steps that were taken: those of the specification, unless the training stopped early."""
        return int(self.record.get("steps_taken") or self.spec.steps)

    @property
    def hours(self) -> float:
        """Device hours at the median step time, which what ran beside it hardly moves; or as it ran."""
        if not self.log:
            return float(self.record["device_seconds"]) / 3600
        return statistics.median(self.per_step) * self.steps / 3600

    @property
    def split(self) -> list[tuple[float, float, float]]:
        """Attack's network, attack's kernel and rest of each interval."""
        parts = []
        for line in self.lines:
            attack = line.get("attack_seconds_per_step", {})
            network, kernel = attack.get("network", 0.0), attack.get("kernel", 0.0)
            parts.append((network, kernel, line["device_seconds_per_step"] - network - kernel))
        return parts


@dataclass(frozen=True)
class Cost:
    """One training: a recipe with its options on one data set, over its seeds. Seconds are device seconds.

    ``seconds``, ``q1`` and ``q3`` are median and quartiles over the logged intervals of all seeds; ``split``
    has the medians of the attack's network part, its kernel, and the rest; ``relative`` is the median over
    that of the baseline, where both ran on the same device with the same data, width, batch and format.
    ``hours_per_run`` are the median times the steps of a run.
    """

    specs: tuple[RunSpec, ...]
    options: str
    device: str
    intervals: int
    seconds: float
    q1: float
    q3: float
    split: tuple[float, float, float]
    baseline: str
    relative: float | None
    hours_per_run: float
    hours_per_cell: float | None
    stand_ins: tuple[str, ...]

    @property
    def spec(self) -> RunSpec:
        """The first seed's run."""
        return self.specs[0]

    @property
    def name(self) -> str:
        """The recipe, with what tells it from others of the same name."""
        return f"{self.spec.recipe} ({self.options})" if self.options else self.spec.recipe


def measure_cost(
    runs: Sequence[RunCost],
    *,
    options: str = "",
    baseline: str = "",
    plain: Cost | None = None,
    hours_per_cell: float | None = None,
) -> Cost | None:
    """Return the cost of runs that differ in their seed only; None where none logged a step.

    Args:
        runs: finished runs.
        options: what tells them from other runs of the same recipe.
        baseline: recipe that they are compared with.
        plain: its cost.
        hours_per_cell: device hours that a table's cell of this training rests on.
    """
    logged = [run for run in runs if run.log]
    if not logged:
        return None
    seconds = [value for run in logged for value in run.per_step]
    q1, median, q3 = quartiles(seconds)
    columns = zip(*(each for run in logged for each in run.split), strict=True)
    network, kernel, rest = (statistics.median(column) for column in columns)
    device = "+".join(dict.fromkeys(run.device for run in logged))
    found = (name for run in logged for name in (*run.spec.stand_ins, *stood_in(run.record)))
    comparable = plain is not None and alike(plain.spec, logged[0].spec) and plain.device == device
    return Cost(
        specs=tuple(run.spec for run in logged),
        options=options,
        device=device,
        intervals=len(seconds),
        seconds=median,
        q1=q1,
        q3=q3,
        split=(network, kernel, rest),
        baseline=baseline,
        relative=median / plain.seconds if comparable and plain else None,
        hours_per_run=median * statistics.mean(run.steps for run in logged) / 3600,
        hours_per_cell=hours_per_cell,
        stand_ins=stand_ins_in_order(found),
    )


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return first quartile, median and third quartile of at least one value."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return q1, median, q3


def alike(left: RunSpec, right: RunSpec) -> bool:
    """Return whether a step of both handles as many images of the same data, in networks as wide."""
    fields = ("dataset", "source", "batch_size", "width", "precision")
    return all(getattr(left, name) == getattr(right, name) for name in fields)


def render_cost(costs: Iterable[Cost]) -> str:
    """Return cost.csv, one line per training, numbers with six significant digits."""
    csv_rows: list[Sequence[object]] = [COLUMNS]
    for cost in costs:
        spec = cost.spec
        fields: list[object] = [spec.recipe, spec.method, spec.dataset, cost.options, spec.steps]
        fields += [spec.batch_size, spec.width, spec.precision, cost.device, len(cost.specs), cost.intervals]
        fields += [cost.seconds, cost.q1, cost.q3, *cost.split]
        fields += [cost.baseline, cost.relative, cost.hours_per_run, cost.hours_per_cell]
        fields = ["" if value is None else value for value in [*fields, "+".join(cost.stand_ins)]]
        csv_rows.append([format(value, ".6g") if isinstance(value, float) else value for value in fields])
    return csv_text(csv_rows)
