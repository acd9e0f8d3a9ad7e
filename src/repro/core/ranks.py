"""Several processes (ranks) that train one run together: who they are, and what they agree on.

``torchrun`` starts them; NCCL talks between GPUs, gloo between CPUs and about Python values. In a process
that nobody started so, ``count`` is 1 and each function here does what a single process would.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from repro.core.errors import ReproError

T = TypeVar("T")

PATIENCE = timedelta(days=7)
"""How long one waits for another, which may wait for a lock or a GPU; torchrun ends all when one dies."""


def check_divides(batch_size: int, processes: int) -> None:
    """Raise ReproError unless a batch can be divided evenly among so many processes."""
    if batch_size % processes:
        raise ReproError(
            f"a batch of {batch_size} images does not divide among {processes} processes",
            remedy="let the profile's `processes` be a divisor of the batch size, or change `batch_size`",
        )


def launched() -> bool:
    """Return whether ``torchrun`` started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def launch(processes: int, threads: int) -> None:
    """Become ``torchrun`` with so many processes that each do this process's command, on this machine.

    Args:
        processes: how many.
        threads: CPU threads of each.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", str(processes), *sys.argv]
    given = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    os.execve(sys.executable, command, {**os.environ, **given})


@contextmanager
def joined() -> Iterator[None]:
    """Be one of the processes that torchrun started while the block runs; else do nothing."""
    if not launched():
        yield
        return
    import torch
    from torch import distributed

    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    yield
    distributed.destroy_process_group()  # not after an error: the others may still wait for this one


def on_this_machine() -> int:
    """Return how many of the processes that train together run on this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if launched() else 1


def count() -> int:
    """Return how many processes train together; 1 for one alone."""
    distributed = _group()
    return 1 if distributed is None else distributed.get_world_size()


def rank() -> int:
    """Return which of them this one is, from 0."""
    distributed = _group()
    return 0 if distributed is None else distributed.get_rank()


def first() -> bool:
    """Return whether this process is the one that writes files and speaks."""
    return rank() == 0


def gathered(value: T) -> list[T]:
    """Return every process's value, by rank; waits for all of them."""
    distributed = _group()
    if distributed is None:
        return [value]
    values: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values


def any_of(value: T | None) -> T | None:
    """Return the value of the first process that has one, in all of them."""
    return next((each for each in gathered(value) if each is not None), None)


def _group() -> Any:
    """Return torch.distributed where this process has joined others, without importing torch for it."""
    found = sys.modules.get("torch.distributed")
    return found if found is not None and found.is_available() and found.is_initialized() else None
