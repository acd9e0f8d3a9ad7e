"""Inception score, Frechet distance and kernel distance of a generator's samples (IS, FID, KID).

Conventions of the field: 50,000 samples, 10 splits, the training split as reference; of mimicry and the
papers built on it: the same with ``to_uint8: min_max``, KID over 10 subsets of a tenth of the sample.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from repro.core.errors import ReproError
from repro.core.spec import EvaluationSpec
from repro.data.image_set import ImageSet
from repro.evaluate.context import Context
from repro.evaluate.feature_store import Features
from repro.evaluate.generated import ToUint8, generated_uint8
from repro.evaluate.registry import Values
from repro.evaluate.scores import METRICS, Metric, ScoreOptions, fidelity_scores
from repro.evaluate.snapshots import require_snapshots
from repro.evaluate.trained import Trained

FEATURES = True
VALUES = "is is_std fid kid kid_std kid_subset_size precision recall generated reference step"


class Options(ScoreOptions):
    """What is compared with what.

    Attributes:
        metrics: as for all scores; precision and recall stand beside the others, but not over a training.
        reference_split: the real images.
        reference_images: at most so many of them, always the same random ones (DAT, Sec. IV: 50,000 where
            the training split has more); None for all.
        generated: at most so many samples, if the profile pays for more (DAT's code: 10,000 against a test
            split); None for the profile's number.
        to_uint8: ``fixed`` or ``min_max``, see ``generated.as_uint8``.
        checkpoint: ``final`` measures the finished run, ``best_snapshot`` the snapshot with the lowest FID
            (DAT, caption of Table IV: the best FID during training).
    """

    metrics: tuple[Metric, ...] = Field(default=(*METRICS, "prc"), min_length=1)
    reference_split: str = "train"
    reference_images: int | None = Field(default=None, ge=2)
    generated: int | None = Field(default=None, ge=2)
    to_uint8: ToUint8 = "fixed"
    checkpoint: Literal["final", "best_snapshot"] = "final"

    def check(self, spec: EvaluationSpec) -> None:
        """Check that the images that ``spec`` and the options pay for are enough.

        Raises:
            ReproError: they are not, or the best snapshot is wanted without the FID that it is chosen by.
        """
        if self.checkpoint == "best_snapshot" and "fid" not in self.metrics:
            raise ReproError(
                f"best_snapshot is the one with the lowest FID, and metrics are {', '.join(self.metrics)}",
                remedy="add fid to the option metrics, or set checkpoint: final",
            )
        generated = [n for n in (spec.generated, self.generated) if n is not None]
        reference = [n for n in (spec.limit, self.reference_images) if n is not None]
        self.require_enough(min(generated, default=None), min(reference, default=None))

    def reads(self, spec: EvaluationSpec) -> list[tuple[str, int | None]]:
        """Return the reference, which a sample's IS alone does without."""
        alone = set(self.metrics) == {"is"} and spec.generated
        return [] if alone else [(self.reference_split, self.reference_images)]


def features_of_reference(
    context: Context, options: ScoreOptions, data: ImageSet, side: int | None = None
) -> Features:
    """Return the features of real images, taken once for all measurements of one process."""
    name = (data.name, data.split, len(data), data.fingerprint)
    return context.shared.features.of(
        lambda: data.images, context.extractor(), options.batch_size, name, side
    )


def features_of_samples(
    trained: Trained,
    context: Context,
    options: ScoreOptions,
    n: int,
    to_uint8: ToUint8 = "fixed",
    *,
    snapshot: int | None = None,
    side: int | None = None,
) -> Features:
    """Return the features of a run's samples, always from the same latents, taken once as above.

    Args:
        trained: the run.
        context: whose stream of latents, and which extractor.
        options: how many go through it at once.
        n: number of samples.
        to_uint8: how they become pixels.
        snapshot: of this step, whose weights are then loaded; None: with the weights of the finished run.
        side: see ``UintImages``.
    """

    def samples() -> Tensor:
        if snapshot is not None:
            trained.load_snapshot(snapshot)
        return generated_uint8(trained.method, n, context.generator("latent"), to_uint8)

    name = ("samples", trained.sha256, snapshot, n, context.spec.seed, to_uint8)
    return context.shared.features.of(samples, context.extractor(), options.batch_size, name, side)


def score_generator(
    trained: Trained, context: Context, options: Options, snapshot: int | None = None
) -> Values:
    """Return the scores of a run's samples, from the same latents every time.

    Args:
        trained: the run.
        context: says how many samples.
        options: what they are compared with.
        snapshot: of this step, whose weights are then loaded; None: with the weights of the finished run.
    """
    compares = set(options.metrics) != {"is"}
    split, most = options.reference_split, options.reference_images
    reference = context.images(split, most) if compares or not context.spec.generated else None
    n = context.spec.generated or (len(reference) if reference else 0)
    n = min(n, options.generated or n)
    ours = features_of_samples(trained, context, options, n, options.to_uint8, snapshot=snapshot)
    theirs = features_of_reference(context, options, reference) if reference and compares else None
    scores = fidelity_scores(ours, theirs, options, seed=context.spec.seed)
    sizes = {"generated": float(n)} | ({"reference": float(len(reference))} if reference else {})
    return {**scores, **sizes}


def score_snapshots(trained: Trained, context: Context, options: Options) -> dict[int, Values]:
    """Return the scores of each of the run's snapshots by step; the method may end with any one's weights.

    Without precision and recall, which take longer than all the others together.

    Raises:
        ReproError: the run left no snapshots.
    """
    metrics = tuple(metric for metric in options.metrics if metric != "prc")
    fast = options.model_copy(update={"metrics": metrics})
    return {step: score_generator(trained, context, fast, step) for step in require_snapshots(trained)}


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return the scores, among them ``precision`` and ``recall``, and the sample sizes used.

    With ``checkpoint: best_snapshot`` also ``step``, the snapshot that was chosen.

    Raises:
        ReproError: the run has no generator (or no snapshots), or the extractor cannot be had.
    """
    if options.checkpoint == "final":
        return score_generator(trained, context, options)
    scores = score_snapshots(trained, context, options)
    best = min(scores, key=lambda step: scores[step]["fid"])
    balls = options.model_copy(update={"metrics": ("prc",)})
    more = score_generator(trained, context, balls, best) if "prc" in options.metrics else {}
    return {**scores[best], **more, "step": float(best)}
