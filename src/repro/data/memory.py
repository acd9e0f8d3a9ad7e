"""Refuse a set that does not fit into memory before the machine starts to swap."""

from __future__ import annotations

import os
from pathlib import Path

from repro.core.errors import ReproError
from repro.data.dataset import DatasetInfo

_GROUPS = (  # of either version: folder, limit, what is taken, what the counts of file pages begin with
    ("/sys/fs/cgroup", "memory.max", "memory.current", ""),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
)


def available_bytes() -> int:
    """Return the memory that a process can still take, in bytes, container limits included."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    table = Path("/proc/meminfo")
    if table.exists():
        for line in table.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                memory = int(line.split()[1]) * 1024
    for folder, limit, taken, prefix in _GROUPS:
        text = _read(Path(folder, limit))
        if text.isdigit():
            stat = dict(line.split() for line in _read(Path(folder, "memory.stat")).splitlines())
            kept = sum(int(stat.get(f"{prefix}{kind}_file", 0)) for kind in ("active", "inactive"))
            used = int(_read(Path(folder, taken)) or 0) - kept  # the kernel gives read files back
            memory = min(memory, max(0, int(text) - used))
    return memory


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


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
