"""What today's profiles plan: a publication outlives the profile that made it."""

from __future__ import annotations

from repro.core.errors import ReproError
from repro.plan.config import Config, load_config
from repro.plan.plan import build_plan


def planned_by(config: Config, profile: str) -> frozenset[str]:
    """Return the ids of all artefacts, runs and evaluations of a profile; none if it is no longer there."""
    try:
        plan = build_plan(load_config(config.folder, profile))
    except ReproError:
        return frozenset()
    return frozenset({*plan.cells, *plan.runs, *plan.evaluations})
