"""Metrics over training: IS, FID and KID of each generator snapshot of a run."""

from __future__ import annotations

from repro.core.errors import ReproError
from repro.core.spec import EvaluationSpec
from repro.evaluate import fidelity
from repro.evaluate.context import Context
from repro.evaluate.fidelity import score_snapshots
from repro.evaluate.registry import Values
from repro.evaluate.snapshots import percentages
from repro.evaluate.trained import Trained

FEATURES = True
VALUES = "is fid kid"
SNAPSHOTS = True


class Options(fidelity.Options):
    """As those of ``fidelity``, for each snapshot."""

    def check(self, spec: EvaluationSpec) -> None:
        """Check as ``fidelity`` does, and that there is a curve of what the options ask for.

        Raises:
            ReproError: there is none, or there are too few images.
        """
        super().check(spec)
        if self.checkpoint != "final" or set(self.metrics) == {"prc"}:
            raise ReproError(
                "a curve has IS, FID and KID of each snapshot; it chooses none, nor has precision and recall",
                remedy="leave out checkpoint, and name is, fid or kid among the metrics; or measure fidelity",
            )

    def reads(self, spec: EvaluationSpec) -> list[tuple[str, int | None]]:
        """Return the reference, which a sample's IS alone does without."""
        return [] if set(self.metrics) <= {"is", "prc"} and spec.generated else super().reads(spec)


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
