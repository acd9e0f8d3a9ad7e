"""IS, FID, KID, precision and recall of one set of images against another, by torch-fidelity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import interpolate
from torch.utils.data import Dataset

from repro.core.errors import ReproError
from repro.core.spec import EvaluationSpec
from repro.evaluate.extractor import Extractor
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


_NAMES = {
    "is": "inception_score_mean",
    "is_std": "inception_score_std",
    "fid": "frechet_inception_distance",
    "kid": "kernel_inception_distance_mean",
    "kid_std": "kernel_inception_distance_std",
    "precision": "precision",
    "recall": "recall",
}
_PERCENT = {"precision", "recall"}


class UintImages(Dataset[Tensor]):
    """uint8 images (N,3,H,W) in memory, as torch-fidelity takes them.

    Args:
        images: the images.
        side: resize each to so many pixels in height and width as PIL's bicubic filter does, which is
            clean-fid's convention (Parmar et al. 2022), rounded to grey levels; None leaves it as it is.
    """

    def __init__(self, images: Tensor, side: int | None = None) -> None:
        self.images, self.side = images.cpu(), side

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        image = self.images[index]
        if self.side is None:
            return image
        # antialias: also where it enlarges, torch then has PIL's coefficients (a = -1/2)
        large = interpolate(image[None].float(), size=(self.side, self.side), mode="bicubic", antialias=True)
        return large[0].clamp(0, 255).round().to(torch.uint8)


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
    side: int | None = None,
) -> Values:
    """Return IS of ``generated``, and the other metrics between it and ``reference``, from one feature pass
    over each.

    Args:
        generated: uint8 (N,3,H,W).
        reference: uint8 (M,3,H,W); None where ``options.metrics`` is the Inception score alone.
        extractor: which features.
        options: splits and subsets.
        device: where the extractor runs.
        cache: folder for the reference set's features and statistics.
        reference_name: name under which they are kept; must differ between sets that differ.
        seed: of the shuffle before the splits and of the KID subsets.
        side: to which the images of both sets are resized before the extractor sees them, see ``UintImages``.

    Returns:
        Of the metrics asked for: ``is``, ``is_std`` (spread over splits), ``fid``, ``kid``, ``kid_std``
        (spread over subsets), ``kid_subset_size`` (as used), ``precision`` and ``recall`` in percent.

    Raises:
        ReproError: too few images for the number of splits, for a covariance, or for neighbours.
    """
    compared = len(generated) if reference is None else len(reference)
    options.require_enough(len(generated), compared)
    subset_size = options.subset_size(len(generated), compared)
    cuda = device.type == "cuda"
    name = reference_name if side is None else f"{reference_name}-{side}"
    with torch.cuda.device(device if cuda else -1):
        scores = torch_fidelity.calculate_metrics(
            input1=UintImages(generated, side),
            input2=None if reference is None else UintImages(reference, side),
            input2_cache_name=None if reference is None else name,
            cache_root=str(cache),
            feature_extractor=extractor.name,
            feature_extractor_weights_path=None if extractor.weights is None else str(extractor.weights),
            isc="is" in options.metrics,
            fid="fid" in options.metrics,
            kid="kid" in options.metrics,
            prc="prc" in options.metrics,
            isc_splits=options.splits,
            kid_subsets=options.kid_subsets,
            kid_subset_size=subset_size,
            prc_neighborhood=options.neighbours,
            batch_size=options.batch_size,
            rng_seed=seed,
            cuda=cuda,
            save_cpu_ram=True,  # no loader processes: the images are in memory already
            verbose=False,
        )
    values = {
        short: scores[long] * (100 if short in _PERCENT else 1)
        for short, long in _NAMES.items()
        if long in scores
    }
    return {**values, "kid_subset_size": float(subset_size)} if "kid" in options.metrics else values
