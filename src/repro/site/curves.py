"""Training logs as small inline SVG charts: one per logged number, no script, no second file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 260, 80  # of a chart's drawing area, in SVG units
_MOST_POINTS = 200


@dataclass(frozen=True)
class Chart:
    """One logged number over the steps: ``points`` for an SVG polyline, and the text around it."""

    name: str
    points: str
    first_step: int
    last_step: int
    low: str
    high: str
    last: str


def charts(log: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Return a chart for every number that was logged at least twice, a loss say; ``step`` is the axis.

    Numbers within a field (``metrics``, ``attack_seconds_per_step``) count as the line's own.
    """
    flat = [_flat(line) for line in log]
    names = dict.fromkeys(name for line in flat for name in line if name != "step")
    found = []
    for name in names:
        pairs = [(line["step"], line[name]) for line in flat if _is_number(line.get(name))]
        if len(pairs) > 1:
            found.append(_chart(name, pairs))
    return found


def _chart(name: str, pairs: Sequence[tuple[int, float]]) -> Chart:
    every = math.ceil(len(pairs) / _MOST_POINTS)
    kept = [*pairs[::every], pairs[-1]] if (len(pairs) - 1) % every else list(pairs[::every])
    steps, values = [step for step, _ in pairs], [value for _, value in pairs]
    low, high = min(values), max(values)
    width, height = (steps[-1] - steps[0]) or 1, (high - low) or 1.0
    points = " ".join(
        f"{(step - steps[0]) / width * WIDTH:.1f},{HEIGHT - (value - low) / height * HEIGHT:.1f}"
        for step, value in kept
    )
    return Chart(name, points, steps[0], steps[-1], f"{low:.4g}", f"{high:.4g}", f"{values[-1]:.4g}")


def _flat(line: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in line.items():
        if isinstance(value, Mapping):
            own = "" if name == "metrics" else f"{name}: "
            found |= {f"{own}{inner}": number for inner, number in value.items()}
        else:
            found[name] = value
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
