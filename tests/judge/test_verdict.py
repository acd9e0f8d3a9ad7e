"""The verdict rule at its edges."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from repro.judge.tolerances import Tolerance, tolerance_around
from repro.judge.verdict import judge, judge_setting, t_interval


def test_interval_of_a_textbook_sample() -> None:
    mean, std, low, high = t_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert mean == 3.0
    assert std == pytest.approx(math.sqrt(2.5))
    # t(0.975, 4) = 2.776445, from printed tables
    assert (low, high) == pytest.approx(
        (3 - 2.776445 * math.sqrt(2.5 / 5), 3 + 2.776445 * math.sqrt(2.5 / 5)), abs=1e-5
    )


def test_interval_of_few_values() -> None:
    mean, std, low, high = t_interval([7.0])
    assert mean == 7.0
    assert math.isnan(std)
    assert (low, high) == (-math.inf, math.inf)
    assert t_interval([1.0, 2.0])[3] == pytest.approx(1.5 + 12.7062 * 0.5, abs=1e-3)
    assert all(math.isnan(part) for part in t_interval([]))


def test_a_seed_without_a_finite_value_is_never_dropped() -> None:
    assert all(math.isnan(part) for part in t_interval([1.0, math.nan, 1.0]))
    verdict = judge(1.0, None, [1.0, math.nan, 1.0], 0.5)
    assert verdict.word == "inconclusive"
    assert verdict.mean is None
    assert judge(1.0, None, [1.0, math.inf, 1.0], 0.5).word == "inconclusive"


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([80.3, 80.4, 80.2], "reproduced"),
        ([85.0, 85.1, 84.9], "not reproduced"),
        ([70.0, 70.1, 69.9], "not reproduced"),
        ([79.0, 81.0, 82.0], "inconclusive"),  # straddles
        ([80.33, 80.33], "inconclusive"),  # two seeds
        ([85.0, 85.0], "inconclusive"),  # two seeds, however far away
        ([80.33], "inconclusive"),
    ],
)
def test_words(values: list[float], word: str) -> None:
    assert judge(80.33, 0.44, values, 1.0).word == word


def test_one_diverged_run_decides_whatever_the_others_say() -> None:
    verdict = judge(80.33, 0.44, [80.3, 80.4, 80.2], 1.0, diverged=1)
    assert (verdict.word, verdict.n, verdict.diverged) == ("diverged", 3, 1)
    assert verdict.mean == pytest.approx(80.3)
    alone = judge(80.33, 0.44, [], 1.0, ("synthetic_data",), diverged=2)
    assert (alone.word, alone.n, alone.diverged, alone.mean, alone.low) == ("diverged", 0, 2, None, None)
    assert judge(80.33, 0.44, [], 1.0).word == "pending"
    assert judge(80.33, None, [80.3], 1.0, cited=True, diverged=1).word == "cited"


def test_identical_seeds_are_a_finding_not_a_verdict() -> None:
    for value in (80.0, 81.0, 90.0):
        verdict = judge(80.0, None, [value] * 5, 1.0)
        assert (verdict.word, verdict.std) == ("inconclusive", 0.0)
    assert judge(80.0, None, [80.0] * 3, 1.0, ["reduced_budget"]).word == "not comparable"


def test_seeds_that_only_rounding_tells_apart_are_alike() -> None:
    verdict = judge(0.2, None, [40.2 - 40.0, 38.8 - 38.6, 41.4 - 41.2], 0.1)
    assert (verdict.word, verdict.std) == ("inconclusive", 0.0)
    assert judge(80.0, None, [80.0, 80.0001, 80.0], 0.1).word == "reproduced"
    for number, word in ((7.8, "not reproduced"), (3.1, "reproduced")):  # a number of the data themselves
        assert judge(number, None, [3.15] * 3, 0.1, exact=True).word == word
        assert judge(number, None, [3.15] * 3, 0.1).word == "inconclusive"


def test_runs_that_never_passed_are_no_reproduction() -> None:
    """What is known of such a run is a bound; only where all are bounds beyond the tolerance it decides."""
    assert judge(25.0, None, [350.0] * 3, 5.0, censored=3).word == "not reproduced"
    assert judge(348.0, None, [350.0] * 3, 5.0, censored=3).word == "inconclusive"
    assert judge(25.0, None, [350.0, 350.0, 20.0], 5.0, censored=2).word == "inconclusive"
    near = [350.0, 350.0, 349.9]
    assert judge(348.0, None, near, 5.0).word == "reproduced"
    assert judge(348.0, None, near, 5.0, censored=2).word == "inconclusive"
    assert judge(400.0, None, near, 5.0, censored=2).word == "inconclusive"
    assert judge(25.0, None, near, 5.0, censored=2).word == "not reproduced"  # and would be larger still
    assert judge(25.0, None, [350.0] * 2, 5.0, censored=2).word == "inconclusive"


def test_without_a_tolerance_nothing_is_judged() -> None:
    verdict = judge(80.0, None, [79.9, 80.0, 80.1], None)
    assert (verdict.word, verdict.tolerance) == ("inconclusive", None)
    assert judge(80.0, None, [79.9, 80.0, 80.1], 0.0).tolerance == 0.0  # a declared 0 is one


def test_twice_the_printed_deviation_widens_the_tolerance() -> None:
    values = [81.49, 81.5, 81.51]
    narrow = judge(80.0, 0.4, values, 1.0)
    wide = judge(80.0, 0.8, values, 1.0)
    assert (narrow.word, narrow.tolerance) == ("not reproduced", 1.0)
    assert (wide.word, wide.tolerance) == ("reproduced", 1.6)
    assert judge(80.0, 1.0, values, None).word == "reproduced"  # no tolerance declared: the +- alone


def test_what_is_not_compared() -> None:
    values = [80.0] * 3
    assert judge(80.0, None, values, 1.0, ["synthetic_data"]).word == "not comparable"
    assert judge(80.0, None, values, 1.0, ["synthetic_data"]).mean == 80.0
    assert judge(None, None, values, None).word == "unreported"
    assert judge(None, None, values, None, ["reduced_budget"]).word == "not comparable"
    assert judge(80.0, None, [], 1.0).word == "pending"
    assert judge(80.0, None, [], 1.0, cited=True).word == "cited"


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=12),
    st.floats(-1e3, 1e3),
    st.floats(0, 100),
    st.floats(0, 100),
)
def test_a_wider_tolerance_never_undoes_a_reproduction(
    values: list[float], reported: float, tolerance: float, more: float
) -> None:
    before, after = judge(reported, None, values, tolerance), judge(reported, None, values, tolerance + more)
    assert not (before.word == "reproduced" and after.word != "reproduced")
    assert not (before.word != "not reproduced" and after.word == "not reproduced")


def test_settings_are_equal_or_not() -> None:
    assert judge_setting(0.0002, 2e-4).word == "reproduced"
    assert judge_setting("hinge", "hinge").word == "reproduced"
    assert judge_setting(5.0, 1.0).word == "not reproduced"
    assert judge_setting(None, 5.0).word == "unreported"
    assert judge_setting(5.0, 1.0, ["reduced_budget"]).word == "not comparable"
    assert judge_setting(5.0, 1.0, ["reduced_budget"]).mean == 1.0


def test_tolerances() -> None:
    relative = {"fid": Tolerance(relative=0.05), "lipschitz": Tolerance(relative=0.1)}
    declared = {"accuracy": Tolerance.model_validate(2.0), **relative}
    assert tolerance_around("accuracy", 80.0, declared) == 2.0
    assert tolerance_around("accuracy_gain", 3.0, declared) == 2.0
    assert tolerance_around("fid_train", 20.0, declared) == pytest.approx(1.0)
    assert tolerance_around("lipschitz", -3.0, declared) == pytest.approx(0.3)
    assert tolerance_around("unheard_of", 3.0, declared) is None
    assert tolerance_around("fid", None, declared) is None


@pytest.mark.parametrize("wrong", [{"relative": 0.1, "absolute": 1}, {}, {"share": 1}, "wide", -1.0])
def test_a_wrong_tolerance_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Tolerance.model_validate(wrong)
