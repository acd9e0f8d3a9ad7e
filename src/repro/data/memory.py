"""Refuse a set that does not fit into memory before the machine starts to swap."""

from __future__ import annotations

import os
from pathlib import Path

from repro.core.errors import ReproError
from repro.data.dataset import DatasetInfo

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def available_bytes() -> int:
    """Return the memory that a process can still take, in bytes, container limits included."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    table = Path("/proc/meminfo")
    if table.exists():
        for line in table.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                memory = int(line.split()[1]) * 1024
    for path in _LIMITS:
        text = path.read_text().strip() if path.exists() else "max"
        if text.isdigit():
            memory = min(memory, int(text))
    return memory


def require_memory(n: int, info: DatasetInfo, split: str) -> None:
    """Raise ReproError where ``n`` images of ``info`` would take more than 80 % of the free memory."""
    needed = n * info.channels * info.height * info.width
    free = available_bytes()
    if needed > 0.8 * free:
        raise ReproError(
            f"{n} images of {info.title} ({split}) take {needed / 2**30:.1f} GiB of memory, "
            f"{free / 2**30:.1f} GiB are free",
            remedy="give a limit on the number of images, or use a machine with more memory",
        )
