"""Manifests: what a batch of jobs left behind, hashes by member. The one place that writes and reads them.

A manifest of the stage ``train`` lists each run's record, one of ``evaluate`` each result. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from repro.core.errors import ReproError
from repro.core.files import atomic_write_json, read_model, sha256_file
from repro.core.paths import Layout
from repro.core.spec import Frozen

Stage = Literal["train", "evaluate"]
STAGES: tuple[Stage, ...] = ("train", "evaluate")
MAKE = "run Snakemake, which makes what is missing"
MAKE_ANEW = "delete it and run Snakemake again, which makes it anew"
TRAIN_ANEW = "delete the run's folder and run Snakemake (or repro train) again, which trains the run anew"
MEASURE_ANEW = "delete it and run Snakemake again, which measures it anew"


class MissingError(ReproError):
    """A file that a manifest lists is not there; running Snakemake makes it again."""


class _Entry(Frozen):
    sha256: str


def write_manifest(path: Path, layout: Layout, stage: Stage, members: Iterable[str]) -> None:
    """Write the manifest of a finished batch, all of whose files are there."""
    files = {member: _file(layout, stage, member) for member in members}
    atomic_write_json(path, {member: {"sha256": sha256_file(file)} for member, file in files.items()})


def read_manifest(path: Path, make: str = MAKE) -> dict[str, str]:
    """Return the hashes that one batch lists, by member; ``make`` is the remedy where it is missing.

    Raises:
        ReproError: the manifest is missing, damaged, or no list of hashes.
    """
    entries = read_model(path, dict[str, _Entry], remedy=MAKE_ANEW if path.exists() else make)
    return {member: entry.sha256 for member, entry in entries.items()}


def forget(layout: Layout, stage: Stage, member: str) -> None:
    """Remove each manifest that lists a member whose file is about to change; Snakemake makes it anew.

    Raises:
        ReproError: a manifest is damaged.
    """
    for path in sorted((layout.root / "batches" / stage).glob("*.json")):
        if member in read_manifest(path):
            path.unlink(missing_ok=True)


def listed_file(layout: Layout, stage: Stage, batch: str, member: str, make: str = MAKE) -> Path:
    """Return the file of one member, which is the one that the batch's manifest lists.

    ``make`` is the remedy where something is missing.

    Raises:
        MissingError: it is missing.
        ReproError: there is no such manifest, or the file is not the one that it lists.
    """
    path = layout.batch(stage, batch)
    return check_listed(layout, stage, path, member, read_manifest(path, make).get(member), make)


def check_listed(
    layout: Layout, stage: Stage, manifest: Path, member: str, sha256: str | None, make: str = MAKE
) -> Path:
    """Return the file of one member if it has the hash that ``manifest`` lists; errors as above."""
    file = _file(layout, stage, member)
    if sha256 is None:
        message = f"{manifest.name} does not list {member}: it is of an older plan"
        raise MissingError(message, remedy=make, where=manifest)
    if not file.is_file():
        raise MissingError(f"{manifest.name} lists this file, which is missing", remedy=make, where=file)
    if sha256_file(file) != sha256:
        what, anew = ("record", TRAIN_ANEW) if stage == "train" else ("result", MEASURE_ANEW)
        listed = f"delete {manifest} and run Snakemake again, which checks and lists it"
        remedy = f"if you put it here yourself, {listed}; else {anew}"
        raise ReproError(f"this {what} is not the one that {manifest.name} lists", remedy=remedy, where=file)
    return file


def check_members(layout: Layout, stage: Stage, batch: str, members: Iterable[str]) -> list[ReproError]:
    """Return what is wrong with the files that a batch's manifest lists; nothing where it is not written yet.

    Members that the manifest does not list are passed over: the plan has changed; the batch is made again.
    """
    path = layout.batch(stage, batch)
    if not path.is_file():
        return []
    try:
        manifest = read_manifest(path)
    except ReproError as error:
        return [error]
    problems: list[ReproError] = []
    for member in members:
        if member in manifest:
            try:
                check_listed(layout, stage, path, member, manifest[member])
            except ReproError as error:
                problems.append(error)
    return problems


def _file(layout: Layout, stage: Stage, member: str) -> Path:
    return layout.record(member) if stage == "train" else layout.evaluation(member)
