"""The same samples of a generator under the conventions in which papers and code measure FID, IS and KID.

Most wrong FIDs in public threads are another split of the real images, another number of samples or another
resizing (Parmar et al. 2022). Each value here differs from ``fid``, ``is`` or ``kid`` in one such choice.
"""

from __future__ import annotations

from functools import partial

from pydantic import Field

from repro.core.errors import ReproError
from repro.core.spec import EvaluationSpec
from repro.evaluate.context import Context
from repro.evaluate.extractor import INCEPTION, SIDE
from repro.evaluate.fidelity import features_of_reference, features_of_samples
from repro.evaluate.registry import MeasureOptions, Values
from repro.evaluate.scores import ScoreOptions, fidelity_scores
from repro.evaluate.trained import Trained

FEATURES = True
VALUES = "fid fid_test fid_fewer fid_min_max fid_bicubic is is_one_split kid kid_tenths precision recall"

OTHER_SPLIT = "test"  # the real images of ``fid_test``


class Options(MeasureOptions):
    """What the base convention is, from which each value departs by one step.

    Attributes:
        reference_split: the real images of all values but ``fid_test``.
        fewer: samples of ``fid_fewer``, the first ones.
        kid_subsets: of ``kid``; ``kid_tenths`` takes ten.
    """

    reference_split: str = "train"
    fewer: int = Field(default=10_000, ge=2)
    kid_subsets: int = Field(default=100, ge=1)

    def check(self, spec: EvaluationSpec) -> None:
        """Check that the images that ``spec`` pays for are enough, and that fewer samples are fewer."""
        self.base().require_enough(spec.generated, spec.limit)
        if spec.generated is not None and self.fewer >= spec.generated:
            raise ReproError(
                f"fid_fewer is of {self.fewer:,} samples, of {spec.generated:,} that are generated",
                remedy="let the profile generate more (measuring: generated) or take less of them "
                "(measuring: options_of: fidelity_conventions: {fewer: ...})",
            )

    def reads(self, spec: EvaluationSpec) -> list[tuple[str, int | None]]:
        """Return both references."""
        return [(self.reference_split, None), (OTHER_SPLIT, None)]

    def base(self) -> ScoreOptions:
        """Return the convention of the field: ten splits, a hundred subsets of a thousand."""
        return ScoreOptions(metrics=("is", "fid", "kid", "prc"), kid_subsets=self.kid_subsets)


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return the values of ``VALUES``, precision and recall in percent.

    ``fid_test``: against the other split. ``fid_fewer``: of fewer samples. ``fid_min_max``: samples made
    uint8 by the smallest and the largest value among them. ``fid_bicubic``: both sides resized by a bicubic
    filter, as clean-fid does, not as TensorFlow 1 did; only where the extractor is the Inception network,
    an embedded one resizes nothing. ``is_one_split``: of all samples at once. ``kid_tenths``: ten subsets
    of a tenth of the samples, as mimicry.

    Raises:
        ReproError: the run has no generator, its output is not finite, or the extractor cannot be had.
    """
    base, resized = options.base(), context.extractor().weights is not None
    reference, other = context.images(options.reference_split), context.images(OTHER_SPLIT)
    n = context.spec.generated or len(reference)
    samples = partial(features_of_samples, trained, context, base, n)
    real = partial(features_of_reference, context, base)
    scores = partial(fidelity_scores, seed=context.spec.seed)
    fid, one_split = ScoreOptions(metrics=("fid",)), ScoreOptions(metrics=("is",), splits=1)
    tenths = ScoreOptions(metrics=("kid",), kid_subsets=10, kid_subset_size="tenth")
    ours, theirs = samples(), real(reference)
    found = scores(ours, theirs, base)
    values = {
        **{name: found[name] for name in ("is", "fid", "kid", "precision", "recall")},
        "fid_test": scores(ours, real(other), fid)["fid"],
        "fid_fewer": scores(ours.first(options.fewer), theirs, fid)["fid"],
        "fid_min_max": scores(samples("min_max"), theirs, fid)["fid"],
        "is_one_split": scores(ours, None, one_split)["is"],
        "kid_tenths": scores(ours, theirs, tenths)["kid"],
    }
    if resized:
        values["fid_bicubic"] = scores(
            samples(side=SIDE[INCEPTION]), real(reference, side=SIDE[INCEPTION]), fid
        )["fid"]
    return values
