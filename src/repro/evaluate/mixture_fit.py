"""How well the toy GAN's samples fit the nine Gaussians after a share of the training (DAT, Fig. 3)."""

from __future__ import annotations

from pydantic import Field

from repro.core.errors import ReproError
from repro.evaluate.context import Context
from repro.evaluate.generated import finite_sample
from repro.evaluate.mixture_scores import MixtureOptions, draw_density, mixture_scores
from repro.evaluate.registry import Values
from repro.evaluate.snapshots import percentages
from repro.evaluate.trained import Trained
from repro.methods.toy_gan import PlaneOptions

VALUES = "high_quality kl kl_modes modes"


class Options(MixtureOptions):
    """How points are scored, and when.

    Attributes:
        share: percent of the training after which the samples are drawn; there must be a snapshot.
    """

    share: float = Field(default=100.0, gt=0, le=100)


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return the scores of ``mixture_scores`` and draw ``density.png``; the same latents for every run.

    Raises:
        ReproError: the run is no toy GAN, left no snapshot at that share of the training, or its
            generator's output is not finite.
    """
    spec, toy = trained.spec, trained.method.options
    if not isinstance(toy, PlaneOptions):
        raise ReproError(
            f"run {spec.run_id} makes images, not points of the plane",
            remedy="name a run of toy_gan or toy_dat",
        )
    steps = percentages(trained.snapshots, spec.steps, spec.snapshots)
    key = f"{options.share:g}"
    if key not in steps:
        raise ReproError(
            f"run {spec.run_id} has no snapshot after {key} % of its training",
            remedy=f"set snapshots in the recipe to fit; it has those after {', '.join(steps) or 'no'} %",
        )
    trained.load_snapshot(steps[key], needs=("generator",))
    points = finite_sample(trained.method, options.samples, context.generator("latent"))
    draw_density(points, context.pictures / "density.png", toy.mixture, toy.spread)
    return mixture_scores(points, toy.mixture, toy.spread, options)
