"""The epoch at which a curve passes a level, by the declared rule."""

from __future__ import annotations

import pytest

from repro.jobs.overtaking import share_at_passing

CURVE = {"is@10": 9.0, "is@25%": 3.0, "is@50%": 5.0, "is@75%": 4.0, "is@100%": 6.0, "is_std@50%": 9.0}


@pytest.mark.parametrize(
    ("level", "share"),
    [
        (2.0, 0.125),  # half-way from 1, an untrained network's score, to 3
        (3.5, 0.3125),  # the level is a quarter of the way from 3 to 5
        (4.5, 0.8125),  # one snapshot above it is not enough, and at the end there is no second one
        (4.0, 0.75),  # to reach a level is not to pass it
        (6.0, None),
        (0.5, 0.0),
    ],
)
def test_a_level_is_passed_where_two_snapshots_are_above_it(level: float, share: float | None) -> None:
    assert share_at_passing(CURVE, "is", level) == pytest.approx(share)
