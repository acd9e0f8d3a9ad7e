"""The snapshots of a run, measured one after the other and named by their share of the training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from repro.core.errors import ReproError
from repro.evaluate.registry import Values
from repro.evaluate.trained import Trained


def require_snapshots(trained: Trained) -> tuple[int, ...]:
    """Return the steps of a run's snapshots, ascending.

    Raises:
        ReproError: it left none.
    """
    if not trained.snapshots:
        raise ReproError(
            f"run {trained.spec.run_id} left no snapshots",
            remedy="set snapshots in the recipe to the number of points of the curve and train again",
        )
    return trained.snapshots


def over_training(trained: Trained, measure: Callable[[], Values], *, needs: Sequence[str]) -> Values:
    """Return ``name@10%`` and so on for each ``name`` that ``measure`` returns, by share of the training.

    Args:
        trained: takes up the weights of each snapshot, and keeps the last one's.
        measure: called once a snapshot; a short training has fewer of them than shares.
        needs: modules that each snapshot must hold.

    Raises:
        ReproError: the run left no snapshots, one is missing or damaged, or lacks a needed module; or what
            ``measure`` raises.
    """
    shares = percentages(require_snapshots(trained), trained.spec.steps, trained.spec.snapshots)
    found: dict[int, Values] = {}
    for step in dict.fromkeys(shares.values()):
        trained.load_snapshot(step, needs=needs)
        found[step] = measure()
    return {
        f"{name}@{share}%": value for share, step in shares.items() for name, value in found[step].items()
    }


def percentages(snapshots: Sequence[int], steps: int, count: int) -> dict[str, int]:
    """Return the snapshot of each of the ``count`` evenly spaced shares of a training, in percent.

    Args:
        snapshots: the steps that left one.
        steps: of the whole training.
        count: the number of snapshots asked for; with fewer steps than that some shares have none.

    Returns:
        E.g. ``{"50": 6, "100": 12}``; a share is left out where no snapshot lies within half a step of it.
    """
    found = {}
    for part in range(1, count + 1):
        wanted = steps * part / count
        nearest = min(snapshots, key=lambda step: abs(step - wanted))
        if abs(nearest - wanted) <= 0.5:
            found[f"{100 * part / count:g}"] = nearest
    return found
