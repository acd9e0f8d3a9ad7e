"""Writes down which images the data root holds, of each split that a plan reads."""

from __future__ import annotations

from pathlib import Path

from repro.core.files import atomic_write_json, atomic_write_text
from repro.core.paths import Layout
from repro.data.catalogue import dataset_info
from repro.data.facts import SplitFacts, read_facts
from repro.data.load import load_images
from repro.data.readers.found import find_folder
from repro.evaluate.registry import validate_options
from repro.jobs.data_state import readers, state_now
from repro.methods.registry import load_method
from repro.plan.plan import Plan
from repro.train.training_data import splits_of


def record_data_set(plan: Plan, layout: Layout, name: str, root: Path) -> Path:
    """Write the record of one data set, and beside it the state of the files that it was made from.

    Raises:
        ReproError: files are missing, damaged or not canonical.
    """
    find_folder(root, dataset_info(name))
    state = state_now(plan, name, root)  # before they are read: what changes meanwhile is seen next time
    wanted: set[tuple[str, int | None]] = set()
    runs, evaluations = readers(plan, name)
    for run in [plan.runs[run_id] for run_id in runs]:
        wanted.update(splits_of(load_method(run.method), run))
    for spec in [plan.evaluations[evaluation_id] for evaluation_id in evaluations]:
        reads = validate_options(spec.measure, spec.options).reads(spec)
        wanted.update((split, spec.at_most(n)) for split, n in reads)
    found = facts_now(name, wanted, root)
    atomic_write_json(layout.data(name), [facts.model_dump(mode="json") for facts in found])
    atomic_write_text(layout.data_state(name), f"{state}\n")
    return layout.data(name)


def facts_now(name: str, wanted: set[tuple[str, int | None]], root: Path) -> list[SplitFacts]:
    """Return what the data root holds of each split and limit, sorted; errors as of ``load_images``."""
    ordered = sorted(wanted, key=lambda each: (each[0], each[1] or 0))
    return [load_images(name, split, source="real", limit=n, root=root).facts for split, n in ordered]


def changed_splits(layout: Layout, name: str, root: Path) -> list[tuple[SplitFacts, SplitFacts]]:
    """Return each recorded split of which the data root holds other images, and what it holds."""
    recorded = read_facts(layout.data(name))
    now = facts_now(name, {(facts.split, facts.limit) for facts in recorded}, root)
    by_split = {facts.asked: facts for facts in now}
    return [(facts, by_split[facts.asked]) for facts in recorded if facts != by_split[facts.asked]]
