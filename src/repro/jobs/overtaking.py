"""When a training's score passes a level: the epoch that Rob-GAN's Figure 8 reads off its curves.

Scores scatter from snapshot to snapshot, so that the first one above the level says little: a run has passed
where two snapshots in succession are above it (at the end of the training one will do). The
crossing lies on the straight line from the snapshot before to the first of these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

UNTRAINED = 1.0  # the least that an Inception Score can be: of images that are all alike


def share_at_passing(values: Mapping[str, float], name: str, level: float) -> float | None:
    """Return the share of a training, in [0,1], after which a score stays above ``level``; None for never.

    Args:
        values: a curve's points, among others, as ``name@25%``; larger is better.
        name: of the score.
        level: what is to be passed.
    """
    points = [(re.fullmatch(rf"{re.escape(name)}@([\d.]+)%", key), value) for key, value in values.items()]
    curve = sorted((float(point[1]) / 100, value) for point, value in points if point)
    share, score = 0.0, UNTRAINED
    for start, (next_share, next_score) in enumerate(curve):
        if all(value > level for _, value in curve[start : start + 2]):
            part = (level - score) / (next_score - score) if score < level else 0.0
            return share + part * (next_share - share)
        share, score = next_share, next_score
    return None
