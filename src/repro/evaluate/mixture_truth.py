"""The same scores of points drawn from the nine Gaussians themselves (DAT, Fig. 3, "real samples").

They say what a perfect generator would score: all modes, and divergences of 0 up to the estimate's error.
"""

from __future__ import annotations

from repro.data.gaussians import Mixture, Spread, sample_gaussians
from repro.evaluate.context import Context
from repro.evaluate.mixture_scores import MixtureOptions, draw_density, mixture_scores
from repro.evaluate.registry import Values

NEEDS_RUN = False
VALUES = "high_quality kl kl_modes modes"


class Options(MixtureOptions):
    """How points are scored, and of which mixture; see ``data/gaussians.py``."""

    mixture: Mixture = "balanced"
    spread: Spread = "variance"


def measure(trained: None, context: Context, options: Options) -> Values:
    """Return the scores of ``mixture_scores`` and draw ``density.png``."""
    points, _ = sample_gaussians(
        options.samples, context.generator("latent"), mixture=options.mixture, spread=options.spread
    )
    draw_density(points, context.pictures / "density.png", options.mixture, options.spread)
    return mixture_scores(points, options.mixture, options.spread, options)
