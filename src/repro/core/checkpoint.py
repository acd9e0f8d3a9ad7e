"""Checkpoints: one safetensors file, written atomically, hashed, and loaded without executing code.

The tensors of a nested state are safetensors entries; its shape (dicts, lists, scalars) is a JSON skeleton in
the file's metadata, beside a header (specification, step, code version) and the sha256 over all three. Notes
(seconds used, what lies beside the file) have a hash of their own: how a run was watched is not its content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from repro.core.errors import ReproError
from repro.core.files import cannot_write, not_utf8, replacing
from repro.core.manifest import TRAIN_ANEW
from repro.core.nested import flatten, unflatten
from repro.core.spec import RunSpec

FORMAT = "repro-checkpoint-1"
# for people; two papers may share a run under two recipe names
_NOT_IDENTITY = {"recipe", "workload", "stand_ins"}


@dataclass(frozen=True)
class Loaded:
    """A checkpoint's content: the nested state, the header, the sha256 over both, and the notes (or None)."""

    state: dict[str, Any]
    header: dict[str, Any]
    sha256: str
    notes: dict[str, Any] | None = None


def save(
    path: Path,
    state: Mapping[str, Any],
    header: Mapping[str, Any],
    notes: Callable[[str], Mapping[str, Any]] | None = None,
) -> str:
    """Write a checkpoint; a reader sees the old file or the new one, never a part.

    Args:
        path: the file; its folder is made where needed.
        state: nested dicts, lists, tuples, scalars and tensors (any device).
        header: JSON values, e.g. ``{"spec": ..., "step": 100, "code": "0.1.0"}``.
        notes: from the sha256 makes JSON values that are no part of the file's identity.

    Returns:
        sha256 over tensors, skeleton and header (not over the file's bytes).

    Raises:
        ReproError: it cannot be written; the file is then as it was before.
        TypeError: the state holds something else than named above.
    """
    check_path(path)
    skeleton, tensors = flatten(state)
    texts = {"skeleton": _json(skeleton), "header": _json(dict(header))}
    sha256 = _content_hash(tensors, texts)
    metadata = {"format": FORMAT, "sha256": sha256, **texts}
    if notes is not None:
        text = _json(dict(notes(sha256)))
        metadata |= {"notes": text, "notes_sha256": _notes_hash(sha256, text)}
    with replacing(path) as temporary:
        try:
            save_file(_unshared(tensors), temporary, metadata)
        except SafetensorError as error:
            raise cannot_write(path, error) from error
    return sha256


def check_path(path: Path) -> None:
    """Check that a checkpoint can have this path; what is written elsewhere could not be read again.

    Raises:
        ReproError: it is not text in UTF-8.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise not_utf8(path, "safetensors") from error


def load(path: Path) -> Loaded:
    """Read a checkpoint, its tensors on the CPU, and verify its hash.

    Raises:
        ReproError: missing, damaged, truncated, or not a checkpoint of this program.
    """
    metadata, tensors = _read(path)
    texts = {"skeleton": metadata["skeleton"], "header": metadata["header"]}
    sha256 = _content_hash(tensors, texts)
    notes = metadata.get("notes")
    noted = None if notes is None else _notes_hash(sha256, notes)
    if sha256 != metadata["sha256"] or noted != metadata.get("notes_sha256"):
        raise _damaged(path, "its content does not match the hash inside it")
    try:
        state = unflatten(json.loads(texts["skeleton"]), tensors)
        if not isinstance(state, dict):
            raise TypeError("its state is not a table")
        return Loaded(state, _table(texts["header"]), sha256, None if notes is None else _table(notes))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path, str(error)) from error


def spec_of(header: Mapping[str, Any], path: Path) -> RunSpec:
    """Return the run that a checkpoint's header names.

    Raises:
        ReproError: it names none.
    """
    try:
        return RunSpec.model_validate(header.get("spec"))
    except ValidationError as error:
        raise _damaged(path, "its header names no run of this version") from error


def step_of(header: Mapping[str, Any], spec: RunSpec, path: Path) -> int:
    """Return after which step of the run ``spec`` a checkpoint was written, from 1 to the last.

    Raises:
        ReproError: its header names no such step.
    """
    step = header.get("step")
    if type(step) is not int or not 1 <= step <= spec.steps:
        raise _damaged(path, f"its header names step {step!r} of a run of {spec.steps} steps")
    return step


def hashes(parts: Mapping[str, Any]) -> dict[str, str]:
    """Return the sha256 of each of several nested states, by their names."""
    found = {}
    for name, part in parts.items():
        skeleton, tensors = flatten(part)
        found[name] = _content_hash(tensors, {"skeleton": _json(skeleton)})
    return found


def require_same_run(header: Mapping[str, Any], spec: RunSpec, path: Path) -> None:
    """Check that a checkpoint belongs to the run ``spec``.

    Raises:
        ReproError: it is of another configuration; names the fields that differ.
    """
    theirs = header.get("spec")
    if not isinstance(theirs, dict):
        raise _damaged(path, "its header names no run")
    ours = json.loads(spec.model_dump_json())
    differing = [
        f"{name}: {theirs.get(name)!r} in the file, {ours.get(name)!r} asked"
        for name in sorted({*ours, *theirs} - _NOT_IDENTITY)
        if theirs.get(name) != ours.get(name)
    ]
    if differing:
        raise ReproError(
            f"the checkpoint is of another configuration ({'; '.join(differing)})",
            remedy="delete the run's folder to train it anew, or put back the configuration it was made with",
            where=path,
        )


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise ReproError("the checkpoint is missing", remedy=TRAIN_ANEW, where=path)
    check_path(path)
    while True:
        before = _identity(path)
        failed: Exception | None = None
        try:
            with safe_open(path, framework="pt") as file:
                metadata = dict(file.metadata() or {})
                # clone: they must not hang on the mapped file, which may be replaced while they are in use
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError, RuntimeError) as error:
            failed = error
        if _identity(path) == before:
            break  # safetensors opens it twice by its name: replaced in between, it is of two files, or fails
    if failed is not None:
        raise _damaged(path, str(failed)) from failed
    if metadata.get("format") != FORMAT or not {"sha256", "skeleton", "header"} <= set(metadata):
        raise ReproError(
            f"not a checkpoint of this program (format {metadata.get('format')!r}, expected {FORMAT!r})",
            remedy=TRAIN_ANEW,
            where=path,
        )
    return metadata, tensors


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what differs between a file and the one that replaces it; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _damaged(path: Path, reason: str) -> ReproError:
    return ReproError(f"the checkpoint is damaged: {reason}", remedy=TRAIN_ANEW, where=path)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=False, separators=(",", ":"), ensure_ascii=False)


def _table(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise TypeError("its header or its notes are not a table")
    return value


def _notes_hash(sha256: str, notes: str) -> str:
    """Return the hash of notes, which holds for one content only: notes moved to another file are damage."""
    return hashlib.sha256(f"{sha256}\n{notes}".encode()).hexdigest()


def _content_hash(tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name, text in sorted(texts.items()):
        digest.update(f"{name} {len(text.encode())}\n{text}\n".encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        if tensor.numel():
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _unshared(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors that share memory (tied weights), which safetensors refuses."""
    seen: set[int] = set()
    result = {}
    for name, tensor in tensors.items():
        pointer = tensor.untyped_storage().data_ptr()
        result[name] = tensor.clone() if pointer in seen else tensor
        seen.add(pointer)
    return result
