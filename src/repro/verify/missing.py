"""What jobs left behind against what is on disk, looked at each time that Snakemake starts; writes nothing.

Snakemake itself sees only the manifests of batches and the folder ``figures``, not the files behind them, and
a missing file is no reason for it as long as what was made from it is there. Imports no torch.
"""

from __future__ import annotations

import filecmp
from collections.abc import Iterator, Mapping
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


def find_missing(plan: Plan, batches: Batches, layout: Layout, figures: Path) -> dict[Path, str]:
    """Return the manifests, or ``figures``, that must be made again though they are there, and why.

    Making a batch again makes what is missing and keeps the rest. A manifest is also listed where it is
    missing itself and something was made from it.

    Args:
        plan: the profile's plan.
        batches: its batches.
        layout: the profile's folders.
        figures: the collected folder.

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
            if problems:
                more = f" and {len(problems) - 1} more of its batch" if problems[1:] else ""
                found[layout.batch(stage, batch.name)] = f"{problems[0].where}{more} is missing"
    if figures.exists() and not _whole(layout, figures, plan.artefact_ids()):
        found[figures] = f"{figures} does not hold all that this profile collects"
    return found


def is_other(layout: Layout, figures: Path, name: str) -> bool:
    """Return whether a single artefact in ``figures`` is another file than this profile has drawn.

    Args:
        layout: the profile's folders.
        figures: the collected folder.
        name: e.g. ``dat/table4.png``.
    """
    there, drawn = figures / name, layout.root / "artefacts" / name
    return there.is_file() and not (drawn.is_file() and filecmp.cmp(there, drawn, shallow=False))


def _lost_manifests(plan: Plan, batches: Batches, layout: Layout) -> Iterator[Path]:
    """Yield each missing manifest from which something was made."""
    made_from = {
        layout.batch("evaluate", batch.name): [layout.batch("train", name) for name in batch.needs]
        for batch in batches.evaluate.values()
    }
    for artefact, cells in plan.cells.items():
        wanted = {name for cell in cells for name in cell.evaluations + cell.subtracted}
        names = {batches.evaluate_of[name] for name in wanted}
        made_from[layout.entry(artefact)] = [layout.batch("evaluate", name) for name in sorted(names)]
    for made, manifests in made_from.items():
        if made.is_file():
            yield from (path for path in manifests if not path.is_file())


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
