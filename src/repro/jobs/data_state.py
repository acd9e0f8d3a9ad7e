"""The real data sets that a plan reads: who reads them, and are their files as they were? No torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

from repro.core.paths import Layout
from repro.data.catalogue import dataset_info
from repro.data.state import folder_at_hand, folder_state
from repro.plan.plan import Plan


def real_sets(plan: Plan) -> list[str]:
    """Return the names of the data sets of which files are read, sorted."""
    read = {spec.dataset for spec in plan.runs.values() if spec.source == "real"}
    read |= {spec.dataset for spec in plan.evaluations.values() if spec.source == "real"}
    return sorted(name for name in read if not dataset_info(name).drawn)


def sets_in_use(plan: Plan, layout: Layout, root: Path | None) -> list[str]:
    """Return those of ``real_sets`` whose files are at hand, or whose record is on disk.

    Without either (drawing from results that were copied) nothing is asked of them.
    """
    at_hand = {name for name in real_sets(plan) if folder_at_hand(dataset_info(name), root)}
    return [name for name in real_sets(plan) if name in at_hand or layout.data(name).is_file()]


def readers(plan: Plan, name: str) -> tuple[list[str], list[str]]:
    """Return the ids of the runs and of the evaluations that read a data set."""
    runs = [run_id for run_id, spec in plan.runs.items() if spec.dataset == name]
    return runs, [evaluation for evaluation, spec in plan.evaluations.items() if spec.dataset == name]


def state_now(plan: Plan, name: str, root: Path | None) -> str | None:
    """Return what the record of a data set rests on: its files, and who reads them; None without files."""
    info = dataset_info(name)
    folder = folder_at_hand(info, root)
    if folder is None:
        return None
    runs, evaluations = readers(plan, name)
    parts = [folder_state(folder, info), *sorted(runs), *sorted(evaluations)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
