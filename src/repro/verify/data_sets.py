"""Runs and evaluations against the images that they are to be of: the records of data sets, the data root.

What is looked at each time that Snakemake starts opens no image and imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from repro.core.errors import ReproError
from repro.core.files import read_json
from repro.core.manifest import MEASURE_ANEW, STAGES, TRAIN_ANEW, Stage
from repro.core.paths import Layout
from repro.core.records import read_record
from repro.data.facts import SplitFacts, facts_of_run, read_facts
from repro.jobs.data_state import readers, real_sets, state_now
from repro.plan.batches import Batches
from repro.plan.plan import Plan
from repro.verify.findings import Findings

ANEW = (
    "run Snakemake with the data root that is meant, which trains and measures anew what is of other images"
)
Asked = tuple[str, str, int | None]


def changed_data(plan: Plan, batches: Batches, layout: Layout, root: Path | None) -> dict[Path, str]:
    """Return records of data sets and manifests of batches that are not of the data root, and why.

    Raises:
        ReproError: a record is damaged.
    """
    found: dict[Path, str] = {}
    current: dict[str, dict[Asked, tuple[SplitFacts, Path]]] = {}
    for name in real_sets(plan):
        path, now = layout.data(name), state_now(plan, name, root)
        if now is None:
            continue
        if path.is_file() and _is_state(layout.data_state(name), now):
            current[name] = _recorded(path)
        elif path.is_file():
            found[path] = (
                f"the files of {name} in {root}, or who reads them, are not as when {path} was written"
            )
        elif any(_read_by(layout, stage, member) for stage, member in _readers(plan, name)):
            found[path] = f"{path}, which says what {root} holds, is missing"
    for name, recorded in current.items():
        for stage, member, path, problem in _strangers(plan, layout, name, recorded):
            batch = batches.train_of[member] if stage == "train" else batches.evaluate_of[member]
            found.setdefault(layout.batch(stage, batch), f"{path}: {problem}")
    return found


def check_data(plan: Plan, layout: Layout, root: Path | None, found: Findings) -> None:
    """Check that runs and evaluations are of the recorded images, these of what the data root holds.

    Without a record those of the plan must at least agree with each other.
    """
    for name in real_sets(plan):
        found.attempt(partial(_check_set, plan, layout, name, root, found))


def _check_set(plan: Plan, layout: Layout, name: str, root: Path | None, found: Findings) -> None:
    """Check one data set, and who is of other images than its record says."""
    record, recorded = layout.data(name), {}
    if record.is_file():
        recorded = _recorded(record)
        now = state_now(plan, name, root)
        if root is not None and now is not None and not _is_state(layout.data_state(name), now):
            from repro.jobs.data_sets import changed_splits  # reads images, so it needs torch

            for was, there in changed_splits(layout, name, root):
                found.problem(f"{root} does not hold {was}, as this says, but {there}", record, ANEW)
    for _, _, path, problem in _strangers(plan, layout, name, recorded):
        found.problem(problem, path, ANEW)


def _is_state(path: Path, state: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8").strip() == state


def _recorded(path: Path) -> dict[Asked, tuple[SplitFacts, Path]]:
    return {facts.asked: (facts, path) for facts in read_facts(path)}


def _strangers(
    plan: Plan, layout: Layout, name: str, known: dict[Asked, tuple[SplitFacts, Path]]
) -> Iterator[tuple[Stage, str, Path, str]]:
    """Yield each run and evaluation of other real images than are known, or than another that came before."""
    known = dict(known)
    for stage, member in _readers(plan, name):
        path = layout.record(member) if stage == "train" else layout.evaluation(member)
        for facts in _read_by(layout, stage, member):
            expected, where = known.setdefault(facts.asked, (facts, path))
            if facts.fingerprint != expected.fingerprint:
                did = "trained" if stage == "train" else "measured"
                yield stage, member, path, f"it was {did} on {facts}, {where} names {expected}"


def _readers(plan: Plan, name: str) -> Iterator[tuple[Stage, str]]:
    for stage, members in zip(STAGES, readers(plan, name), strict=True):
        for member in members:
            yield stage, member


def _read_by(layout: Layout, stage: Stage, member: str) -> list[SplitFacts]:
    """Return what a run or an evaluation says that it read; nothing where it is not there."""
    try:
        return _named(layout, stage, member)
    except (ValidationError, KeyError, TypeError) as error:
        train = stage == "train"
        raise ReproError(
            "it does not say which images it is of",
            where=layout.record(member) if train else layout.evaluation(member),
            remedy=TRAIN_ANEW if train else MEASURE_ANEW,
        ) from error


def _named(layout: Layout, stage: Stage, member: str) -> list[SplitFacts]:
    if stage == "train":
        record = read_record(layout, member)
        return facts_of_run(record) if record else []
    path = layout.evaluation(member)
    result = read_json(path, remedy=MEASURE_ANEW) if path.is_file() else {}
    read = result.get("data", []) if isinstance(result, dict) else []
    return [SplitFacts.model_validate(each) for each in read]
