"""Writing small files so that a reader sees the old content or the new one, never a part."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from repro.core.errors import ReproError
from repro.core.scratch import HELD, remove, scratch_folder

T = TypeVar("T")
_TEMPORARY = ".part-"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a file to write, in a folder of its own beside ``path``; when the block ends it becomes ``path``.

    It is flushed first, and readable for whom the umask says. What killed processes left half-written in the
    folder of ``path`` is removed.

    Raises:
        ReproError: the folder cannot be written, the disk is full; ``path`` is then as it was before.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(path.parent, _TEMPORARY) as folder:
            temporary = folder / path.name
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.chmod((folder / HELD).stat().st_mode & 0o777)  # safetensors makes its files private
            temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: Exception) -> ReproError:
    """Return the error for a file that could not be written."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return ReproError(
        f"cannot write {path.name}: {reason}",
        remedy="free disk space or make the folder writable, then run the same command again",
        where=path,
    )


def not_utf8(path: Path, library: str) -> ReproError:
    """Return the error for a path whose name is not text in UTF-8, where a library takes no other."""
    return ReproError(
        f"the name of a folder is not text in UTF-8, and {library} takes no other",
        remedy="rename the folder, or use another one",
        where=path,
    )


def remove_leftovers(folder: Path) -> None:
    """Delete what a killed process left half-written in ``folder`` (only while holding its lock)."""
    for path in folder.glob(f"{_TEMPORARY}*"):
        remove(path)


def is_leftover(path: Path) -> bool:
    """Return whether a file or folder is a write that is going on, or that a killed process left."""
    return path.name.startswith(_TEMPORARY)


def atomic_write_text(path: Path, text: str) -> None:
    """Write ``text`` (UTF-8) to ``path``, making its folder where needed.

    Raises:
        ReproError: it cannot be written; ``path`` is then as it was before.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def atomic_write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON to ``path``; not-a-number and infinity are refused (ValueError)."""
    atomic_write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, *, remedy: str) -> Any:
    """Return the content of a JSON file.

    Args:
        path: the file.
        remedy: what the user should do where it is missing or damaged.

    Raises:
        ReproError: missing, unreadable or not JSON (with the line).
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ReproError(f"{path.name} is missing", remedy=remedy, where=path) from error
    except json.JSONDecodeError as error:
        raise ReproError(
            f"{path.name} is damaged: {error.msg}", remedy=remedy, where=path, line=error.lineno
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ReproError(f"{path.name} cannot be read: {error}", remedy=remedy, where=path) from error


def read_model(path: Path, schema: type[T], *, remedy: str) -> T:
    """Return the content of a JSON file as a value of a type that pydantic knows; arguments as ``read_json``.

    Raises:
        ReproError: as ``read_json``, or it does not fit; names the first field that does not.
    """
    content = read_json(path, remedy=remedy)
    try:
        return TypeAdapter(schema).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "its content"
        raise ReproError(
            f"{path.name} is damaged: {field}: {first['msg']}", remedy=remedy, where=path
        ) from error


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file's bytes (64 hexadecimal digits)."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """Flush the folder's entry, so that the rename survives a power cut (where the file system can)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
