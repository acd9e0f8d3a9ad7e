"""The epoch at which a curve passes a level, by the declared rule."""

from __future__ import annotations

import pytest

from repro.jobs.overtaking import share_at_passing

CURVE = {"is@10": 9.0, "is@25%": 3.0, "is@50%": 5.0, "is@75%": 4.0, "is@100%": 6.0, "is_std@50%": 9.0}


@pytest.mark.parametrize(
    ("level", "in_a_row", "share"),
    [
        (2.0, 2, 0.125),  # half-way from 1, an untrained network's score, to 3
        (2.0, 1, 0.125),
        (3.5, 2, 0.3125),  # the level is a quarter of the way from 3 to 5
        (4.5, 1, 0.4375),  # one snapshot above it is enough,
        (4.5, 2, 0.8125),  # or it is not, and at the end there is no second one
        (4.0, 2, 0.75),  # to reach a level is not to pass it
        (6.0, 1, None),
        (0.5, 2, 0.0),
    ],
)
def test_a_level_is_passed_where_enough_snapshots_are_above_it(
    level: float, in_a_row: int, share: float | None
) -> None:
    assert share_at_passing(CURVE, "is", level, in_a_row) == pytest.approx(share)
