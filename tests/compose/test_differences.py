"""Two sets of results: what differs beside the numbers, and which differences have a p."""

from __future__ import annotations

from dataclasses import replace

import pytest

from repro.cli.show import show_differences
from repro.compose.differences import CLASSIFIERS, FEATURES, differences_of, features_of
from repro.judge.cells import Cell

FIRST = Cell("dat", "table4", "DAT", "CIFAR-10", "fid", measured=20.0, measured_std=0.5, n_seeds=3)
SECOND = replace(FIRST, measured=21.0)


@pytest.mark.parametrize("diverged", [(1, 0), (0, 2), (1, 1)])
def test_survivors_of_a_divergence_have_no_p(diverged: tuple[int, int]) -> None:
    sides = [replace(cell, diverged=n) for cell, n in zip((FIRST, SECOND), diverged, strict=True)]
    (found,) = differences_of(sides[:1], sides[1:]).both
    assert (found.difference, found.p, found.low, found.high) == (1.0, None, None, None)
    assert ("diverged" in found.other) == (diverged[0] != diverged[1])


def test_what_is_not_the_same_is_named() -> None:
    (same,) = differences_of([FIRST], [SECOND]).both
    assert same.other == ()
    assert same.p is not None
    flagged = replace(SECOND, flags=("mode_collapse",), precision=("bf16",))
    (found,) = differences_of([FIRST], [flagged]).both
    assert found.other == ("precision", "flags")
    assert found.p == same.p


def test_numbers_in_other_features_are_two_metrics_and_are_not_compared(
    capsys: pytest.CaptureFixture[str],
) -> None:
    embedded = replace(SECOND, stand_ins=("embedded_features",))
    for sides in ((FIRST, embedded), (embedded, FIRST)):
        found = differences_of(sides[:1], sides[1:])
        (only,) = found.both
        assert (only.difference, only.low, only.high, only.p) == (None, None, None, None)
        assert (only.other, only.why) == (("stand ins",), FEATURES)
        assert only.as_json()["why"] == FEATURES
        show_differences(found, ["mine", "theirs"])
        printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
        assert "FID" in printed
        assert "FID*" in printed
        assert "not compared" in printed
    (both,) = differences_of([embedded], [replace(embedded, measured=20.5)]).both
    assert (both.difference, both.why) == (-0.5, "")
    mine, theirs = (
        features_of([{"spec": {"run": "r-s0"}, "extractor_sha256": sha256}]) for sha256 in ("a", "b")
    )
    runs = replace(embedded, runs=("r-s0",))
    for features, why in (((mine, theirs), CLASSIFIERS), ((mine, mine), ""), ((mine, {}), "")):
        (told,) = differences_of([runs], [runs], features).both
        assert (told.why, told.difference is None) == (why, bool(why))
    show_differences(differences_of([embedded], [embedded]), ["mine", "theirs"])
    assert "FID*" in capsys.readouterr().out
