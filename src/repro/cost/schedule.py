"""How long jobs that wait for each other take on some machines: a list schedule, longest chain first."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """Seconds on one machine, and the jobs that must be finished before."""

    seconds: float
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """When each job begins; ``seconds`` until the last one ends.

    No schedule is shorter than ``longest_chain`` or than ``work`` divided by the machines; a list schedule is
    shorter than both together (Graham 1969).
    """

    begins: Mapping[str, float]
    seconds: float
    longest_chain: float
    work: float


def schedule(jobs: Mapping[str, Job], machines: int) -> Schedule:
    """Place jobs on machines that do one at a time: whenever one is free, the job before the longest chain.

    Raises:
        ValueError: no machine, or jobs wait for each other in a circle or for one that is not there.
    """
    if machines < 1:
        raise ValueError(f"{machines} machines finish nothing")
    after = _after(jobs)
    chains = _chains(jobs, after)
    missing = {name: len(set(job.needs)) for name, job in jobs.items()}
    ready = [(-chains[name], name) for name, left in missing.items() if not left]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    begins: dict[str, float] = {}
    now = 0.0
    while ready or running:
        while ready and len(running) < machines:
            name = heapq.heappop(ready)[1]
            begins[name] = now
            heapq.heappush(running, (now + jobs[name].seconds, name))
        now, done = heapq.heappop(running)
        for name in after[done]:
            missing[name] -= 1
            if not missing[name]:
                heapq.heappush(ready, (-chains[name], name))
    return Schedule(begins, now, max(chains.values(), default=0.0), sum(job.seconds for job in jobs.values()))


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
            if need not in jobs:
                raise ValueError(f"job {name} waits for {need}, which is not there")
            left[need] -= 1
            if not left[need]:
                wanted.append(need)
    if len(chains) < len(jobs):
        circle = sorted(jobs.keys() - chains.keys())
        raise ValueError(f"jobs wait for each other in a circle: {', '.join(circle)}")
    return chains
