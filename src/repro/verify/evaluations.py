"""Evaluation results against their own hashes, the manifests, and the checkpoints behind them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import is_leftover
from repro.core.manifest import MAKE_ANEW, MEASURE_ANEW, check_members, read_manifest
from repro.core.paths import Layout
from repro.core.records import publication_of, read_record, stood_in
from repro.core.spec import StandIn
from repro.evaluate.diverged import divergence_behind
from repro.evaluate.extractor import DINOV2, INCEPTION
from repro.evaluate.result import Result, picture_hashes, read_result
from repro.plan.batches import Batches
from repro.plan.evaluations import REAL
from repro.plan.plan import Plan
from repro.verify.findings import Findings


def check_evaluations(plan: Plan, batches: Batches, layout: Layout, found: Findings) -> None:
    """Check every result and every manifest of measuring."""
    for batch in batches.evaluate.values():
        found.problems += check_members(layout, "evaluate", batch.name, batch.members)
    folder = layout.root / "evaluations"
    manifests = sorted((layout.root / "batches" / "evaluate").glob("*.json"))
    listed = set[str]().union(*(found.attempt(partial(read_manifest, path)) or {} for path in manifests))
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if is_leftover(path):
            found.notes.append(f"left by a killed process, or being written: {path}")
        elif path.suffix == ".json":
            found.attempt(partial(_check_result, plan, batches, layout, path, listed, found))
        elif path.is_dir() and path.with_suffix(".json").is_file():
            continue  # a result's pictures, looked at with it
        elif path.is_dir() and path.name in plan.evaluations:
            found.notes.append(f"of a measurement that is not finished, or going on: {path}")
        else:
            found.problem("no rule made this", path, "delete it, or move it elsewhere; nothing needs it")


def _check_result(
    plan: Plan, batches: Batches, layout: Layout, path: Path, listed: set[str], found: Findings
) -> None:
    """Check one result and its pictures; ``listed`` are the results that any manifest lists."""
    result = read_result(path)
    if result is None or result.spec.evaluation_id != path.stem:
        raise ReproError(
            "this result is of another evaluation than its name", where=path, remedy=MEASURE_ANEW
        )
    pictures, on_disk = result.listed_pictures, picture_hashes(path.with_suffix(""))
    if pictures and not on_disk and publication_of(layout, result.spec.run) is not None:
        found.notes.append(f"of a publication, its pictures could not be checked: {path}")
        pictures = {}
    for name in sorted({*pictures, *on_disk}):
        if pictures.get(name) != on_disk.get(name):
            raise ReproError(
                "this picture is not the one that its result lists",
                where=path.with_suffix("") / name,
                remedy=f"delete {path.name} and run Snakemake again, which measures it anew",
            )
    if path.stem not in plan.evaluations:
        found.notes.append(f"stale (of an older plan, may be deleted): {path}")
        return
    _check_stand_ins(path, result, plan.evaluations[path.stem].stand_ins)
    _check_origin(layout, path, result, found)
    manifest = layout.batch("evaluate", batches.evaluate_of[path.stem])
    if not manifest.is_file():
        found.notes.append(f"measured, but its batch is not finished: {path}")
    elif path.stem in listed - read_manifest(manifest).keys():
        found.notes.append(f"its batch is of an older plan, Snakemake will write it anew: {path}")
    elif path.stem not in listed:
        raise ReproError(f"{manifest.name} does not list this result", where=path, remedy=MAKE_ANEW)
    else:
        found.count("evaluations")


def _check_origin(layout: Layout, path: Path, result: Result, found: Findings) -> None:
    """Check that a result was measured from (and with) the checkpoints that are on disk, or says why not."""
    spec, known = result.spec, True
    run = None if spec.run == REAL else spec.run
    extractor = None if spec.extractor in (INCEPTION, DINOV2) else spec.extractor
    pairs = [
        (run, result.checkpoint_sha256),
        (extractor, result.extractor_sha256),
        (spec.surrogate, result.surrogate_sha256),
    ]
    for run_id, sha256 in pairs:
        if run_id is None or (sha256 is None and result.diverged is not None and run_id != run):
            continue  # where a training diverged nothing else was looked at
        content = read_record(layout, run_id)
        if not content:
            found.notes.append(f"measured from a run that is not on disk: {path}")
            known = False
            continue
        if content.get("checkpoint_sha256") != sha256:
            raise ReproError(
                f"this result was measured from another checkpoint than that of run {run_id}",
                where=path,
                remedy=MEASURE_ANEW,
            )
        due = stood_in(content)
        if run_id == extractor:
            due &= {"sample_data"}  # the rest of its training is what `embedded_features` says
        _check_stand_ins(path, result, due)
    behind = divergence_behind(spec, layout) if run else None
    if (known and result.diverged != behind) or (result.diverged and result.values):
        what = "diverged" if result.diverged else "did not diverge"
        raise ReproError(
            f"this result says that the training {what}, which its values or the run's record contradict",
            where=path,
            remedy=MEASURE_ANEW,
        )


def _check_stand_ins(path: Path, result: Result, due: Iterable[StandIn]) -> None:
    hidden = {*due} - {*result.stand_ins}
    if hidden:
        raise ReproError(
            f"this result leaves out what stood in: {', '.join(sorted(hidden))}",
            where=path,
            remedy=MEASURE_ANEW,
        )
