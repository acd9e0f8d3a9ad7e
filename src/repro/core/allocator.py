"""Keeps freed memory in the process.

glibc gives large blocks back to the system as soon as they are freed and asks for them again at the next
layer, which then faults in page after page. PGD on GAT's classifier, 128 images, took 1.4 times as long that
way with one thread of an AMD EPYC, and 4 times as long with two.
"""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4  # of mallopt(3)
NEVER = -1
PAD = 256 * 2**20
"""Bytes asked of the system at a time."""


def keep_freed_memory() -> None:
    """Tell glibc to keep freed memory for the next allocation, for the rest of the process.

    The process's memory no longer shrinks. Call it before large tensors are made. The C libraries of macOS
    and Windows do not know how.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for key, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, NEVER), (TOP_PAD, PAD)):
        mallopt(key, value)
