"""Several GPUs: how many jobs they take, and which of them a job takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from repro.core import ranks
from repro.core.errors import ReproError
from repro.core.locks import first_free, only_process

if TYPE_CHECKING:
    import torch


DRIVERS = "/dev/nvidiactl", "/dev/dxg", "/dev/kfd"
"""One of them is there where torch may find a GPU: NVIDIA's, that of Windows' Linux, AMD's."""


def jobs_at_once(device: str) -> int | None:
    """Return how many jobs with this device (``auto``, ``cuda``, ``cuda:1``) run at a time: one for each GPU.

    None where no GPU is used. torch is asked in a process of its own: whoever plans does without it.
    """
    if ":" in device:
        return 1
    if device == "cpu" or not (shutil.which("nvidia-smi") or any(map(os.path.exists, DRIVERS))):
        return None
    command = [sys.executable, "-c", "import torch; print(torch.cuda.device_count())"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return int(found) if found.isdigit() and int(found) else None


@contextmanager
def use_device(text: str = "auto") -> Iterator[torch.device]:
    """Give the device that is named (``core.device.choose_device``); a GPU is leased while the block runs.

    ``auto`` and ``cuda`` take the first GPU that no other process of this user has, and wait where there is
    none. One that is named is taken whoever has it, and kept from others. It becomes the current device,
    which Triton's kernels and CUDA graphs use.

    Raises:
        ReproError: no such device here, too few for all processes of a run, or no lease can be written.
    """
    import torch

    from repro.core.device import choose_device

    device = choose_device(text)
    if device.type != "cuda":
        yield device
        return
    named, processes = ":" in text, ranks.on_this_machine()
    if processes > (1 if named else torch.cuda.device_count()):
        found = f"only {text} is named" if named else f"{torch.cuda.device_count()} found"
        raise ReproError(
            f"{processes} processes need as many GPUs, {found}",
            remedy="lower the profile's `processes`, or let `device` be cuda where there are enough GPUs",
        )
    places = {
        f"{_identity(i)}.lock": i for i in range(torch.cuda.device_count()) if not named or i == device.index
    }
    with ExitStack() as leased:
        with _turn() if processes > 1 else nullcontext(), suppress(ReproError) if named else nullcontext():
            name = leased.enter_context(first_free(_leases(), list(places), "the GPUs", wait=not named))
            device = torch.device("cuda", places[name])
        torch.cuda.set_device(device)
        yield device


@contextmanager
def _turn() -> Iterator[None]:
    """Let all processes of one run take their GPUs before those of another: no two hold half of them each."""
    turn = only_process(_leases(), "the GPUs", name="turn.lock", wait=True)
    with turn if ranks.first() else nullcontext():
        ranks.gathered(None)
        yield
        ranks.gathered(None)


def _identity(index: int) -> str:
    """Return what a GPU is called whichever of them this process sees (``CUDA_VISIBLE_DEVICES``)."""
    import torch

    return str(getattr(torch.cuda.get_device_properties(index), "uuid", index))


def _leases() -> Path:
    """Return this user's folder of leases on this machine."""
    folder = Path(tempfile.gettempdir()) / f"repro-gpus-{os.getuid()}"
    folder.mkdir(0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise ReproError(
            "the folder of the GPUs' leases belongs to another user",
            remedy="set TMPDIR to a folder of your own",
            where=folder,
        )
    return folder
