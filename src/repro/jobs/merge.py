"""Results of several machines, of one plan, joined into one results folder; what contradicts is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import track

from repro.core.errors import ReproError
from repro.core.files import replacing
from repro.core.locks import LOCK_FILES, only_process
from repro.core.manifest import Stage, forget
from repro.core.paths import Layout
from repro.core.records import publication_of
from repro.data.facts import SplitFacts, facts_of_run
from repro.evaluate.result import picture_hashes, read_result
from repro.plan.plan import Plan
from repro.train.record import finished


@dataclass
class Merged:
    """What came of it: numbers of runs and evaluations that were copied, and what was left where it was.

    ``present`` counts what was here already, ``stale`` what is of another plan; ``unfinished`` are the
    folders of runs that no machine has finished.
    """

    runs: int = 0
    evaluations: int = 0
    present: int = 0
    stale: int = 0
    unfinished: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class _Found:
    """A finished run or a measured evaluation in one of the folders.

    ``content`` must be equal wherever it is found: a run's checkpoint, an evaluation's values and of what.
    ``whole`` is a run with its weights, an evaluation with its pictures.
    """

    home: Path  # a run's folder, an evaluation's file
    content: dict[str, Any]
    data: tuple[SplitFacts, ...]
    whole: bool = True


def merge(plan: Plan, layout: Layout, sources: Sequence[Path]) -> Merged:
    """Copy finished runs and evaluations of ``plan`` from other results folders, with their provenance.

    Everything is looked at before anything is copied. A run without weights and a result without pictures,
    which are of a publication, make way for the same with them; a training that is begun here, with a
    checkpoint, stays where the other has no weights. Batches and all that is made of evaluations
    stay where they are: Snakemake makes them anew and finds nothing to train or to measure.

    Args:
        plan: what counts.
        layout: where the results are joined.
        sources: results folders of other machines, with a folder of the same profile each.

    Raises:
        ReproError: a source is no such folder, something in it is damaged, two folders hold different
            networks for one run or different numbers for one evaluation, or read different images (names
            all that do); or another process trains a run here that is finished there.
    """
    merged, known, coming = Merged(), dict[Path, _Found](), dict[Path, _Found]()
    images: dict[tuple[str, str, int | None], tuple[SplitFacts, Path]] = {}
    contradictions: list[ReproError] = []
    for source in (layout, *(_layout(folder, layout.profile) for folder in sources)):
        for found in _all(plan, source, merged):
            goal = layout.root / found.home.relative_to(source.root)
            other = known.setdefault(goal, found)
            contradictions += _contradictions(found, other, images)
            if source is layout:
                merged.present += 1
            elif found.whole and not other.whole:
                known[goal] = coming[goal] = found
            elif other is found and (found.whole or not layout.checkpoint(goal.name).is_file()):
                coming[goal] = found
    _refuse(contradictions)
    for goal, found in coming.items():  # before anything is copied: a manifest may be damaged
        stage: Stage = "train" if found.home.is_dir() else "evaluate"
        forget(layout, stage, goal.name if stage == "train" else goal.stem)
    for goal, found in track(coming.items(), "copying", transient=True):
        if found.home.is_dir():
            _copy_run(found.home, goal)
            merged.runs += 1
        else:
            _copy_evaluation(found.home, goal)
            merged.evaluations += 1
    merged.unfinished = [path for path in merged.unfinished if not layout.record(path.name).is_file()]
    return merged


def _layout(folder: Path, profile: str) -> Layout:
    """Return the layout of another machine's results."""
    layout = Layout(folder, profile)
    if not layout.root.is_dir():
        raise ReproError(
            f"there are no results of profile {profile}",
            remedy=f"name the folder that holds {profile}/, or another --profile",
            where=folder,
        )
    return layout


def _all(plan: Plan, source: Layout, merged: Merged) -> Iterator[_Found]:
    """Yield the finished runs and the evaluations of the plan in one folder; count and note the rest."""
    for home in sorted((source.root / "runs").glob("*/")):
        if home.name not in plan.runs:
            merged.stale += 1
        elif (record := finished(source, home.name, plan.runs[home.name])) is None:
            merged.unfinished.append(home)
        else:
            content = {"checkpoint": record["checkpoint_sha256"], "diverged": record["diverged"]}
            whole = publication_of(source, home.name) is None
            yield _Found(home, content, tuple(facts_of_run(record)), whole)
    for home in sorted((source.root / "evaluations").glob("*.json")):
        result = read_result(home) if home.stem in plan.evaluations else None  # what is stale may be damaged
        if result is None or plan.evaluations[home.stem] != result.spec:
            merged.stale += 1
            continue
        fields = {
            "values",
            "diverged",
            "checkpoint_sha256",
            "extractor_sha256",
            "surrogate_sha256",
            "pictures_sha256",
        }
        whole = picture_hashes(home.with_suffix("")) == result.listed_pictures
        yield _Found(home, result.model_dump(mode="json", include=fields), result.data, whole)


def _refuse(contradictions: Sequence[ReproError]) -> None:
    """Raise a ReproError that names all of them, if there are any."""
    if len(contradictions) == 1:
        raise contradictions[0]
    if contradictions:
        lines = "".join(f"\n- {each.where}: {each.message}" for each in contradictions)
        remedies = dict.fromkeys(each.remedy for each in contradictions)
        raise ReproError(f"{len(contradictions)} contradictions{lines}", remedy="; ".join(remedies))


def _contradictions(
    found: _Found, other: _Found, images: dict[tuple[str, str, int | None], tuple[SplitFacts, Path]]
) -> Iterator[ReproError]:
    """Yield where what two folders hold under one name is not one thing, or is of other images."""
    differing = [name for name, value in found.content.items() if value != other.content.get(name)]
    if differing:
        yield ReproError(
            f"{other.home} is another: they differ in {', '.join(differing)}",
            remedy="delete the one that shall go, with what was measured from it, and run the same command",
            where=found.home,
        )
    for facts in found.data:
        first, where = images.setdefault(facts.asked, (facts, found.home))
        if facts.fingerprint != first.fingerprint:
            yield ReproError(
                f"it is of {facts}, {where} of {first}",
                remedy="train and measure on the same images everywhere (`repro data check`), then merge",
                where=found.home,
            )


def _copy_run(home: Path, goal: Path) -> None:
    """Copy a finished run's folder, its record last; what an unfinished training left there makes way."""
    with only_process(goal, f"run {goal.name}"):
        for path in goal.iterdir():
            if path.name not in LOCK_FILES:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        files = sorted(path for path in home.rglob("*") if path.is_file() and path.name not in LOCK_FILES)
        for path in sorted(files, key=lambda path: path == home / "run.json"):
            _copy_file(path, goal / path.relative_to(home))


def _copy_evaluation(home: Path, goal: Path) -> None:
    """Copy an evaluation's pictures in the place of those that a killed one left there, then its result."""
    if goal.with_suffix("").exists():
        shutil.rmtree(goal.with_suffix(""))
    for path in sorted(home.with_suffix("").glob("*")):
        _copy_file(path, goal.with_suffix("") / path.name)
    _copy_file(home, goal)


def _copy_file(path: Path, goal: Path) -> None:
    with replacing(goal) as temporary:
        shutil.copyfile(path, temporary)
