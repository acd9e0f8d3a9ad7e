"""IS, FID and KID of one set of images against another, by torch-fidelity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.utils.data import Dataset

from repro.core.errors import ReproError
from repro.core.spec import EvaluationSpec
from repro.evaluate.extractor import Extractor
from repro.evaluate.fidelity_library import torch_fidelity
from repro.evaluate.registry import MeasureOptions, Values

Metric = Literal["is", "fid", "kid"]
METRICS: tuple[Metric, ...] = ("is", "fid", "kid")


class ScoreOptions(MeasureOptions):
    """Which of the three metrics are computed, and how.

    Attributes:
        metrics: those to compute; the Inception score alone needs no real images.
        splits: parts of the sample over which the Inception score's mean and spread are taken (Salimans et
            al. 2016).
        kid_subsets: random subsets over which KID is averaged (Binkowski et al. 2018).
        kid_subset_size: images in each, or ``tenth`` of the generated ones (mimicry, 10 subsets); lowered
            to the smaller sample where that has fewer.
        batch_size: images per pass through the extractor.
    """

    metrics: tuple[Metric, ...] = Field(default=METRICS, min_length=1)
    splits: int = Field(default=10, ge=1)
    kid_subsets: int = Field(default=100, ge=1)
    kid_subset_size: Annotated[int, Field(ge=2)] | Literal["tenth"] = 1000
    batch_size: int = Field(default=128, ge=1)

    def check(self, spec: EvaluationSpec) -> None:
        """Check that the images that ``spec`` pays for are enough."""
        self.require_enough(spec.generated or spec.limit, spec.limit)

    def require_enough(self, generated: int | None, reference: int | None) -> None:
        """Check that there is an image for each split, and two of each sort for a covariance.

        Args:
            generated: number of generated images (or of those in their place); None: as many as there are.
            reference: number of real ones, likewise.

        Raises:
            ReproError: there are too few.
        """
        least = max(2, self.splits if "is" in self.metrics else 2)
        compared = None if set(self.metrics) == {"is"} else reference
        if (generated or least) < least or (compared or 2) < 2:
            against = "" if compared is None else f" against {compared}"
            raise ReproError(
                f"{generated} images{against} are too few for {self.splits} splits",
                remedy="raise the number of generated images or the limit, or lower the option splits",
            )

    def subset_size(self, n_generated: int, n_reference: int) -> int:
        """Return the number of images in each KID subset for samples of these sizes (at least 2)."""
        wanted = n_generated // 10 if self.kid_subset_size == "tenth" else self.kid_subset_size
        return max(2, min(wanted, n_generated, n_reference))


_NAMES = {
    "is": "inception_score_mean",
    "is_std": "inception_score_std",
    "fid": "frechet_inception_distance",
    "kid": "kernel_inception_distance_mean",
    "kid_std": "kernel_inception_distance_std",
}


class UintImages(Dataset[Tensor]):
    """uint8 images (N,3,H,W) in memory, as torch-fidelity takes them."""

    def __init__(self, images: Tensor) -> None:
        self.images = images.cpu()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def fidelity_scores(
    generated: Tensor,
    reference: Tensor | None,
    extractor: Extractor,
    options: ScoreOptions,
    *,
    device: torch.device,
    cache: Path,
    reference_name: str,
    seed: int = 0,
) -> Values:
    """Return IS of ``generated``, and FID and KID between it and ``reference``, from one feature pass over
    each.

    Args:
        generated: uint8 (N,3,H,W).
        reference: uint8 (M,3,H,W); None where ``options.metrics`` is the Inception score alone.
        extractor: which features.
        options: splits and subsets.
        device: where the extractor runs.
        cache: folder for the reference set's features and statistics.
        reference_name: name under which they are kept; must differ between sets that differ.
        seed: of the shuffle before the splits and of the KID subsets.

    Returns:
        Of the metrics asked for: ``is``, ``is_std`` (spread over splits), ``fid``, ``kid``, ``kid_std``
        (spread over subsets), ``kid_subset_size`` (as used).

    Raises:
        ReproError: too few images for the number of splits, or for a covariance.
    """
    compared = len(generated) if reference is None else len(reference)
    options.require_enough(len(generated), compared)
    subset_size = options.subset_size(len(generated), compared)
    cuda = device.type == "cuda"
    with torch.cuda.device(device if cuda else -1):
        scores = torch_fidelity.calculate_metrics(
            input1=UintImages(generated),
            input2=None if reference is None else UintImages(reference),
            input2_cache_name=None if reference is None else reference_name,
            cache_root=str(cache),
            feature_extractor=extractor.name,
            feature_extractor_weights_path=None if extractor.weights is None else str(extractor.weights),
            isc="is" in options.metrics,
            fid="fid" in options.metrics,
            kid="kid" in options.metrics,
            isc_splits=options.splits,
            kid_subsets=options.kid_subsets,
            kid_subset_size=subset_size,
            batch_size=options.batch_size,
            rng_seed=seed,
            cuda=cuda,
            save_cpu_ram=True,  # no loader processes: the images are in memory already
            verbose=False,
        )
    values = {name: scores[long] for name, long in _NAMES.items() if long in scores}
    return {**values, "kid_subset_size": float(subset_size)} if "kid" in options.metrics else values
