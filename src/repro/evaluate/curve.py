"""Metrics over training: IS, FID and KID of each generator snapshot of a run."""

from __future__ import annotations

from repro.evaluate.context import Context
from repro.evaluate.fidelity import Options, score_snapshots
from repro.evaluate.registry import Values
from repro.evaluate.trained import Trained

__all__ = ["Options", "measure"]

METRICS = ("is", "fid", "kid")


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return ``is@STEP``, ``fid@STEP`` and ``kid@STEP`` for each snapshot, all from the same latents.

    Raises:
        ReproError: the run has no generator or left no snapshots, or the extractor cannot be had.
    """
    scores = score_snapshots(trained, context, options)
    return {f"{metric}@{step}": values[metric] for step, values in scores.items() for metric in METRICS}
