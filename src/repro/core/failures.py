"""Trainings that go wrong without diverging, told from their logs by declared rules. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from repro.core.spec import Flag, Frozen

WARNINGS = "warnings"  # field of a run's record: sentences by flag


class FailureRules(Frozen):
    """When a training is said to have failed (``config/config.yaml``, ``warnings``).

    Attributes:
        overfitting_fall: share of its highest value that the accuracy under attack of held-out images has
            lost at the end.
        overfitting_rise: points, as a share, by which that of training images is higher by then.
        collapse_fall: share of its highest value that the spread of generated images has lost at the end.
        collapse_below: the share of real images' spread that it must then be below.
    """

    overfitting_fall: float = Field(default=0.3, gt=0, lt=1)
    overfitting_rise: float = Field(default=0.05, ge=0, lt=1)
    collapse_fall: float = Field(default=0.5, gt=0, lt=1)
    collapse_below: float = Field(default=0.3, gt=0, le=1)


def failures(lines: Sequence[Mapping[str, Any]], rules: FailureRules) -> dict[Flag, str]:
    """Return what went wrong in a training, a sentence for each flag.

    Args:
        lines: of its log, each with the ``metrics`` of its steps (means).
        rules: the declared ones.
    """
    found: dict[Flag, str] = {}
    metrics = [line["metrics"] for line in lines]
    looks = [each for each in metrics if "held_out_accuracy" in each and "accuracy" in each]
    if looks:
        best, last = max(looks, key=lambda each: each["held_out_accuracy"]), looks[-1]
        fell = last["held_out_accuracy"] <= (1 - rules.overfitting_fall) * best["held_out_accuracy"]
        if fell and last["accuracy"] >= best["accuracy"] + rules.overfitting_rise:
            found["overfitting"] = (
                f"under attack, accuracy of held-out images fell from {best['held_out_accuracy']:.1%} to "
                f"{last['held_out_accuracy']:.1%} while that of training images rose from "
                f"{best['accuracy']:.1%} to {last['accuracy']:.1%}"
            )
    spreads = [each["diversity"] for each in metrics if "diversity" in each]
    if spreads and spreads[-1] <= min(rules.collapse_below, (1 - rules.collapse_fall) * max(spreads)):
        found["mode_collapse"] = (
            f"generated images differ {spreads[-1]:.2g} times as much as real ones, once it was "
            f"{max(spreads):.2g} times"
        )
    return found
