"""Inception score from the original and from the worst input noise (RGAN, Fig. 3): mean and spread of draws.

Original and worst noise of a draw come from the same latents. The networks are in eval mode.
"""

from __future__ import annotations

from functools import partial
from statistics import fmean, stdev

from pydantic import Field

from repro.core.spec import EvaluationSpec
from repro.evaluate.context import Context
from repro.evaluate.generated import ToUint8, generated_uint8
from repro.evaluate.registry import MeasureOptions, PositiveRadii, Values
from repro.evaluate.scores import ScoreOptions, fidelity_scores
from repro.evaluate.trained import Trained
from repro.evaluate.worst_case import gan_of, said_of_noise, worst_noise

FEATURES = True
VALUES = "is is_std"


class Options(MeasureOptions):
    """How noise is drawn and moved.

    Attributes:
        radii: lengths of the change from the original to the worst noise, beside 0.
        draws: samples of each noise.
        to_uint8: see ``generated.as_uint8``.
        splits, batch_size: see ``scores.ScoreOptions``.
    """

    radii: PositiveRadii = (0.01, 1.0)
    draws: int = Field(default=5, ge=2)
    to_uint8: ToUint8 = "fixed"
    splits: int = Field(default=10, ge=1)
    batch_size: int = Field(default=128, ge=1)

    def check(self, spec: EvaluationSpec) -> None:
        """Check that the images that ``spec`` pays for are enough."""
        self.score().check(spec)

    def score(self) -> ScoreOptions:
        """Return how a sample's Inception score is taken."""
        return ScoreOptions(metrics=("is",), splits=self.splits)


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return ``is@0``, ``is@RADIUS`` and so on, means over draws, and their deviations as ``is_std@...``.

    Raises:
        ReproError: the run is no unconditional GAN, or the extractor cannot be had.
    """
    method, extractor, n = gan_of(trained), context.extractor(), context.spec.generated
    assert n is not None  # of a run there is a number of samples
    context.threat_model = said_of_noise(method, options.radii, context.generator)
    values: Values = {}
    for radius in (0.0, *options.radii):
        scores = []
        for draw in range(options.draws):
            latent = context.generator(f"latent/{draw}")
            moved = worst_noise(
                method, radius, context.generator, f"noise/latent/{draw}", watch=context.watch
            )
            samples = partial(generated_uint8, method, n, latent, options.to_uint8, moved)
            features = context.shared.features.of(samples, extractor, options.batch_size)
            scores.append(fidelity_scores(features, None, options.score(), seed=context.spec.seed)["is"])
        values |= {f"is@{radius:g}": fmean(scores), f"is_std@{radius:g}": stdev(scores)}
    return values
