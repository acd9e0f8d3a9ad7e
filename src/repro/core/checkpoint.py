"""Checkpoints: one safetensors file, written atomically, hashed, and loaded without executing code.

The tensors of a nested state are safetensors entries; its shape (dicts, lists, scalars) is a JSON skeleton in
the file's metadata, beside a header (specification, step, code version) and the sha256 over all three.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from repro.core.errors import ReproError
from repro.core.files import cannot_write, replacing
from repro.core.nested import flatten, unflatten
from repro.core.spec import RunSpec

FORMAT = "repro-checkpoint-1"
_NOT_IDENTITY = (
    "recipe",
    "workload",
    "stand_ins",
)  # for people; two papers may share a run under two recipe names


@dataclass(frozen=True)
class Loaded:
    """A checkpoint's content: the nested state, the header, and the sha256 over both."""

    state: dict[str, Any]
    header: dict[str, Any]
    sha256: str


def save(path: Path, state: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    """Write a checkpoint; a reader sees the old file or the new one, never a part.

    Args:
        path: the file; its folder is made where needed.
        state: nested dicts, lists, tuples, scalars and tensors (any device).
        header: JSON values, e.g. ``{"spec": ..., "step": 100, "code": "0.1.0"}``.

    Returns:
        sha256 over tensors, skeleton and header (not over the file's bytes).

    Raises:
        ReproError: it cannot be written; the file is then as it was before.
        TypeError: the state holds something else than named above.
    """
    skeleton, tensors = flatten(state)
    texts = {"skeleton": _json(skeleton), "header": _json(dict(header))}
    sha256 = _content_hash(tensors, texts)
    metadata = {"format": FORMAT, "sha256": sha256, **texts}
    with replacing(path) as temporary:
        try:
            save_file(_unshared(tensors), temporary, metadata)
        except SafetensorError as error:
            raise cannot_write(path, error) from error
    return sha256


def load(path: Path, *, device: torch.device | str = "cpu") -> Loaded:
    """Read a checkpoint and verify its hash.

    Args:
        path: the file.
        device: where the tensors go. Optimisers and random streams want theirs from the CPU.

    Raises:
        ReproError: missing, damaged, truncated, or not a checkpoint of this program.
    """
    metadata, tensors = _read(path, with_tensors=True)
    texts = {"skeleton": metadata["skeleton"], "header": metadata["header"]}
    sha256 = _content_hash(tensors, texts)
    if sha256 != metadata["sha256"]:
        raise _damaged(path, "its content does not match the hash inside it")
    try:
        state = unflatten(json.loads(texts["skeleton"]), {k: v.to(device) for k, v in tensors.items()})
        return Loaded(state, json.loads(texts["header"]), sha256)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, str(error)) from error


def load_header(path: Path) -> dict[str, Any]:
    """Read only a checkpoint's header (fast; the hash is not verified).

    Raises:
        ReproError: as ``load``.
    """
    try:
        header = json.loads(_read(path, with_tensors=False)[0]["header"])
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not a table")
    return header


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
        for name in sorted({*ours, *theirs} - set(_NOT_IDENTITY))
        if theirs.get(name) != ours.get(name)
    ]
    if differing:
        raise ReproError(
            f"the checkpoint is of another configuration ({'; '.join(differing)})",
            remedy="delete the run's folder to train it anew, or put back the configuration it was made with",
            where=path,
        )


def _read(path: Path, *, with_tensors: bool) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise ReproError(
            "the checkpoint is missing", remedy="train the run again (its rule, or `repro train`)", where=path
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            # clone: the tensors must not hang on the mapped file, which may be replaced while they are in use
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()} if with_tensors else {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise _damaged(path, str(error)) from error
    if metadata.get("format") != FORMAT or not {"sha256", "skeleton", "header"} <= set(metadata):
        raise ReproError(
            f"not a checkpoint of this program (format {metadata.get('format')!r}, expected {FORMAT!r})",
            remedy="delete it and train the run again",
            where=path,
        )
    return metadata, tensors


def _damaged(path: Path, reason: str) -> ReproError:
    return ReproError(
        f"the checkpoint is damaged: {reason}",
        remedy="delete it and run the same command again: the run is trained anew",
        where=path,
    )


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=False, separators=(",", ":"), ensure_ascii=False)


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
