"""How long jobs that wait for each other take on some machines: a list schedule, longest chain first."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """Seconds, the jobs that must be finished before, and how many machines it takes all the while."""

    seconds: float
    needs: tuple[str, ...] = ()
    machines: int = 1


@dataclass(frozen=True)
class Schedule:
    """When each job begins; ``seconds`` until the last one ends.

    No schedule is shorter than ``longest_chain`` or than ``work`` (machine-seconds) divided by the machines;
    one of jobs that take one machine each is shorter than both together (Graham 1969).
    """

    begins: Mapping[str, float]
    seconds: float
    longest_chain: float
    work: float


def widest(jobs: Mapping[str, Job]) -> int:
    """Return how many machines the job takes that takes the most; 1 where there is none."""
    return max((job.machines for job in jobs.values()), default=1)


def schedule(jobs: Mapping[str, Job], machines: int) -> Schedule:
    """Place jobs on machines that do one at a time: whenever one is free, the job before the longest chain.

    A job that takes several waits until so many are free, and those after it wait with it. There must be as
    many machines as the ``widest`` job takes.
    """
    after = _after(jobs)
    chains = _chains(jobs, after)
    missing = {name: len(set(job.needs)) for name, job in jobs.items()}
    ready = [(-chains[name], name) for name, left in missing.items() if not left]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    begins: dict[str, float] = {}
    now, free = 0.0, machines
    while ready or running:
        while ready and jobs[ready[0][1]].machines <= free:
            name = heapq.heappop(ready)[1]
            begins[name] = now
            free -= jobs[name].machines
            heapq.heappush(running, (now + jobs[name].seconds, name))
        now, done = heapq.heappop(running)
        free += jobs[done].machines
        for name in after[done]:
            missing[name] -= 1
            if not missing[name]:
                heapq.heappush(ready, (-chains[name], name))
    work = sum(job.seconds * job.machines for job in jobs.values())
    return Schedule(begins, now, max(chains.values(), default=0.0), work)


def _after(jobs: Mapping[str, Job]) -> dict[str, list[str]]:
    after: dict[str, list[str]] = defaultdict(list)
    for name, job in jobs.items():
        for need in dict.fromkeys(job.needs):
            after[need].append(name)
    return after


def _chains(jobs: Mapping[str, Job], after: Mapping[str, list[str]]) -> dict[str, float]:
    """Return the seconds from each job's beginning to the end of the longest chain that it begins."""
    left = {name: len(after[name]) for name in jobs}
    chains: dict[str, float] = {}
    wanted = [name for name, count in left.items() if not count]
    while wanted:
        name = wanted.pop()
        chains[name] = jobs[name].seconds + max((chains[other] for other in after[name]), default=0.0)
        for need in dict.fromkeys(jobs[name].needs):
            left[need] -= 1
            if not left[need]:
                wanted.append(need)
    return chains
