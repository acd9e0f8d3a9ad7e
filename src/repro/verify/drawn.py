"""What is made from evaluations against the same made again, figures/ against what it was collected from.

A list of hashes beside a file says nothing against whoever changes both. So nothing here rests on one.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import sha256_file
from repro.core.manifest import MAKE, Stage, read_manifest
from repro.core.paths import Layout
from repro.core.scratch import scratch_folder
from repro.plan.batches import Batches
from repro.plan.cells import SettingCell
from repro.plan.plan import Plan
from repro.site.collect import TABLES
from repro.site.manifest import Manifest, hashes
from repro.verify.findings import Findings
from repro.verify.missing import COLLECT_ANEW, collected, foreign_files
from repro.verify.remake import ARCHITECTURES, Remade, remake, stages


def check_made(plan: Plan, batches: Batches, layout: Layout, figures: Path, found: Findings) -> None:
    """Check every file that is made from evaluations and logs, by making it again aside.

    A stage of which nothing is on disk is passed over, unless something was made from it. Where a problem was
    found before, nothing is made from what is damaged. Of an older plan's artefacts, and of what rests on
    them (cells.csv, costs, searches, report), nothing can be said before Snakemake has run.
    """
    if found.problems:
        return
    try:
        later = figures.is_dir() and _is_of(layout, collected(figures))
    except ReproError:
        later = False  # said when the folder is looked at
    wanted = []
    for stage in reversed(stages(plan, batches, layout)):
        if any(path.is_file() for path in stage.files(layout)) or (later and stage.needed):
            wanted.append(stage)
            later = later or stage.needed
        elif stage.needed:
            found.notes.append(f"not made yet: {stage.name}")
    wanted.reverse()
    older = [name for name in plan.cells if _is_older(plan, batches, layout, name)]
    if older:
        later = any(stage.name in older for stage in wanted)
        wanted = [
            stage
            for stage in wanted
            if stage.name == ARCHITECTURES or (stage.artefact and stage.name not in older)
        ]
        if later:
            message = "drawn for an older plan, what they ask for now is not made yet"
            found.problem(
                f"{', '.join(older)}: {message}; so what rests on them was not checked", layout.root, MAKE
            )
    if not wanted:
        return
    with scratch_folder(Path(tempfile.gettempdir()), "repro-verify-", private=True) as aside:
        for stage, remade in remake(wanted, layout, aside, found):
            _compare(layout, stage.what, stage.remedy, remade, found)
            if stage.artefact:
                found.count("artefacts")
    _foreign(plan, layout, found)


def _is_older(plan: Plan, batches: Batches, layout: Layout, artefact_id: str) -> bool:
    """Tell whether an artefact asks for a run or a measurement that the manifest of its batch does not list.

    A batch without a manifest is said elsewhere.
    """
    for cell in plan.cells[artefact_id]:
        asked: list[tuple[Stage, str, str]] = [
            ("evaluate", batches.evaluate_of[name], name) for name in cell.evaluations
        ]
        if isinstance(cell, SettingCell):
            asked += [("train", batches.train_of[run], run) for run in cell.runs]
        for stage, batch, member in asked:
            manifest = layout.batch(stage, batch)
            if manifest.is_file() and member not in read_manifest(manifest):
                return True
    return False


def _compare(layout: Layout, what: str, remedy: str, remade: Remade, found: Findings) -> None:
    """Compare what one stage made aside with what is on disk; files that it did not make are problems."""
    for name, sha256 in remade.files.items():
        path = layout.root / name
        if not path.is_file():
            found.problem(f"this file is missing, and what was made from it is there ({what})", path, remedy)
        elif sha256_file(path) != sha256:
            found.problem(f"this is not what {what}", path, remedy)
    for path in remade.besides:
        found.problem(f"this is not what {what}: no such file is made", path, f"delete it, then {remedy}")


def _foreign(plan: Plan, layout: Layout, found: Findings) -> None:
    """Note drawn files that belong to no artefact and no search of the plan."""
    known = {f"{folder}/{name}" for folder in ("artefacts", "cells") for name in plan.cells}
    known |= {f"searches/{name}" for name in plan.searches} | {"searches/summary"}
    for folder in ("artefacts", "cells", "searches"):
        for path in sorted((layout.root / folder).rglob("*")):
            stem = path.relative_to(layout.root).with_suffix("").as_posix()
            if path.is_file() and stem not in known:
                found.notes.append(f"stale (nothing of this plan, may be deleted): {path}")


def check_figures(layout: Layout, figures: Path, found: Findings) -> None:
    """Check the collected folder against the report and tables that it was collected from.

    A single artefact in it may be newer than the rest.
    """
    if not figures.exists():
        found.notes.append(f"{figures}: not collected yet")
        return
    before = len(found.problems)
    manifest = found.attempt(partial(collected, figures))
    if len(found.problems) > before:
        return
    source = layout
    if manifest is not None and not _is_of(layout, manifest):
        source = Layout(layout.results, Path(manifest.profile).name)
        found.notes.append(
            f"{figures}: collected from profile {source.profile}, not from {layout.profile}; "
            f"`repro verify --profile {source.profile}` checks what it was collected from"
        )
    expected = _collectable(source) if manifest is not None else {}
    on_disk = hashes(figures)
    for name, sha256 in on_disk.items():
        found.count(f"files in {figures}")
        if sha256 == expected.get(name):
            continue
        drawn = source.root / "artefacts" / name
        if drawn.is_file() and sha256_file(drawn) == sha256:
            found.notes.append(f"newer than the rest of {figures}: {name}")
        elif name in expected or drawn.is_file():
            owner = _owner(source, name, sha256)
            what = (
                f"profile {owner}'s, not {source.profile}'s" if owner else "not the file that a rule put here"
            )
            found.problem(f"this is {what}", figures / name, COLLECT_ANEW)
        else:
            found.problem("no rule made this file", figures / name, COLLECT_ANEW)
    for name in sorted(expected.keys() - on_disk.keys()):
        found.problem("this collected file is missing", figures / name, COLLECT_ANEW)
    if len(found.problems) == before:
        found.problems += foreign_files(figures)


def _owner(layout: Layout, name: str, sha256: str) -> str | None:
    """Return the profile that drew a file, None where none did."""
    drawn = (
        path for path in sorted(layout.results.glob(f"*/artefacts/{name}")) if sha256_file(path) == sha256
    )
    return next((path.relative_to(layout.results).parts[0] for path in drawn), None)


def _is_of(layout: Layout, manifest: Manifest | None) -> bool:
    return manifest is not None and manifest.profile == layout.profile


def _collectable(layout: Layout) -> dict[str, str]:
    """Return the hashes of what would be collected from a profile's results as they are."""
    tables = {name: layout.root / name for name in TABLES}
    return hashes(layout.root / "report") | {
        name: sha256_file(path) for name, path in tables.items() if path.is_file()
    }
