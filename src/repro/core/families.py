"""Runs that differ in their seeds alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from repro.core.spec import RunSpec


def seed_batches(specs: Iterable[RunSpec], size: int, joinable: Sequence[str]) -> list[tuple[RunSpec, ...]]:
    """Cut runs into batches of seeds, in the order of their first members.

    Args:
        specs: the runs; those that start from another run stay alone.
        size: at most so many seeds in one.
        joinable: the methods whose seeds can be trained as one program; runs of others stay alone.
    """
    batches: list[list[RunSpec]] = []
    open_batches: dict[str, list[RunSpec]] = {}
    for spec in specs:
        family = spec.training
        found = open_batches.get(family)
        if found is not None and len(found) < size:
            found.append(spec)
            continue
        batches.append([spec])
        if spec.parent is None and spec.method in joinable:
            open_batches[family] = batches[-1]
    return [tuple(batch) for batch in batches]
