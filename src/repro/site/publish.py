"""Publishes a finished profile: its small files (cells, tables, plots, logs, provenance), no weights."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.site.attachments import ENDINGS, files_of

TABLES = ("cells.csv", "claims.csv", "audit.csv", "artefacts.json")


def publish(layout: Layout, into: Path | None = None) -> Path:
    """Copy the small files of a profile's results to ``results/published/<profile>-<device>/``.

    Checkpoints, snapshots and pictures of data set images stay where they are. An earlier publication of the
    same profile and device is replaced.

    Args:
        layout: the profile's folders, with cells.csv written.
        into: the folder to make, where another one is wanted.

    Returns:
        The folder.

    Raises:
        ReproError: the profile has no cells or no finished run yet.
    """
    if not layout.cells.is_file():
        raise ReproError(
            "this profile has no cells yet",
            where=layout.cells,
            remedy=f"run `snakemake --cores all figures/ --config profile={layout.profile}` first",
        )
    records = sorted((layout.root / "runs").glob("*/run.json"))
    if not records:
        raise ReproError(
            "this profile has no finished run", where=layout.root / "runs", remedy="run Snakemake first"
        )
    target = into or layout.results / "published" / f"{layout.profile}-{_device(records)}"
    shutil.rmtree(target, ignore_errors=True)
    for name in TABLES:
        _copy(layout.root / name, target / name)
    for path in files_of(layout.root / "cost"):
        _copy(path, target / path.name)
    for folder in ("artefacts", "searches"):
        for path in sorted((layout.root / folder).rglob("*")):
            if path.suffix in ENDINGS:
                _copy(path, target / path.relative_to(layout.root))
    for record in records:
        for path in (record, record.with_name("metrics.jsonl")):
            _copy(path, target / path.relative_to(layout.root))
    for path in sorted((layout.root / "evaluations").glob("*.json")):
        _copy(path, target / path.relative_to(layout.root))
    return target


def _device(records: list[Path]) -> str:
    """Name the device that most of the runs were trained on, as part of a file name."""
    names = [json.loads(path.read_text(encoding="utf-8"))["sessions"][-1]["device"] for path in records]
    name = max(sorted(set(names)), key=names.count)
    return re.sub(r"[^a-z0-9]+", "-", str(name).lower()).strip("-")


def _copy(source: Path, target: Path) -> None:
    """Copy one file, making its folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
