"""What the manifests promise against what is on disk, looked at each time that Snakemake starts.

Snakemake itself sees only the manifests of batches and the folder ``figures``, not the files behind them.
Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import atomic_write_text, read_json
from repro.core.manifest import MAKE_ANEW, STAGES, GoneError, Stage, check_listed, read_manifest
from repro.core.paths import Layout
from repro.plan.batches import Batch, Batches
from repro.plan.plan import Plan
from repro.site.collect import MANIFEST

MOVE_AWAY = "move it elsewhere; figures/ holds only what Snakemake collects"
ENDINGS = ("png", "pdf", "csv", "md", "tex")


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
    if figures.exists() and not _whole(layout, figures, plan.artefact_ids()):
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


def _whole(layout: Layout, figures: Path, artefacts: list[str]) -> bool:
    """Return whether ``figures`` holds all that was collected."""
    listed = collected_files(figures)
    for name in foreign_files(figures, listed, artefacts):
        raise ReproError("no rule made this file", remedy=MOVE_AWAY, where=figures / name)
    if listed and read_json(figures / MANIFEST, remedy=MAKE_ANEW)["profile"] != layout.profile:
        return True  # another profile's; Snakemake sees that the inputs are others
    return bool(listed) and all((figures / name).is_file() for name in listed)


def collected_files(figures: Path) -> dict[str, str]:
    """Return the hashes by name that a collected folder lists; nothing where it was not collected.

    Raises:
        ReproError: its manifest is damaged, or it is no folder.
    """
    if not figures.is_dir():
        raise ReproError("this is not a folder", remedy=MOVE_AWAY, where=figures)
    path = figures / MANIFEST
    if not path.is_file():
        return {}
    content = read_json(path, remedy="delete the folder and run Snakemake again, which collects it anew")
    if isinstance(content, dict) and isinstance(content.get("files"), dict) and "profile" in content:
        return dict(content["files"])
    raise ReproError("this is no list of collected files", remedy="delete the folder", where=path)


def foreign_files(figures: Path, listed: Mapping[str, str], artefacts: list[str]) -> Iterator[str]:
    """Yield the names in ``figures`` that are neither listed nor an artefact's.

    Hidden files are passed over (Snakemake leaves one), and single artefacts may lie there without a list.
    """
    singles = {f"{name}.{ending}" for name in artefacts for ending in ENDINGS}
    for path in sorted(figures.rglob("*")):
        name = path.relative_to(figures).as_posix()
        if path.is_file() and not path.name.startswith(".") and name not in {MANIFEST, *listed, *singles}:
            yield name
