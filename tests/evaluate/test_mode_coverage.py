"""A generator that loses modes is seen: spread within classes, precision and recall against references."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec
from repro.core.streams import Streams
from repro.data.load import load_images
from repro.evaluate.context import Context, Shared
from repro.evaluate.extractor import INCEPTION
from repro.evaluate.feature_store import FeatureStore
from repro.evaluate.fidelity import features_of_reference
from repro.evaluate.generated import generated_uint8
from repro.evaluate.mode_coverage import Options, measure, spread_within
from repro.evaluate.registry import needs
from repro.evaluate.scores import ScoreOptions, fidelity_scores
from repro.evaluate.trained import Trained
from repro.methods.registry import load_method
from small_run import small_run
from spread_features import direct_scores, spread_extractor

CPU = torch.device("cpu")


def test_spread_is_half_the_mean_squared_distance_of_two_images_of_a_class() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(40, 6, generator=generator)
    labels = torch.arange(40) % 3
    labels[0] = 7  # a class of one image has no spread
    found = spread_within(features, labels)
    assert set(found) == {0, 1, 2}
    for k, spread in found.items():
        own = features[labels == k].double().numpy()
        distances = [((a - b) ** 2).sum() for i, a in enumerate(own) for b in own[:i]]
        np.testing.assert_allclose(spread, np.mean(distances) / 2)


def direct(ours: Tensor, theirs: Tensor) -> dict[str, float]:
    """Precision and recall by torch-fidelity itself."""
    found = direct_scores(ours, theirs, prc=True)
    return {name: 100 * found[name] for name in ("precision", "recall")}


def test_precision_and_recall_fall_apart_where_modes_are_lost() -> None:
    generator, extractor = torch.Generator().manual_seed(1), spread_extractor()

    def images(n: int) -> Tensor:
        return torch.randint(0, 256, (n, 3, 8, 8), generator=generator, dtype=torch.uint8)

    real, lost = images(60), images(4).repeat(15, 1, 1, 1)  # four images again and again
    store = FeatureStore(CPU)
    ours, theirs = (store.of(each, extractor, 32) for each in (lambda: lost, lambda: real))
    balls = fidelity_scores(ours, theirs, ScoreOptions(metrics=("prc",)))
    assert balls == direct(lost, real)
    assert balls["recall"] == 0  # the balls around images that occur fifteen times hold nothing else
    labels = torch.arange(60) % 4  # each class is one image
    assert max(spread_within(ours.by_metric["prc"], labels).values()) < 1e-9
    assert min(spread_within(theirs.by_metric["prc"], labels).values()) > 1e-9


@pytest.mark.parametrize("network", ["conditional_dcgan", "dcgan"])
def test_a_conditional_generator_is_measured_and_no_other(network: str, tmp_path: Path) -> None:
    spec = small_run("gan", width=0.03, train_limit=60, options={"network": network, "n_dis": 1})
    data = load_images("cifar10", "train", source="synthetic", limit=60, root=None)
    run = Trained(spec, load_method("gan")(spec, data, Streams(0), CPU), "0" * 64, Layout(tmp_path, "test"))
    asked = EvaluationSpec(
        measure="mode_coverage", run="g", dataset="cifar10", source="synthetic", limit=50, generated=40,
        extractor=INCEPTION,
    )  # fmt: skip
    shared = Shared(run.layout, CPU, None, None)
    shared._extractors[INCEPTION] = extractor = spread_extractor()
    context = Context(asked, shared, tmp_path / "pictures")
    if network == "dcgan":
        with pytest.raises(ReproError, match="knows no classes"):
            measure(run, context, Options())
        return
    got = measure(run, context, Options())
    labels = torch.arange(40) % 10
    ours = generated_uint8(run.method, 40, context.generator("latent"), "fixed", labels=labels)
    theirs = load_images("cifar10", "train", source="synthetic", limit=50, root=None)
    assert {name: got[name] for name in ("precision", "recall")} == direct(ours, theirs.images)
    assert (got["generated"], got["reference"]) == (40, 50)
    assert set(got) == set(needs("mode_coverage").values or ())
    name = (theirs.name, theirs.split, 50, theirs.fingerprint)
    kept = shared.features.of(lambda: pytest.fail("the reference is not kept"), extractor, 128, name)
    assert kept is features_of_reference(context, ScoreOptions(), theirs)
    store = FeatureStore(CPU)
    spreads = [
        spread_within(store.of(lambda: images, extractor).by_metric["prc"], classes)  # noqa: B023
        for images, classes in ((ours, labels), (theirs.images, theirs.labels))
    ]
    assert got["diversity"] == pytest.approx(100 * sum(spreads[0].values()) / sum(spreads[1].values()))
