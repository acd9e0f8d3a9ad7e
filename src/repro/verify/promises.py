"""What the manifests promise against what is on disk, looked at each time that Snakemake starts.

Snakemake itself sees only the manifests of batches and the folder ``figures``, not the files behind them.
Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import atomic_write_text
from repro.core.manifest import STAGES, GoneError, Stage, check_listed, read_manifest
from repro.core.paths import Layout
from repro.plan.batches import Batch, Batches
from repro.plan.plan import Plan
from repro.site.collect import COMMAND
from repro.site.manifest import Manifest, not_written
from repro.site.manifest import read_manifest as read_collected

MOVE_AWAY = "move it elsewhere; figures/ holds only what Snakemake collects"
COLLECT_ANEW = "delete the folder and run Snakemake again, which collects it anew"


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
    for stage, known in zip(STAGES, (batches.train, batches.evaluate), strict=True):
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


def _lost_manifests(plan: Plan, batches: Batches, layout: Layout) -> Iterator[tuple[Stage, str, Path]]:
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


def check_manifest(layout: Layout, stage: Stage, batch: Batch) -> list[ReproError]:
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
        if member in manifest:
            try:
                check_listed(layout, stage, path, member, manifest[member])
            except ReproError as error:
                problems.append(error)
    return problems


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
