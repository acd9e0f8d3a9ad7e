"""IS, FID and KID of real against real images: RGAN's row "real data", and a check with a known answer.

With Inception and all of CIFAR-10, train against test has an FID of about 3.15 and train has an IS of 11.24.
"""

from __future__ import annotations

from repro.evaluate.context import Context
from repro.evaluate.fidelity import features_of_reference
from repro.evaluate.registry import Values
from repro.evaluate.scores import ScoreOptions, fidelity_scores
from repro.evaluate.trained import Trained

NEEDS_RUN = False
FEATURES = True
VALUES = "is is_std fid kid kid_std kid_subset_size precision recall"


class Options(ScoreOptions):
    """Which real images.

    Attributes:
        split: in the place of the generated images.
        reference_split: in the place of the real ones.
    """

    split: str = "train"
    reference_split: str = "test"


def measure(trained: Trained | None, context: Context, options: Options) -> Values:
    """Return the values of ``fidelity`` for the data itself; no run is measured.

    Raises:
        ReproError: a split does not exist, or the extractor cannot be had.
    """
    ours, theirs = (
        features_of_reference(context, options, context.images(split))
        for split in (options.split, options.reference_split)
    )
    return fidelity_scores(ours, theirs, options, seed=context.spec.seed)
