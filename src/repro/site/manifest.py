"""The list of hashes in each folder that is made for people, by which a later call knows it for its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from repro.core.errors import ReproError
from repro.core.files import atomic_write_json, read_json, read_model, sha256_file
from repro.core.spec import Frozen

MANIFEST = "manifest.json"
TIMESTAMP = ".snakemake_timestamp"  # Snakemake's own, in every folder that is an output
LEFT_BY_DESKTOPS = {".DS_Store", ".directory"}  # macOS, KDE
_MARK = ".sha256"  # ends the hidden file beside a single artefact

Command = Literal["repro collect", "repro publish", "repro report", "repro export"]


class Manifest(Frozen):
    """What made a folder, of which profile, and the sha256 of every other file in it by relative path."""

    command: Command
    profile: str
    files: dict[str, str]


def write_manifest(folder: Path, command: Command, profile: str) -> None:
    """Write the manifest of a folder that is complete."""
    made = Manifest(command=command, profile=profile, files=hashes(folder))
    atomic_write_json(folder / MANIFEST, made.model_dump(mode="json"))


def read_manifest(folder: Path, *, remedy: str) -> Manifest | None:
    """Return the manifest of ``folder``, None where it has none.

    Raises:
        ReproError: it is damaged, or another program's.
    """
    path = folder / MANIFEST
    return read_model(path, Manifest, remedy=remedy) if path.is_file() else None


def hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file below ``folder`` by relative path, sorted.

    The manifest itself and hidden files are passed over.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: sha256_file(path) for name, path in names.items() if name != MANIFEST}


def mark_single(path: Path, sha256: str) -> None:
    """Note beside a single artefact, before it is put there, what it will be; what it is now stays known."""
    now = [sha256_file(path)] if path.is_file() else []
    atomic_write_json(_mark_of(path), [sha256, *now])


def not_written(folder: Path, command: Command, *, remedy: str) -> Iterator[tuple[str, bool]]:
    """Yield what in ``folder`` no former call is known to have written, and whether its name is known.

    Known are the files of the manifest, single artefacts with their marks, and Snakemake's own file; a link
    is never known, and of a changed file the name alone.

    Raises:
        ReproError: the manifest is damaged, or another program's.
    """
    manifest = read_manifest(folder, remedy=remedy)
    listed = manifest.files if manifest is not None and manifest.command == command else {}
    known = {TIMESTAMP, *([MANIFEST] if listed else [])}
    for path in _everything(folder):
        name = path.relative_to(folder).as_posix()
        if name in known and not path.is_symlink():
            continue
        if path.is_symlink():
            yield name, name in listed
        elif path.name.startswith(".") and path.name.endswith(_MARK) and _marked(path):
            continue
        elif sha256_file(path) not in {listed.get(name), *_marked(_mark_of(path))}:
            yield name, name in listed or _mark_of(path).is_file()


def require_written(folder: Path, command: Command, *, only: str | None = None) -> None:
    """Check that ``folder`` holds nothing but what a former call of ``command`` wrote.

    Args:
        folder: the folder.
        command: which command.
        only: look at this file alone.

    Raises:
        ReproError: it holds something else; names the first such file.
    """
    if command == "repro report":
        remedy = "move it elsewhere, or delete the folder, which the command writes anew"
    else:
        option = "--into" if command != "repro export" else "--into or --ro-crate"
        remedy = f"move it elsewhere, or name another folder with {option}"
    for name, listed in not_written(folder, command, remedy=remedy):
        if only not in (None, name):
            continue
        message = "this file was changed since it was written" if listed else f"`{command}` made no such file"
        raise ReproError(f"{message}; the folder is left as it is", remedy=remedy, where=folder / name)


def _everything(folder: Path) -> Iterator[Path]:
    """Yield every file below ``folder``, hidden ones and links too, links to folders included.

    What a desktop leaves where a person opens a folder is passed over.
    """
    for place, folders, files in os.walk(folder):
        folders.sort()
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        yield from sorted(Path(place) / name for name in {*files, *links} - LEFT_BY_DESKTOPS)


def _mark_of(path: Path) -> Path:
    return path.with_name(f".{path.name}{_MARK}")


def _marked(mark: Path) -> list[str]:
    """Return the hashes that a mark holds, none where it is no mark."""
    if not mark.is_file() or mark.is_symlink():
        return []
    try:
        found = read_json(mark, remedy="")
    except ReproError:
        return []
    whole = isinstance(found, list) and all(isinstance(each, str) and len(each) == 64 for each in found)
    return found if whole else []
