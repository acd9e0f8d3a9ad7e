"""Collects what a person opens into one folder: report, artefacts, cells, and a list of hashes."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import replacing, sha256_file
from repro.core.folders import replacing_folder, without_links
from repro.core.paths import Layout
from repro.site.attachments import drawn, files_of
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


def collect_one(layout: Layout, artefact_id: str, into: Path) -> Path:
    """Copy all files of one artefact (``dat/table4``) to ``into``, each with a mark that it was put there.

    Returns:
        The folder of its paper.

    Raises:
        ReproError: it has not been drawn, or another file is in the place of one.
    """
    sources = files_of(drawn(layout, artefact_id))
    folder = (into / artefact_id).parent
    for source in sources:
        without_links(layout.root, source)
        if (folder / source.name).exists():
            require_written(into, COMMAND, only=f"{folder.name}/{source.name}")
    for source in sources:
        mark_single(folder / source.name, sha256_file(source))
        with replacing(folder / source.name) as temporary:
            shutil.copyfile(source, temporary)
    return folder
