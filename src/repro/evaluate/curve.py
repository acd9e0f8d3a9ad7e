"""Metrics over training: IS, FID and KID of each generator snapshot of a run."""

from __future__ import annotations

from collections.abc import Sequence

from repro.evaluate.context import Context
from repro.evaluate.fidelity import Options, score_snapshots
from repro.evaluate.registry import Values
from repro.evaluate.trained import Trained

__all__ = ["Options", "measure", "percentages"]

FEATURES = True


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return ``is@STEP``, ``fid@STEP`` and ``kid@STEP`` for each snapshot, all from the same latents.

    The same values again as ``is@10%`` and so on, by share of the training (see ``percentages``), since the
    number of steps is the profile's affair. Metrics that ``options`` leaves out are missing.

    Raises:
        ReproError: the run has no generator or left no snapshots, or the extractor cannot be had.
    """
    scores = score_snapshots(trained, context, options)
    shares = percentages(tuple(scores), trained.spec.steps, trained.spec.snapshots)
    points = {str(step): step for step in scores} | {f"{share}%": step for share, step in shares.items()}
    return {
        f"{metric}@{point}": scores[step][metric]
        for point, step in points.items()
        for metric in options.metrics
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
