"""FD and KD of a generator's samples in DINOv2's features, and precision and recall there.

Stein et al. (NeurIPS 2023) find that distances in Inception's features disagree with people and that those in
DINOv2's ViT-L/14 do not. As there, images reach its 224 pixels by a bicubic filter.
"""

from __future__ import annotations

from repro.core.spec import EvaluationSpec
from repro.evaluate.context import Context
from repro.evaluate.extractor import DINOV2, SIDE
from repro.evaluate.fidelity import features_of_reference, features_of_samples
from repro.evaluate.registry import MeasureOptions, Values
from repro.evaluate.scores import ScoreOptions, fidelity_scores
from repro.evaluate.trained import Trained

FEATURES = True
EXTRACTOR = "dinov2-vit-l-14"
VALUES = "fd kd precision recall"


class Options(MeasureOptions):
    """What is compared with what.

    Attributes:
        reference_split: the real images.
    """

    reference_split: str = "train"

    def check(self, spec: EvaluationSpec) -> None:
        """Check that the images that ``spec`` pays for are enough."""
        SCORES.require_enough(spec.generated, spec.limit)


SCORES = ScoreOptions(metrics=("fid", "kid", "prc"))


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return ``fd``, ``kd``, ``precision``, ``recall`` (the latter two in percent).

    Raises:
        ReproError: the run has no generator, its output is not finite, or DINOv2 cannot be had.
    """
    reference = context.images(options.reference_split)
    n = context.spec.generated or len(reference)
    ours = features_of_samples(trained, context, SCORES, n, side=SIDE[DINOV2])
    theirs = features_of_reference(context, SCORES, reference, side=SIDE[DINOV2])
    found = fidelity_scores(ours, theirs, SCORES, seed=context.spec.seed)
    return {"fd": found["fid"], "kd": found["kid"], **{k: found[k] for k in ("precision", "recall")}}
