"""Publishes a finished profile: its small files (cells, tables, plots, logs, provenance), no weights."""

from __future__ import annotations

import glob
import gzip
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from repro.core.errors import ReproError
from repro.core.folders import replacing_folder, without_links
from repro.core.paths import Layout
from repro.jobs.publication import RUNS, unpack
from repro.judge.artefacts import read_artefacts
from repro.site.attachments import ENDINGS, files_of
from repro.site.html import slug
from repro.site.manifest import Command, read_manifest, require_written, write_manifest
from repro.site.one_state import require_one_state
from repro.site.stored import read_stored

COMMAND: Command = "repro publish"
TABLES = ("cells.csv", "claims.csv", "audit.csv", "artefacts.json")


def publish(layout: Layout, into: Path | None = None) -> Path:
    """Copy the small files of a profile's results to ``results/published/<profile>-<device>/``.

    Where some of its runs are published already with the same checkpoints, that folder keeps its name,
    whatever device most ran on. A repetition, whose runs have other checkpoints, is another publication.

    Records of runs become lines of ``runs.jsonl``, results of evaluations of ``evaluations.jsonl``, logs of
    ``logs.jsonl.gz`` (``results/published/README.md`` says how to read them). Checkpoints, snapshots and
    pictures of data set images stay where they are. An earlier publication there is replaced whole, after the
    new one is complete; one of runs that the profile no longer has is left.

    Args:
        layout: the profile's folders, with cells.csv written.
        into: the folder to make, where another one is wanted.

    Returns:
        The folder.

    Raises:
        ReproError: the profile has no cells or no finished run yet, a file of it is damaged or a link, or the
            folder holds other runs, other trainings of these runs, or what no earlier call is known to have
            written.
    """
    if not layout.cells.is_file():
        raise ReproError(
            "this profile has no cells yet",
            where=layout.cells,
            remedy=f"run `snakemake --cores all figures/ --config profile={layout.profile}` first",
        )
    for pattern in ("runs/*/run.json", "evaluations/*.json"):
        for path in layout.root.glob(pattern):
            without_links(layout.root, path)
    stored = read_stored(layout)
    for run_id in stored.records:
        without_links(layout.root, layout.log(run_id))
    if not stored.records:
        raise ReproError(
            "this profile has no finished run", where=layout.root / "runs", remedy="run Snakemake first"
        )
    records = [*stored.records.values()]
    require_one_state(layout, stored)
    target = into or _target(layout, records)
    _require_same_results(target, records)
    _require_same_searches(target, layout)
    with replacing_folder(target, partial(require_written, command=COMMAND)) as fresh:
        for path in _small_files(layout):
            if not path.exists():
                remedy = f"write it: repro cells --profile {layout.profile}"
                raise ReproError(f"{path.name} is missing", remedy=remedy, where=path)
            copy = fresh / path.relative_to(layout.root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(without_links(layout.root, path), copy)
        write_lines(fresh / RUNS, records)
        results = ({"evaluation_id": name, **result} for name, result in stored.results.items())
        write_lines(fresh / "evaluations.jsonl", results)
        logs = ({"run_id": name, **line} for name, log in stored.logs.items() for line in log)
        write_packed(fresh / "logs.jsonl.gz", logs)
        write_manifest(fresh, COMMAND, layout.profile)
    return target


def _target(layout: Layout, records: Sequence[Mapping[str, Any]]) -> Path:
    """Return the folder of this profile that holds some of these trainings, else that of most runs' device.

    Which device that is may change with later runs; they are published in one place all the same.
    """
    folder, ours = layout.results / "published", _checkpoints(records)
    for path in sorted(folder.glob(f"{glob.escape(layout.profile)}-*/{RUNS}")):
        manifest = read_manifest(path.parent, remedy="restore it from git")
        if manifest is None or manifest.profile != layout.profile:
            continue
        theirs = _checkpoints(unpack(path))
        if ours.keys() & theirs.keys() and not _trained_anew(ours, theirs):
            return path.parent
    return folder / f"{layout.profile}-{_device(records)}"


def _checkpoints(records: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """Return the hash of each run's checkpoint, by which two trainings of one run are told apart."""
    return {record["run_id"]: record.get("checkpoint_sha256") for record in records}


def _trained_anew(ours: Mapping[str, str | None], theirs: Mapping[str, str | None]) -> list[str]:
    """Return the runs that both have, trained to other checkpoints."""
    return sorted(run for run in ours.keys() & theirs.keys() if ours[run] != theirs[run])


def _require_same_results(target: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Check that no training is lost with an earlier publication.

    Raises:
        ReproError: it holds runs that are not among ``records``, or these runs with other checkpoints.
    """
    path = target / RUNS
    if not path.is_file():
        return
    ours, theirs = _checkpoints(records), _checkpoints(unpack(path))
    if lost := theirs.keys() - ours.keys():
        raise ReproError(
            f"{len(lost)} runs are published there that this profile no longer has, {min(lost)} for one; "
            "the folder is left as it is",
            remedy="keep it under another name (git mv), name another folder with --into, or delete it",
            where=target,
        )
    if anew := _trained_anew(ours, theirs):
        raise ReproError(
            f"{len(anew)} runs are published there that were trained to other checkpoints, {anew[0]} for "
            "one: these results repeat those and are no later state of them; the folder is left as it is",
            remedy=f"publish beside it, --into {target.with_name(target.name + '-again')}, and compare the "
            "two (repro compare); where these shall replace it, delete it first (git rm -r)",
            where=path,
        )


def _require_same_searches(target: Path, layout: Layout) -> None:
    """Check that no search's table is lost with an earlier publication.

    Raises:
        ReproError: it holds tables that this profile has not drawn.
    """
    theirs, ours = (
        {path.relative_to(root) for path in (root / "searches").rglob("*.csv")}
        for root in (target, layout.root)
    )
    if lost := theirs - ours:
        raise ReproError(
            f"{len(lost)} tables of searches are published there that this profile has not drawn, "
            f"{min(lost)} for one; the folder is left as it is",
            remedy=f"draw them: snakemake --cores all search --config profile={layout.profile}; those of a "
            "search that is no longer planned are deleted there (git rm)",
            where=target,
        )


def write_lines(path: Path, values: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line; numbers have all digits that they had."""
    path.write_text("".join(map(_line, values)), encoding="utf-8", newline="\n")


def write_packed(path: Path, values: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line, compressed; the same lines give the same bytes."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        for value in values:
            packed.write(_line(value).encode())


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"


def _small_files(layout: Layout) -> Iterator[Path]:
    """Yield what is copied as it is: tables, costs, drawn artefacts, searches."""
    yield from (layout.root / name for name in TABLES)
    yield from files_of(layout.root / "cost")
    for artefact in read_artefacts(layout.root / "artefacts.json").artefacts:
        yield from files_of(layout.artefact(artefact.paper, artefact.name))
    for path in sorted((layout.root / "searches").rglob("*")):
        if path.is_symlink() or path.suffix in ENDINGS:
            yield path


def _device(records: Sequence[Mapping[str, Any]]) -> str:
    """Name the device that most of the runs were trained on, as part of a file name."""
    names = [record["sessions"][-1]["device"] for record in records]
    return slug(max(sorted(set(names)), key=names.count))
