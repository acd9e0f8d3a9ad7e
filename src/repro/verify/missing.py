"""What jobs left behind against what is on disk, looked at each time that Snakemake starts; writes nothing.

Snakemake itself sees only the manifests of batches and the folder ``figures``, not the files behind them, and
a missing file is no reason for it as long as what was made from it is there. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import sha256_file
from repro.core.manifest import STAGES, MissingError, check_members, read_manifest
from repro.core.paths import Layout
from repro.plan.batches import Batches
from repro.plan.plan import Plan
from repro.site.attachments import files_of
from repro.site.collect import COMMAND
from repro.site.manifest import MANIFEST, Manifest, not_written
from repro.site.manifest import read_manifest as read_collected
from repro.verify.data_sets import changed_data

MOVE_AWAY = "move it elsewhere; figures/ holds only what Snakemake collects"
COLLECT_ANEW = "delete the folder and run Snakemake again, which collects it anew"


def find_missing(
    plan: Plan, batches: Batches, layout: Layout, figures: Path, data_root: Path | None = None
) -> dict[Path, str]:
    """Return the manifests, records of data sets, or ``figures``, that must be made again, and why.

    Making a batch again makes what is missing and keeps the rest. A manifest is also listed where it is
    missing itself and something was made from it, or lacks a member of today's plan.

    Args:
        plan: the profile's plan.
        batches: its batches.
        layout: the profile's folders.
        figures: the collected folder.
        data_root: folder of the real data sets; where it is not at hand, nothing is asked of them.

    Raises:
        ReproError: a file on disk is not the one that its manifest lists, or ``figures`` holds files that no
            rule made.
    """
    found = {path: f"{path} is missing" for path in _lost_manifests(plan, batches, layout)}
    for stage, known in zip(STAGES, (batches.train, batches.evaluate), strict=True):
        for batch in known.values():
            problems = check_members(layout, stage, batch.name, batch.members)
            for problem in problems:
                if not isinstance(problem, MissingError):
                    raise problem
            manifest = layout.batch(stage, batch.name)
            if problems:
                more = f" and {len(problems) - 1} more of its batch" if problems[1:] else ""
                found[manifest] = f"{problems[0].where}{more} is missing"
            elif manifest.is_file() and (new := {*batch.members} - read_manifest(manifest).keys()):
                # Snakemake sees a changed plan only where it remembers to have made this very path
                found[manifest] = f"{manifest} is of an older plan, without {min(new)}"
    found |= changed_data(plan, batches, layout, data_root)
    if figures.exists() and not _whole(layout, figures):
        found[figures] = f"{figures} does not hold all that this profile collects"
    return found


def is_other(layout: Layout, figures: Path, artefact_id: str) -> bool:
    """Return whether a single artefact in ``figures`` has other files than this profile has drawn.

    Args:
        layout: the profile's folders.
        figures: the collected folder.
        artefact_id: e.g. ``dat/table4``.
    """
    there, drawn = files_of(figures / artefact_id), files_of(layout.root / "artefacts" / artefact_id)
    ours, theirs = ({path.name: sha256_file(path) for path in paths} for paths in (there, drawn))
    return bool(ours) and ours != theirs  # without any Snakemake sees that itself


def _lost_manifests(plan: Plan, batches: Batches, layout: Layout) -> Iterator[Path]:
    """Yield each missing manifest from which something was made."""
    made_from = {
        layout.batch("evaluate", batch.name): [layout.batch("train", name) for name in batch.needs]
        for batch in batches.evaluate.values()
    }
    for artefact, cells in plan.cells.items():
        wanted = {name for cell in cells for name in cell.evaluations}
        names = {batches.evaluate_of[name] for name in wanted}
        made_from[layout.entry(artefact)] = [layout.batch("evaluate", name) for name in sorted(names)]
    for made, manifests in made_from.items():
        if made.is_file():
            yield from (path for path in manifests if not path.is_file())


def _whole(layout: Layout, figures: Path) -> bool:
    """Return whether ``figures`` holds all that was collected, from this profile."""
    manifest = collected(figures)
    for error in foreign_files(figures):
        raise error
    if manifest is None or manifest.profile != layout.profile:
        return False
    return all(_as_collected(figures, name, sha256) for name, sha256 in manifest.files.items())


def _as_collected(figures: Path, name: str, sha256: str) -> bool:
    """Return whether a collected file is there; one written later (a single artefact) must be the same."""
    path = figures / name
    if not path.is_file():
        return False
    later = path.stat().st_mtime_ns > (figures / MANIFEST).stat().st_mtime_ns
    return not later or sha256_file(path) == sha256


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
