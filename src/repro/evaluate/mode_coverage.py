"""Whether a conditional generator loses modes: how much its images of one class differ, precision and recall.

Rob-GAN (CVPR 2019, Sec. 4.2) says that AC-GAN's loss "can easily lose modes": the generator ignores its noise
and gives one image for each class. Then the images of a class hardly differ, and few of the real images lie
near a generated one (recall; Kynkäänniemi et al. 2019, by torch-fidelity).
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from repro.core.errors import ReproError
from repro.core.spec import EvaluationSpec
from repro.data.catalogue import dataset_info
from repro.evaluate.context import Context
from repro.evaluate.fidelity import features_of_reference
from repro.evaluate.generated import generated_uint8
from repro.evaluate.registry import MeasureOptions, Values
from repro.evaluate.scores import ScoreOptions, fidelity_scores
from repro.evaluate.trained import Trained

FEATURES = True
VALUES = "diversity precision recall generated reference"


class Options(MeasureOptions):
    """What is compared with what.

    Attributes:
        reference_split: the real images.
        images: at most so many of either side, the generated ones evenly over the classes.
        neighbours: the nearest ones that span the ball around an image (the authors' 3).
        batch_size: images per pass through the extractor.
    """

    reference_split: str = "train"
    images: int = Field(default=10_000, ge=2)
    neighbours: int = Field(default=3, ge=1)
    batch_size: int = Field(default=128, ge=1)

    def check(self, spec: EvaluationSpec) -> None:
        """Check that a class has two images on either side, and that an image has its neighbours.

        Raises:
            ReproError: there are too few.
        """
        classes = dataset_info(spec.dataset).classes
        generated, reference = (min(n or self.images, self.images) for n in (spec.generated, spec.limit))
        if min(generated, reference) <= max(classes, self.neighbours):
            raise too_few(generated, reference, classes)

    def reads(self, spec: EvaluationSpec) -> list[tuple[str, int | None]]:
        """Return the real images."""
        return [(self.reference_split, self.images)]


def too_few(generated: int, reference: int, classes: int) -> ReproError:
    """Return the error that so many images of either side are."""
    return ReproError(
        f"{generated} generated and {reference} real images are too few for {classes} classes",
        remedy="let the profile generate and measure more images, two for each class at least",
    )


def spread_within(features: Tensor, labels: Tensor) -> dict[int, float]:
    """Return the trace of the features' covariance within each class that has two images or more.

    It is half the mean squared distance of two images of the class.

    Args:
        features: (N,F).
        labels: (N,), int64.
    """
    classes = {int(k): features[labels == k].double() for k in torch.unique(labels)}
    return {k: float(own.var(dim=0).sum()) for k, own in classes.items() if len(own) > 1}


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return ``diversity``, ``precision``, ``recall`` in percent, and the sizes of both sides.

    ``diversity`` is the spread of features within a class, mean over classes, of that of real images.

    Raises:
        ReproError: the run has no conditional generator, its output is not finite, too few images for a
            class, or the extractor cannot be had.
    """
    method = trained.method
    classes = int(method.generator().n_classes)  # type: ignore[arg-type]
    if not classes:
        raise ReproError(
            f"the generator of run {trained.spec.run_id} knows no classes, so it has no spread within them",
            remedy="measure mode_coverage of conditional generators only",
        )
    real = context.labelled(options.reference_split, options.images)
    n = min(options.images, context.spec.generated or options.images)
    labels = torch.arange(n) % classes
    generated = generated_uint8(method, n, context.generator("latent"), "fixed", labels=labels)
    balls = ScoreOptions(metrics=("prc",), neighbours=options.neighbours, batch_size=options.batch_size)
    ours = context.shared.features.of(lambda: generated, context.extractor(), options.batch_size)
    theirs = features_of_reference(context, balls, real)
    found = spread_within(ours.by_metric["prc"], labels)
    reference = spread_within(theirs.by_metric["prc"], real.labels.cpu())
    shared = found.keys() & reference.keys()
    if not shared or min(n, len(real)) <= options.neighbours:
        raise too_few(n, len(real), classes)
    return {
        "diversity": 100 * sum(found[k] for k in shared) / sum(reference[k] for k in shared),
        **fidelity_scores(ours, theirs, balls),
        "generated": float(n),
        "reference": float(len(real)),
    }
