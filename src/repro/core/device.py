"""Choosing the device, the number format and torch's deterministic mode."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch

from repro.core.errors import ReproError
from repro.core.spec import DEVICE, Precision


def choose_device(text: str = "auto") -> torch.device:
    """Return the device named by ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ReproError: no such device here.
    """
    text = text.strip().lower()
    if text == "auto":
        text = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = text.partition(":")
    if not re.match(DEVICE, text):
        raise ReproError(f"unknown device {text!r}", remedy="use auto, cpu, cuda or cuda:N")
    if kind == "cpu":
        return torch.device("cpu")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(number) if number else 0
    if index >= count:
        found = f"{count} CUDA device{'' if count == 1 else 's'} found"
        raise ReproError(
            f"no device {text!r}: {found}",
            remedy="use --device auto or cpu (Snakemake: the profile's `device`), or mend the driver",
        )
    return torch.device("cuda", index)


def set_deterministic() -> None:
    """Make equal inputs give bit-equal results on one device.

    An operation that cannot do so raises RuntimeError from then on. Call before the first CUDA work of the
    process: cuBLAS reads its setting once.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # filling fresh memory only helps debugging, and it costs time
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False


def apply_precision(precision: Precision, device: torch.device) -> None:
    """Set the format in which float32 matrix products and convolutions are computed.

    ``float32`` switches off TF32, which cuDNN uses by default; ``bf16`` leaves float32 outside ``autocast``.

    Raises:
        ReproError: the device has no such format (TF32 needs CUDA, compute capability 8.0 or newer).
    """
    if precision == "tf32":
        capable = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
        if not capable:
            raise ReproError(
                f"precision tf32 does not exist on {device}", remedy="choose precision float32 in the profile"
            )
    _set_tf32(precision == "tf32")


def _set_tf32(on: bool) -> None:
    """Compute float32 matrix products and convolutions in TF32, or in float32."""
    # torch's older names for the same settings, which others still read: where the two differ they raise
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = on
    for part in _fp32_parts():
        part.fp32_precision = "tf32" if on else "ieee"


def _fp32_parts() -> tuple[Any, ...]:
    return torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn  # type: ignore[attr-defined]


@contextmanager
def without_tf32() -> Iterator[None]:
    """Compute what runs within, backward passes too, without TF32; afterwards all is set as before."""
    older = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    newer = [part.fp32_precision for part in _fp32_parts()]
    _set_tf32(False)
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = older
        for part, precision in zip(_fp32_parts(), newer, strict=True):
            part.fp32_precision = precision


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Return the context in which networks run: bfloat16 autocast for ``bf16``, nothing otherwise."""
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def no_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """Return the context in which networks run in their tensors' own formats, whatever is around it."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


@contextmanager
def within_memory(device: torch.device, what: str, where: Path) -> Iterator[None]:
    """Turn an error that means "no memory is left" into one that says what to do about it.

    Args:
        device: where the block works.
        what: what it does, for the message: ``run gat-...``.
        where: the file or folder that it concerns.

    Raises:
        ReproError: the memory of the device, or the machine's, was too small.
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            whose = f"the memory of {device}"
        elif _no_memory(error):
            whose = "the machine's memory"
        else:
            raise
        raise ReproError(
            f"{whose} is too small for {what}: {error}",
            remedy="choose a smaller width or smaller batches (of images, of seeds) in the profile, or a "
            "device with more memory",
            where=where,
        ) from error


def _no_memory(error: Exception) -> bool:
    """Tell whether the machine's memory ran out; torch says so by a plain RuntimeError."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or any(
        words in str(error) for words in ("allocate memory", "out of memory")
    )
