"""The Cost plot: one bar per training, split into the attack's network, its kernel, and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.patches import Patch

from repro.cost.costs import Cost
from repro.cost.table import TITLE, cost_stamp
from repro.draw.style import COLOURS, INK, PAGE_WIDTH, STAMP_HEIGHT, new_figure, save, styled

PARTS = (("attack: network", COLOURS[1]), ("attack: kernel", COLOURS[4]), ("rest", COLOURS[5]))
_BAR = 0.2  # inches
_HEAD = 0.5
_AXIS = 0.45


def draw_cost(costs: Sequence[Cost], stem: Path, profile: str) -> list[Path]:
    """Draw ``stem``.png and ``stem``.pdf, a panel per paper, and return the two paths."""
    papers = list(dict.fromkeys(cost.spec.recipe.partition(".")[0] for cost in costs))
    groups = [[cost for cost in costs if cost.spec.recipe.startswith(f"{paper}.")] for paper in papers]
    heights = [_BAR * len(group) + _AXIS for group in groups]
    total = _HEAD + sum(heights) + 0.2 + STAMP_HEIGHT
    with styled():
        figure = new_figure(PAGE_WIDTH, total)
        figure.text(0.02, 1 - 0.18 / total, TITLE, fontsize=9, weight="bold", color=INK, va="center")
        figure.legend(
            handles=[Patch(color=colour, label=name) for name, colour in PARTS],
            loc="upper right",
            bbox_to_anchor=(0.99, 1 - 0.04 / total),
            ncols=len(PARTS),
        )
        top = _HEAD
        for paper, group, height in zip(papers, groups, heights, strict=True):
            box = (0.36, 1 - (top + height - _AXIS) / total, 0.52, (height - _AXIS) / total)
            _panel(figure.add_axes(box), paper, group)
            top += height
        return save(figure, stem, cost_stamp(costs, profile))


def _panel(axes: Any, paper: str, group: Sequence[Cost]) -> None:
    for place, cost in enumerate(group):
        left = 0.0
        for part, (_, colour) in zip(cost.split, PARTS, strict=True):
            axes.barh(place, 1000 * part, left=left, color=colour, height=0.7)
            left += 1000 * part
        error = [[1000 * (cost.seconds - cost.q1)], [1000 * (cost.q3 - cost.seconds)]]
        axes.errorbar(1000 * cost.seconds, place, xerr=error, color=INK, linewidth=0.8, capsize=2)
        relative = "" if cost.relative is None else f"{cost.relative:.2f} ×"
        beside = axes.get_yaxis_transform()  # x as a share of the axes, y in bars
        axes.text(1.01, place, relative, transform=beside, va="center", fontsize=7, color=INK)
    names = [cost.name.removeprefix(f"{paper}.") for cost in group]
    axes.set_yticks(range(len(group)), names, fontsize=7)
    axes.set_ylim(len(group) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel(
        f"{paper}: device milliseconds a step; relative to the plain recipe", fontsize=7, labelpad=1
    )
    axes.tick_params(axis="x", labelsize=6.5)
