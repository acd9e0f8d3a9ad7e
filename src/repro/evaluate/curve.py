"""Metrics over training: IS, FID and KID of each generator snapshot of a run."""

from __future__ import annotations

from repro.evaluate.context import Context
from repro.evaluate.fidelity import Options, score_snapshots
from repro.evaluate.registry import Values
from repro.evaluate.snapshots import percentages
from repro.evaluate.trained import Trained

__all__ = ["Options", "measure"]

FEATURES = True
VALUES = "is fid kid"
SNAPSHOTS = True


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
        if metric in scores[step]
    }
