"""What the manifests promise against what is on disk, looked at each time that Snakemake starts. Imports no torch.

Snakemake itself sees only the manifests of batches and the folder ``figures``, not the files that they stand for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import read_json, sha256_file
from repro.core.paths import Layout
from repro.evaluate.result import REMEDY as MEASURE_ANEW
from repro.papers.batching import Batch, Batches
from repro.papers.plan import Plan
from repro.report.collect import MANIFEST

TRAIN_ANEW = "delete the run's folder and run Snakemake again, which trains the run anew"
MAKE_ANEW = "delete it and run Snakemake again, which makes it anew"
MOVE_AWAY = "move it elsewhere; figures/ holds only what Snakemake collects"
ENDINGS = ("png", "pdf", "csv", "md", "tex")


def read_manifest(path: Path) -> dict[str, dict[str, str]]:
    """Return what one batch promises: hashes by member.

    Raises:
        ReproError: the manifest is missing, damaged, or no list of hashes.
    """
    content = read_json(path, remedy=MAKE_ANEW)
    if isinstance(content, dict) and all(isinstance(entry, dict) for entry in content.values()):
        return content
    raise ReproError("this manifest is no list of hashes", remedy=MAKE_ANEW, where=path)


def promised_file(
    layout: Layout, stage: str, member: str, entry: Mapping[str, str]
) -> tuple[Path, str | None]:
    """Return the file that a manifest of ``stage`` (train or evaluate) lists for a member, and its sha256."""
    if stage == "train":
        return layout.record(member), entry.get("record_sha256")
    return layout.evaluation(member), entry.get("sha256")


def broken_promises(plan: Plan, batches: Batches, layout: Layout, figures: Path) -> list[Path]:
    """Return the manifests that list files which are gone; without them Snakemake makes the files again.

    Args:
        plan: the profile's plan.
        batches: its batches.
        layout: the profile's folders.
        figures: the collected folder.

    Raises:
        ReproError: a file on disk is not the one that its manifest lists, or ``figures`` holds files that no rule
            made. Nothing is changed.
    """
    broken = []
    for stage, known in (("train", batches.train), ("evaluate", batches.evaluate)):
        for batch in known.values():
            path = layout.batch(stage, batch.name)
            if path.is_file() and not _kept(layout, stage, batch, path):
                broken.append(path)
    if figures.exists() and not _whole(layout, figures, plan.artefact_ids()) and layout.collected.is_file():
        broken.append(layout.collected)
    return broken


def _kept(layout: Layout, stage: str, batch: Batch, path: Path) -> bool:
    """Return whether all files are there that a manifest lists for the members that its batch still has."""
    manifest, kept = read_manifest(path), True
    for member in batch.members:
        if member in manifest:
            file, sha256 = promised_file(layout, stage, member, manifest[member])
            if not file.is_file():
                kept = False
            elif sha256_file(file) != sha256:
                raise differing(stage, file, path)
    return kept


def differing(stage: str, file: Path, manifest: Path) -> ReproError:
    """Return the error for a record or result that is not the one that its manifest lists."""
    what, remedy = ("record", TRAIN_ANEW) if stage == "train" else ("result", MEASURE_ANEW)
    return ReproError(f"this {what} is not the one that {manifest.name} lists", remedy=remedy, where=file)


def _whole(layout: Layout, figures: Path, artefacts: list[str]) -> bool:
    """Return whether ``figures`` holds all that this profile collected."""
    listed = collected_files(figures)
    for name in foreign_files(figures, listed, artefacts):
        raise ReproError("no rule made this file", remedy=MOVE_AWAY, where=figures / name)
    profile = read_json(figures / MANIFEST, remedy=MAKE_ANEW)["profile"] if listed else None
    return profile == layout.profile and all((figures / name).is_file() for name in listed)


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
        return content["files"]
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
