"""Two numbers of the same runs: compared run by run, as SciPy's paired t test does, else as Welch's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from repro.core.cell_key import CellKey
from repro.judge.artefacts import Artefact, Behind, numbers_by_seed
from repro.judge.cells import Cell
from repro.judge.claims import Claim, Judgement, Predicate, Reference
from repro.judge.judging import judge_claims

RUNS = tuple(f"r-s{seed}" for seed in range(5))


def cell(row: str, numbers: np.ndarray, runs: tuple[str, ...] = RUNS) -> Cell:
    mean, std = float(np.mean(numbers)), float(np.std(numbers, ddof=1))
    return Cell(
        "rgan", "figure3", row, "x", "is", measured=mean, measured_std=std, n_seeds=len(numbers), runs=runs
    )


def claim(relation: str = "greater", **more: float) -> Claim:
    left = Reference(artefact="figure3", row="worst", column="x", metric="is")
    predicate = Predicate(left=left, relation=relation, right=Reference(row="original"), **more)
    return Claim(id="rgan.c", statement="s", all=(predicate,)).model_copy(update={"paper": "rgan"})


def judged(
    of: Claim, worst: np.ndarray, original: np.ndarray, *, drop: int = 0, **other: object
) -> Judgement:
    cells = [replace(cell("worst", worst), **other), cell("original", original)]  # type: ignore[arg-type]
    seeds: dict[CellKey, tuple[float, ...]] = {
        each.key: tuple(numbers[drop:]) for each, numbers in zip(cells, (worst, original), strict=True)
    }
    return judge_claims([of], cells, seeds=seeds)[0]


@pytest.fixture
def numbers() -> tuple[np.ndarray, np.ndarray]:
    """Networks that differ much and lose a little, each nearly the same."""
    rng = np.random.default_rng(7)
    original = rng.normal(2.2, 0.1, len(RUNS))
    return original - 0.02 + rng.normal(0, 0.005, len(RUNS)), original


@pytest.mark.parametrize(("relation", "times"), [("greater", 1.0), ("greater", 0.95), ("less", 1.0)])
def test_equals_scipys_paired_test(
    relation: str, times: float, numbers: tuple[np.ndarray, np.ndarray]
) -> None:
    worst, original = numbers
    found = judged(claim(relation, times=times), worst, original)
    test = stats.ttest_rel(worst, times * original, alternative=relation)
    assert found.p == pytest.approx(test.pvalue, rel=1e-9)
    assert found.p_reverse == pytest.approx(1 - test.pvalue, rel=1e-9)
    sign = -1 if relation == "less" else 1
    low, high = sorted(
        sign * bound for bound in stats.ttest_rel(worst, times * original).confidence_interval()
    )
    assert found.effect == pytest.approx(sign * np.mean(worst - times * original))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert "[x] run by run: " in found.reason


def test_a_margin_is_held_against_the_differences(numbers: tuple[np.ndarray, np.ndarray]) -> None:
    worst, original = numbers
    expected = stats.ttest_1samp(original - worst, 0.01, alternative="greater").pvalue
    assert judged(claim("less", by=0.01), worst, original).p == pytest.approx(expected, rel=1e-9)


def test_what_the_networks_differ_in_hides_nothing(numbers: tuple[np.ndarray, np.ndarray]) -> None:
    worst, original = numbers
    assert judged(claim("less"), worst, original).word == "supported"
    others = tuple(f"other-s{seed}" for seed in range(5))
    assert judged(claim("less"), worst, original, runs=others).word == "cannot be told"


@pytest.mark.parametrize("lost", ["a number", "other runs", "a seed of a side"])
def test_welch_where_runs_cannot_be_paired(lost: str, numbers: tuple[np.ndarray, np.ndarray]) -> None:
    worst, original = numbers
    if lost == "a number":
        found = judged(claim("less"), worst, original, drop=1)
    elif lost == "other runs":
        found = judged(claim("less"), worst, original, runs=RUNS[::-1])
    else:
        worst = worst[1:]
        found = judged(claim("less"), worst, original)
    welch = stats.ttest_ind(original, worst, equal_var=False, alternative="greater").pvalue
    assert found.p == pytest.approx(welch, rel=1e-9)
    assert "run by run" not in found.reason


def test_runs_that_all_differ_by_the_same_tell_nothing() -> None:
    original = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    found = judged(claim("less"), original - 0.5, original)
    assert (found.word, found.p) == ("cannot be told", None)
    assert "all 5 runs differ by the same" in found.reason
    right = np.array([201, 194, 207, 188, 210])  # of 1,000 images: one each differs, but for rounding
    found = judged(claim(), 100 * right / 1000, 100 * (right - 1) / 1000)
    assert (found.word, found.p) == ("cannot be told", None)


def test_false_words_are_as_rare_as_declared() -> None:
    """Pairs that differ by chance alone, from networks that differ much: one in twenty each way."""
    rng = np.random.default_rng(11)
    words = []
    for _ in range(2000):
        original = rng.normal(2.2, 0.5, 5)
        words.append(judged(claim(), original + rng.normal(0, 0.1, 5), original).word)
    for word in ("supported", "not supported"):
        low, high = stats.binom.ppf([0.0005, 0.9995], len(words), 0.05)
        assert low <= words.count(word) <= high, (word, words.count(word))


def test_numbers_are_those_that_an_artefact_lists() -> None:
    pending = replace(cell("original", np.array([3.0, 4.0])), measured=None)
    cells = [cell("worst", np.array([1.0, 2.0])), pending]
    listed = Artefact(
        paper="rgan", name="figure3", kind="plot", title="t",
        behind=(Behind(value="is", evaluations=("a", "b"), numbers=(1.0, 2.0)), Behind()),
    )  # fmt: skip
    assert numbers_by_seed([listed], cells) == {cells[0].key: (1.0, 2.0)}
    assert numbers_by_seed([listed.model_copy(update={"behind": ()})], cells) == {}
