"""A climb whose batch is shared out among threads, each with images of its own, on the CPU.

Usually all threads work on one layer at a time. Where a layer is many small products, as by Winograd's
convolution, they wait for each other: on two cores of an AMD EPYC, PGD with 128 images takes 0.72 of the time
on a PreAct ResNet-18 and 0.83 on GAT's classifier when each has half of the images.
"""

from __future__ import annotations

import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch

from repro.attacks.climb import Climb

LEAST_IMAGES = 4
"""Images from which a part of its own pays: with fewer, the weights are read for too few of them."""
MOST_PARTS = 8
"""More threads than that would wait for Python, which one at a time can run."""


class SplitClimb:
    """A climb of which several threads each take the steps of a part, on the same buffers.

    Args:
        whole: the climb of the batch; its network treats each image alone and keeps nothing between passes.
        parts: into how many parts the images fall, as ``parts_for`` has it.
    """

    def __init__(self, whole: Climb, parts: int) -> None:
        self.images, self.attacked = whole.images, whole.attacked
        shares = torch.arange(len(whole.images)).tensor_split(parts)
        self._parts = [_part(whole, int(share[0]), int(share[-1]) + 1) for share in shares]
        # parts of one size run side by side, so that the time of one is the time of all
        for part in self._parts[1:]:
            part.watch = None
        self._threads = _threads(parts, torch.get_num_threads())

    def step(self) -> None:
        """Move ``attacked`` by one step."""
        for done in [self._threads.submit(part.step) for part in self._parts]:
            done.result()


def parts_for(images: int) -> int:
    """Return into how many parts a batch is split, a divisor of the number of torch's threads; 1 for whole.

    Threads do not share autocast, so that under it a batch stays whole.
    """
    if torch.is_autocast_enabled("cpu"):
        return 1
    threads = torch.get_num_threads()
    limit = min(threads, MOST_PARTS, images // LEAST_IMAGES)
    return max((parts for parts in range(1, limit + 1) if threads % parts == 0), default=1)


def _part(whole: Climb, first: int, end: int) -> Climb:
    part = copy.copy(whole)
    part.images, part.labels = whole.images[first:end], whole.labels[first:end]
    # ``data``, for a view counts changes of the whole: another part's step would look like one of this part's
    part.attacked = whole.attacked[first:end].data
    return part


@cache
def _threads(number: int, allowed: int) -> ThreadPoolExecutor:
    """Return so many threads, which share those that torch is ``allowed``."""
    pool = ThreadPoolExecutor(
        number,
        thread_name_prefix="repro-attack",
        initializer=torch.set_num_threads,
        initargs=(allowed // number,),
    )
    together = threading.Barrier(number)
    for started in [pool.submit(together.wait) for _ in range(number)]:
        started.result()
    torch.set_num_threads(allowed)  # holds for this thread, which had it, and for all that are still to begin
    return pool
