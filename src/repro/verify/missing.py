"""What jobs left behind against what is on disk, looked at each time that Snakemake starts; nothing is written.

Snakemake itself sees only the manifests of batches and the folder ``figures``, not the files behind them, and a
missing file is no reason for it as long as what was made from it is there. So each loss has a name of its own, a
file below ``remake/`` that the rule ``remake`` makes: as a new input of the rule whose files are missing, it runs
that rule again, which makes what is missing and keeps the rest. Imports no torch.
"""

from __future__ import annotations

import filecmp
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import read_json, sha256_file
from repro.core.manifest import MAKE_ANEW, STAGES, MissingError, check_members
from repro.core.paths import Layout
from repro.plan.batches import Batches
from repro.plan.plan import Plan
from repro.site.collect import MANIFEST

MOVE_AWAY = "move it elsewhere; figures/ holds only what Snakemake collects"
ENDINGS = ("png", "pdf", "csv", "md", "tex")


@dataclass(frozen=True)
class Remake:
    """What has to be made again, and what was.

    ``lines`` say what is missing, for people; ``notes`` hold the newest note of each rule's work by its name
    (``train/<batch>``, ``evaluate/<batch>``, ``figures/figures``), ones that are still to be made among them.
    """

    lines: list[str]
    notes: dict[str, Path]


def find_missing(plan: Plan, batches: Batches, layout: Layout, figures: Path) -> Remake:
    """Find out which files of finished batches and of ``figures`` are missing.

    Args:
        plan: the profile's plan.
        batches: its batches.
        layout: the profile's folders.
        figures: the collected folder.

    Raises:
        ReproError: a file on disk is not the one that its manifest lists, or ``figures`` holds files that no
            rule made.
    """
    lines, since = [], {}
    for stage, known in zip(STAGES, (batches.train, batches.evaluate), strict=True):
        for batch in known.values():
            problems = check_members(layout, stage, batch.name, batch.members)
            for problem in problems:
                if not isinstance(problem, MissingError):
                    raise problem
                lines.append(f"{problem.where} is missing; its batch is made again")
            if problems:
                since[f"{stage}/{batch.name}"] = layout.batch(stage, batch.name)
    since |= dict(_lost_manifests(plan, batches, layout))
    if figures.exists() and not _whole(layout, figures, plan.artefact_ids()):
        since["figures/figures"] = figures
        lines.append(f"{figures} does not hold all that this profile collects; made again when asked for")
    fresh = {work: _note(layout, work, path) for work, path in since.items()}
    return Remake(lines, _older_notes(layout) | fresh)


def note_of_single(layout: Layout, figures: Path, name: str) -> Path | None:
    """Return the note to make where a single artefact in ``figures`` is not what this profile has drawn.

    Args:
        layout: the profile's folders.
        figures: the collected folder.
        name: e.g. ``dat/table4.png``.
    """
    there, drawn = figures / name, layout.root / "artefacts" / name
    if not there.is_file() or (drawn.is_file() and filecmp.cmp(there, drawn, shallow=False)):
        return None
    return _note(layout, f"figures/{name}", there)


def _note(layout: Layout, work: str, since: Path) -> Path:
    """Name a loss by when what it was found in was last written, which making it again changes."""
    return layout.remake / f"{work}.{since.stat().st_mtime_ns}"


def _older_notes(layout: Layout) -> dict[str, Path]:
    """Return the newest note of each work that was made again before."""
    newest: dict[str, Path] = {}
    notes = [path for path in layout.remake.rglob("*") if path.suffix[1:].isdigit()]
    for path in sorted(notes, key=lambda path: int(path.suffix[1:])):
        newest[path.relative_to(layout.remake).with_suffix("").as_posix()] = path
    return newest


def _lost_manifests(plan: Plan, batches: Batches, layout: Layout) -> Iterator[tuple[str, Path]]:
    """Yield stage and batch of each missing manifest from which something was made, and what was made."""
    for batch in batches.evaluate.values():
        made = layout.batch("evaluate", batch.name)
        for name in batch.needs if made.is_file() else ():
            if not layout.batch("train", name).is_file():
                yield f"train/{name}", made
    for artefact, cells in plan.cells.items():
        made = layout.entry(artefact)
        for cell in cells if made.is_file() else ():
            for evaluation in cell.evaluations + cell.subtracted:
                name = batches.evaluate_of[evaluation]
                if not layout.batch("evaluate", name).is_file():
                    yield f"evaluate/{name}", made


def _whole(layout: Layout, figures: Path, artefacts: list[str]) -> bool:
    """Return whether ``figures`` holds all that was collected, from this profile."""
    listed = collected_files(figures)
    for name in foreign_files(figures, listed, artefacts):
        raise ReproError("no rule made this file", remedy=MOVE_AWAY, where=figures / name)
    if listed and read_json(figures / MANIFEST, remedy=MAKE_ANEW)["profile"] != layout.profile:
        return False
    return bool(listed) and all(_as_collected(figures, name, sha256) for name, sha256 in listed.items())


def _as_collected(figures: Path, name: str, sha256: str) -> bool:
    """Return whether a collected file is there; one written later (a single artefact) must be the same."""
    path = figures / name
    if not path.is_file():
        return False
    later = path.stat().st_mtime_ns > (figures / MANIFEST).stat().st_mtime_ns
    return not later or sha256_file(path) == sha256


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
