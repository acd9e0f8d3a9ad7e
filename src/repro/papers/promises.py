"""What the manifests promise against what is on disk, looked at each time that Snakemake starts.

Snakemake itself sees only the manifests of batches and the folder ``figures``, not the files behind them.
Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import atomic_write_text, read_json, sha256_file
from repro.core.paths import Layout
from repro.evaluate.result import REMEDY as MEASURE_ANEW
from repro.papers.batching import Batch, Batches
from repro.papers.plan import Plan
from repro.report.collect import COMMAND
from repro.report.manifest import Manifest, not_written
from repro.report.manifest import read_manifest as read_collected

TRAIN_ANEW = "delete the run's folder and run Snakemake again, which trains the run anew"
MAKE_ANEW = "delete it and run Snakemake again, which makes it anew"
MOVE_AWAY = "move it elsewhere; figures/ holds only what Snakemake collects"
COLLECT_ANEW = "delete the folder and run Snakemake again, which collects it anew"


def read_manifest(path: Path) -> dict[str, dict[str, str]]:
    """Return what one batch promises: hashes by member.

    Raises:
        ReproError: the manifest is missing, damaged, or no list of hashes.
    """
    content = read_json(path, remedy=MAKE_ANEW)
    if isinstance(content, dict) and all(isinstance(entry, dict) for entry in content.values()):
        return content
    raise ReproError("this manifest is no list of hashes", remedy=MAKE_ANEW, where=path)


def promised_file(
    layout: Layout, stage: str, member: str, entry: Mapping[str, str]
) -> tuple[Path, str | None]:
    """Return the file that a manifest of ``stage`` (train or evaluate) lists for a member, and its sha256."""
    if stage == "train":
        return layout.record(member), entry.get("record_sha256")
    return layout.evaluation(member), entry.get("sha256")


def note_gone(plan: Plan, batches: Batches, layout: Layout, figures: Path) -> list[str]:
    """Note which promised files are gone, in files that the batches' rules read; return a line for each.

    A note (``<batch>.gone`` beside the manifest) is an input of the batch's rule, so that a new one makes
    Snakemake run the batch again, which makes what is missing and keeps the rest; likewise for ``figures``.
    Without it, a missing file is no reason for Snakemake as long as what was made from it is there.

    Args:
        plan: the profile's plan.
        batches: its batches.
        layout: the profile's folders.
        figures: the collected folder.

    Raises:
        ReproError: a file on disk is not the one that its manifest lists, or ``figures`` holds files that no
            rule made. Nothing is changed then.
    """
    lines, notes = [], {}
    for stage, known in (("train", batches.train), ("evaluate", batches.evaluate)):
        for batch in known.values():
            problems = check_manifest(layout, stage, batch)
            for problem in problems:
                if not isinstance(problem, GoneError):
                    raise problem
            if problems:
                manifest = layout.batch(stage, batch.name)
                text = "".join(f"{problem.where}\n" for problem in problems)
                notes[layout.gone(stage, batch.name)] = f"since {manifest.stat().st_mtime_ns}\n{text}"
                lines += [f"{problem.where} is gone; its batch is made again" for problem in problems]
    for stage, name, since in _lost_manifests(plan, batches, layout):
        notes[layout.gone(stage, name)] = f"since {since.stat().st_mtime_ns}\n{layout.batch(stage, name)}\n"
    if figures.exists() and not _whole(layout, figures):
        notes[layout.gone("figures", "figures")] = f"since {figures.stat().st_mtime_ns}\n"
        lines.append(f"{figures} does not hold all that this profile collects; made again when asked for")
    for path, text in notes.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            atomic_write_text(path, text)
    return lines


def _lost_manifests(plan: Plan, batches: Batches, layout: Layout) -> Iterator[tuple[str, str, Path]]:
    """Yield stage and batch of each missing manifest from which something was made, and what was made."""
    for batch in batches.evaluate.values():
        made = layout.batch("evaluate", batch.name)
        for name in batch.needs if made.is_file() else ():
            if not layout.batch("train", name).is_file():
                yield "train", name, made
    for artefact, cells in plan.cells.items():
        made = layout.entry(artefact)
        for cell in cells if made.is_file() else ():
            for evaluation in cell.evaluations + cell.subtracted:
                name = batches.evaluate_of[evaluation]
                if not layout.batch("evaluate", name).is_file():
                    yield "evaluate", name, made


class GoneError(ReproError):
    """A file that a manifest lists is not there; running Snakemake makes it again."""


def check_manifest(layout: Layout, stage: str, batch: Batch) -> list[ReproError]:
    """Return what is wrong with the files that a batch's manifest lists; nothing where it is not written yet.

    Members that the batch no longer has are passed over: the plan has changed, and the batch is made again.
    """
    path = layout.batch(stage, batch.name)
    if not path.is_file():
        return []
    try:
        manifest = read_manifest(path)
    except ReproError as error:
        return [error]
    problems: list[ReproError] = []
    for member in batch.members:
        if member not in manifest:
            continue
        file, sha256 = promised_file(layout, stage, member, manifest[member])
        if not file.is_file():
            remedy = "run Snakemake, which makes it again"
            problems.append(
                GoneError(f"{path.name} lists this file, which is gone", remedy=remedy, where=file)
            )
        elif sha256_file(file) != sha256:
            problems.append(differing(stage, file, path))
    return problems


def differing(stage: str, file: Path, manifest: Path) -> ReproError:
    """Return the error for a record or result that is not the one that its manifest lists."""
    what, remedy = ("record", TRAIN_ANEW) if stage == "train" else ("result", MEASURE_ANEW)
    return ReproError(f"this {what} is not the one that {manifest.name} lists", remedy=remedy, where=file)


def _whole(layout: Layout, figures: Path) -> bool:
    """Return whether ``figures`` holds all that was collected."""
    manifest = collected(figures)
    for error in foreign_files(figures):
        raise error
    if manifest is not None and manifest.profile != layout.profile:
        return True  # another profile's; Snakemake sees that the inputs are others
    return manifest is not None and all((figures / name).is_file() for name in manifest.files)


def collected(figures: Path) -> Manifest | None:
    """Return what a collected folder lists, None where it was not collected.

    Raises:
        ReproError: its manifest is damaged, or it is no folder.
    """
    if not figures.is_dir():
        raise ReproError("this is not a folder", remedy=MOVE_AWAY, where=figures)
    return read_collected(figures, remedy=COLLECT_ANEW)


def foreign_files(figures: Path) -> Iterator[ReproError]:
    """Yield an error for each file in ``figures`` that no rule put there, or that was changed since.

    Snakemake would delete them with the folder when it collects anew.
    """
    for name, listed in not_written(figures, COMMAND, remedy=COLLECT_ANEW):
        message = "this is not the file that a rule put here" if listed else "no rule made this file"
        yield ReproError(message, remedy=MOVE_AWAY, where=figures / name)
