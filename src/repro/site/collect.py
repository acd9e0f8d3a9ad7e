"""Collects what a person opens into one folder: report, artefacts, cells, and a list of hashes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import atomic_write_json, sha256_file
from repro.core.paths import Layout

MANIFEST = "manifest.json"
TABLES = ("cells.csv", "claims.csv", "audit.csv", "cost.csv", "artefacts.json")


def collect(layout: Layout, into: Path) -> Path:
    """Copy report and artefacts of one profile to ``into`` and return its index.html.

    ``into`` then holds index.html (the report), ``<paper>/<artefact>.<ending>``, the tables behind them, and
    manifest.json: the profile and the sha256 of every other file. A folder that an earlier call made is
    replaced whole, after the new one is complete.

    Raises:
        ReproError: there is no report yet, or ``into`` holds files that no earlier call made.
    """
    report = layout.root / "report"
    if not (report / "index.html").is_file():
        raise ReproError(
            "there is no report to collect",
            remedy=f"write it: repro report --profile {layout.profile}",
            where=report,
        )
    if into.is_dir() and any(into.iterdir()) and not _is_ours(into):
        raise ReproError(
            "the folder holds files that no rule made",
            remedy="move it away or name another folder with --into",
            where=into,
        )
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{into.name}-", dir=into.parent) as temporary:
        fresh = Path(temporary) / into.name
        shutil.copytree(report, fresh)
        for name in TABLES:
            if (layout.root / name).is_file():
                shutil.copyfile(layout.root / name, fresh / name)
        atomic_write_json(fresh / MANIFEST, {"profile": layout.profile, "files": hashes(fresh)})
        if into.exists():
            shutil.rmtree(into)
        fresh.replace(into)
    return into / "index.html"


def hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file below ``folder`` by relative path, sorted.

    The manifest itself and hidden files (Snakemake leaves one) are passed over.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: sha256_file(path) for name, path in names.items() if name != MANIFEST}


def _is_ours(folder: Path) -> bool:
    """Return whether ``folder`` was collected, or holds only single artefacts that Snakemake copied."""
    if (folder / MANIFEST).is_file():
        return True
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return all(path.parent.parent == folder and path.name.startswith(("table", "figure")) for path in paths)
