"""IS, FID, KID, precision and recall of one set of images against another, by torch-fidelity."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from repro.core.errors import ReproError
from repro.core.spec import EvaluationSpec
from repro.evaluate.feature_store import Features
from repro.evaluate.fidelity_library import torch_fidelity
from repro.evaluate.registry import MeasureOptions, Values

Metric = Literal["is", "fid", "kid", "prc"]
METRICS: tuple[Metric, ...] = ("is", "fid", "kid")


class ScoreOptions(MeasureOptions):
    """Which of the metrics are computed, and how.

    Attributes:
        metrics: those to compute; the Inception score alone needs no real images. ``prc`` is precision and
            recall (Kynkäänniemi et al. 2019).
        splits: parts of the sample over which the Inception score's mean and spread are taken (Salimans et
            al. 2016).
        kid_subsets: random subsets over which KID is averaged (Binkowski et al. 2018).
        kid_subset_size: images in each, or ``tenth`` of the generated ones (mimicry, 10 subsets); lowered
            to the smaller sample where that has fewer.
        neighbours: the nearest ones that span the ball around an image, for precision and recall (the
            authors' 3).
        batch_size: images per pass through the extractor.
    """

    metrics: tuple[Metric, ...] = Field(default=METRICS, min_length=1)
    splits: int = Field(default=10, ge=1)
    kid_subsets: int = Field(default=100, ge=1)
    kid_subset_size: Annotated[int, Field(ge=2)] | Literal["tenth"] = 1000
    neighbours: int = Field(default=3, ge=1)
    batch_size: int = Field(default=128, ge=1)

    def check(self, spec: EvaluationSpec) -> None:
        """Check that the images that ``spec`` pays for are enough."""
        self.require_enough(spec.generated or spec.limit, spec.limit)

    def require_enough(self, generated: int | None, reference: int | None) -> None:
        """Check that there is an image for each split, two of each sort for a covariance, and neighbours.

        Args:
            generated: number of generated images (or of those in their place); None: as many as there are.
            reference: number of real ones, likewise.

        Raises:
            ReproError: there are too few.
        """
        both = self.neighbours + 1 if "prc" in self.metrics else 2
        least = max(both, self.splits if "is" in self.metrics else 2)
        compared = None if set(self.metrics) == {"is"} else reference
        if (generated or least) < least or (compared or both) < both:
            against = "" if compared is None else f" against {compared}"
            near = f" or {self.neighbours} neighbours" if "prc" in self.metrics else ""
            raise ReproError(
                f"{generated} images{against} are too few for {self.splits} splits{near}",
                remedy="raise the number of generated images or the limit, or lower the option splits",
            )

    def subset_size(self, n_generated: int, n_reference: int) -> int:
        """Return the number of images in each KID subset for samples of these sizes (at least 2)."""
        wanted = n_generated // 10 if self.kid_subset_size == "tenth" else self.kid_subset_size
        return max(2, min(wanted, n_generated, n_reference))


def fidelity_scores(
    generated: Features, reference: Features | None, options: ScoreOptions, *, seed: int = 0
) -> Values:
    """Return IS of ``generated``, and the other metrics between it and ``reference``, by torch-fidelity.

    Args:
        generated: features of N images.
        reference: features of M images; None where ``options.metrics`` is the Inception score alone.
        options: splits and subsets.
        seed: of the shuffle before the splits and of the KID subsets.

    Returns:
        Of the metrics asked for: ``is``, ``is_std`` (spread over splits), ``fid``, ``kid``, ``kid_std``
        (spread over subsets), ``kid_subset_size`` (as used), ``precision`` and ``recall`` in percent.

    Raises:
        ReproError: too few images for the number of splits, for a covariance, or for neighbours.
    """
    ours = generated.by_metric
    theirs = ours if reference is None else reference.by_metric
    options.require_enough(len(ours["isc"]), len(theirs["fid"]))
    values: Values = {}
    if "is" in options.metrics:
        isc = torch_fidelity.metric_isc
        found = isc.isc_features_to_metric(ours["isc"], options.splits, shuffle=True, rng_seed=seed)
        values |= {"is": found[isc.KEY_METRIC_ISC_MEAN], "is_std": found[isc.KEY_METRIC_ISC_STD]}
    if reference is None:
        return values
    if "fid" in options.metrics:
        fid = torch_fidelity.metric_fid
        found = fid.fid_statistics_to_metric(generated.normal, reference.normal, verbose=False)
        values["fid"] = found[fid.KEY_METRIC_FID]
    if "kid" in options.metrics:
        kid, size = torch_fidelity.metric_kid, options.subset_size(len(ours["kid"]), len(theirs["kid"]))
        found = kid.kid_features_to_metric(
            ours["kid"],
            theirs["kid"],
            kid_subsets=options.kid_subsets,
            kid_subset_size=size,
            rng_seed=seed,
            verbose=False,
        )
        values |= {"kid": found[kid.KEY_METRIC_KID_MEAN], "kid_std": found[kid.KEY_METRIC_KID_STD]}
        values["kid_subset_size"] = float(size)
    if "prc" in options.metrics:
        prc = torch_fidelity.metric_prc
        found = prc.prc_features_to_metric(
            ours["prc"],
            theirs["prc"],
            prc_neighborhood=options.neighbours,
            prc_batch_size=1000,  # its 10,000 would hold 4 GB of distances to 50,000 images
            save_cpu_ram=True,
            verbose=False,
        )
        values |= {"precision": 100 * found["precision"], "recall": 100 * found["recall"]}
    return values
