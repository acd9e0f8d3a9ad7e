"""Collects what a person opens into one folder: report, artefacts, cells, and a list of hashes."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import replacing, sha256_file
from repro.core.folders import replacing_folder, without_links
from repro.core.paths import Layout
from repro.site.manifest import Command, mark_single, require_written, write_manifest

COMMAND: Command = "repro collect"
TABLES = ("cells.csv", "claims.csv", "audit.csv", "cost.csv", "artefacts.json")


def collect(layout: Layout, into: Path) -> Path:
    """Copy report and artefacts of one profile to ``into`` and return its index.html.

    ``into`` then holds index.html (the report), ``<paper>/<artefact>.<ending>``, the tables behind them, and
    manifest.json: the profile and the sha256 of every other file. A folder that an earlier call made is
    replaced whole, after the new one is complete.

    Raises:
        ReproError: there is no report yet, it holds links, or ``into`` holds files that no earlier call is
            known to have written.
    """
    report = layout.root / "report"
    if not (report / "index.html").is_file():
        raise ReproError(
            "there is no report to collect",
            remedy=f"write it: repro report --profile {layout.profile}",
            where=report,
        )
    with replacing_folder(into, partial(require_written, command=COMMAND)) as fresh:
        for path in [*report.rglob("*"), *(layout.root / name for name in TABLES)]:
            without_links(layout.root, path)
        shutil.copytree(report, fresh, dirs_exist_ok=True)
        for name in TABLES:
            if (layout.root / name).is_file():
                shutil.copyfile(layout.root / name, fresh / name)
        write_manifest(fresh, COMMAND, layout.profile)
    return into / "index.html"


def collect_one(layout: Layout, name: str, into: Path) -> Path:
    """Copy one drawn file, e.g. ``dat/table4.png``, to ``into`` with a mark that it was put there; return it.

    Raises:
        ReproError: it has not been drawn, or another file is in its place.
    """
    source, target = layout.root / "artefacts" / name, into / name
    if not source.is_file():
        artefact = source.relative_to(layout.root / "artefacts").with_suffix("")
        remedy = f"draw it: repro draw {artefact} --profile {layout.profile}"
        raise ReproError(f"{name} has not been drawn", remedy=remedy, where=source)
    without_links(layout.root, source)
    if target.exists():
        require_written(into, COMMAND, only=name)
    mark_single(target, sha256_file(source))
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
    return target
