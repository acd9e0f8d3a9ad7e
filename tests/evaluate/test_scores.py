"""IS, FID and KID: equal to torch-fidelity called directly, to closed forms, and to themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn

from repro.core.errors import ReproError
from repro.evaluate.extractor import Extractor
from repro.evaluate.feature_store import METRICS, Features, FeatureStore
from repro.evaluate.features import register
from repro.evaluate.registry import Values
from repro.evaluate.scores import ScoreOptions, fidelity_scores
from spread_features import direct_scores, spread_extractor, spread_network

CPU = torch.device("cpu")
OPTIONS = ScoreOptions(splits=2, kid_subsets=5, kid_subset_size=20)


def scores_of(
    ours: Tensor, theirs: Tensor, extractor: Extractor, options: ScoreOptions = OPTIONS, seed: int = 0
) -> Values:
    store = FeatureStore(CPU)
    features = (store.of(lambda: each, extractor) for each in (ours, theirs))  # noqa: B023
    return fidelity_scores(*features, options, seed=seed)


def images(n: int, seed: int, low: int = 0, high: int = 256) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, high, (n, 3, 8, 8), generator=generator, dtype=torch.uint8)


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return spread_extractor()


def test_equals_torch_fidelity_called_directly(extractor: Extractor) -> None:
    ours, theirs = images(60, 1), images(50, 2, high=200)
    got = scores_of(ours, theirs, extractor, seed=3)
    splits = {"isc_splits": 2, "kid_subsets": 5, "kid_subset_size": 20}
    direct = direct_scores(ours, theirs, isc=True, fid=True, kid=True, rng_seed=3, **splits)
    assert got["is"] == direct["inception_score_mean"]
    assert got["is_std"] == direct["inception_score_std"]
    assert got["fid"] == pytest.approx(direct["frechet_inception_distance"], rel=1e-9)
    assert got["kid"] == pytest.approx(direct["kernel_inception_distance_mean"], rel=1e-9)
    assert got["kid_std"] == pytest.approx(direct["kernel_inception_distance_std"], rel=1e-9)


def test_fid_equals_the_closed_form(extractor: Extractor) -> None:
    """Heusel et al. (2017): |mu1 - mu2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)), here by symmetric square roots."""
    ours, theirs = images(400, 1), images(300, 2, low=60, high=200)
    got, network = scores_of(ours, theirs, extractor), spread_network()
    with torch.no_grad():
        a, b = (network.features(x.float() / 255).double().numpy() for x in (ours, theirs))
    difference = a.mean(0) - b.mean(0)
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    eigenvalues, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(eigenvalues.clip(0)) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(0)).sum()
    expected = difference @ difference + np.trace(first) + np.trace(second) - 2 * cross
    assert got["fid"] > 0.01
    assert got["fid"] == pytest.approx(expected, rel=1e-3)


def test_a_set_against_itself(extractor: Extractor) -> None:
    same = images(300, 5)
    got = scores_of(same, same, extractor)
    assert abs(got["fid"]) < 1e-4
    assert abs(got["kid"]) < 1e-4 < scores_of(same, images(300, 2, high=200), extractor)["kid"]


def covered(points: NDArray[Any], others: NDArray[Any], neighbours: int) -> float:
    """Return the percentage of points in a ball around one of ``others`` up to its nearest ``neighbours``."""
    reach = NearestNeighbors(n_neighbors=neighbours).fit(others).kneighbors()[0][:, -1]
    distances = np.linalg.norm(points[:, None] - others, axis=2)
    return float(100 * (distances <= reach).any(axis=1).mean())


def test_kid_precision_and_recall_equal_their_definitions() -> None:
    """The unbiased MMD^2 of Binkowski et al. (2018), balls of Kynkäänniemi et al. (2019)."""
    draw = np.random.default_rng(5)
    ours, theirs = (draw.normal(size=(n, 6)) @ draw.normal(size=(6, 6)) for n in (137, 137))
    features = [Features(dict.fromkeys(METRICS, torch.from_numpy(each))) for each in (ours, theirs)]
    options = ScoreOptions(metrics=("kid", "prc"), kid_subsets=2, kid_subset_size=137, neighbours=4)
    got = fidelity_scores(*features, options)
    first, second, cross = (
        (a @ b.T / 6 + 1) ** 3 for a, b in ((ours, ours), (theirs, theirs), (ours, theirs))
    )
    within = sum((each.sum() - np.trace(each)) / (137 * 136) for each in (first, second))
    assert got["kid"] == pytest.approx(within - 2 * cross.mean(), rel=1e-9)
    assert got["kid_std"] == pytest.approx(0, abs=1e-9)  # every subset is the whole
    expected = (covered(ours, theirs, 4), covered(theirs, ours, 4))
    assert (got["precision"], got["recall"]) == pytest.approx(expected)
    assert 0 < min(expected) < max(expected) < 100


class Sorter(nn.Module):
    """Reads the class off the brightness, without doubt: class k is brightness 20 k."""

    def features(self, floats: Tensor) -> Tensor:
        level = (floats.mean(dim=(1, 2, 3)) * 255 / 20).round().long()
        return nn.functional.one_hot(level, 10).float()

    def classes(self, features: Tensor) -> Tensor:
        return 50 * features  # not more: a class of probability 0 would make the logarithm infinite


@pytest.mark.parametrize("n_classes", [1, 4, 10])
def test_inception_score_counts_balanced_classes(n_classes: int) -> None:
    register("test-sorter", Sorter(), (0.0, 1.0))
    sorter = Extractor(name="test-sorter", sha256="1" * 64, weights=None)
    levels = torch.arange(n_classes).repeat_interleave(30) * 20
    balanced = levels.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 8, 8)
    options = ScoreOptions(splits=1, kid_subsets=1)
    got = scores_of(balanced, balanced, sorter, options)
    assert got["is"] == pytest.approx(n_classes, rel=1e-6)


def test_subset_size_is_lowered_to_the_sample_and_said(extractor: Extractor) -> None:
    options = ScoreOptions(splits=2, kid_subsets=2, kid_subset_size=1000)
    got = scores_of(images(40, 1), images(30, 2), extractor, options)
    assert got["kid_subset_size"] == 30


def test_subset_size_of_a_tenth() -> None:
    options = ScoreOptions(kid_subset_size="tenth")
    assert [options.subset_size(n, n) for n in (50_000, 10_000, 15)] == [5000, 1000, 2]


def test_a_set_is_looked_at_once_by_all_that_name_it(extractor: Extractor) -> None:
    """And again where the extractor, the batch or the set is another, or where nobody named it."""
    store, looked = FeatureStore(CPU), []

    def draw() -> Tensor:
        looked.append(1)
        return images(20, len(looked))

    first = store.of(draw, extractor, 8, "a")
    assert store.of(draw, extractor, 8, "a") is first
    assert store.of(draw, extractor, 4, "a") is not store.of(draw, extractor, 8, "b")
    assert store.of(draw, extractor, 8) is not store.of(draw, extractor, 8)
    assert len(looked) == 5


def test_the_set_that_was_not_asked_for_longest_goes_first(
    extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repro.evaluate.feature_store.ROOM", 0)
    store, looked = FeatureStore(CPU), []

    def ask(name: str) -> None:
        store.of(lambda: looked.append(name) or images(4, 1), extractor, 4, name)

    for sample in ("one", "two", "three"):  # as snapshots do, each against one reference
        ask(sample)
        ask("reference")
    assert looked == ["one", "reference", "two", "three"]
    ask("one")
    assert looked[-1] == "one"


def test_too_few_images_are_refused(extractor: Extractor) -> None:
    with pytest.raises(ReproError, match="too few for 2 splits"):
        scores_of(images(1, 1), images(30, 2), extractor)
