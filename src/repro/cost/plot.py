"""The Cost plot: one bar per training, split into the attack's network, its kernel, and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from repro.cost.costs import Cost
from repro.cost.table import TITLE, cost_stamp
from repro.draw.style import COLOURS, INK, PAGE_WIDTH, STAMP_HEIGHT, new_figure, save, styled
from repro.draw.table_layout import text_width

PARTS = (("attack: network", COLOURS[1]), ("attack: kernel", COLOURS[4]), ("rest", COLOURS[5]))
_WHISKERS = Line2D([], [], color=INK, linewidth=0.8, label="whiskers: quartiles")
_SIZE = 7
_LEFT = 2.52  # inches left of the bars
_BAR = 0.2
_HEAD = 0.5
_AXIS = 0.45


def draw_cost(costs: Sequence[Cost], stem: Path, profile: str) -> list[Path]:
    """Draw ``stem``.png and ``stem``.pdf, a panel per paper and device, and return the two paths."""
    places = list(dict.fromkeys(map(_place, costs)))
    groups = [[cost for cost in costs if _place(cost) == place] for place in places]
    heights = [_BAR * len(group) + _AXIS for group in groups]
    total = _HEAD + sum(heights) + 0.2 + STAMP_HEIGHT
    with styled():
        figure = new_figure(PAGE_WIDTH, total)
        figure.text(0.02, 1 - 0.18 / total, TITLE, fontsize=9, weight="bold", color=INK, va="center")
        figure.legend(
            handles=[*(Patch(color=colour, label=name) for name, colour in PARTS), _WHISKERS],
            loc="upper right",
            bbox_to_anchor=(0.99, 1 - 0.04 / total),
            ncols=len(PARTS) + 1,
        )
        top = _HEAD
        for (paper, device), group, height in zip(places, groups, heights, strict=True):
            box = (_LEFT / PAGE_WIDTH, 1 - (top + height - _AXIS) / total, 0.52, (height - _AXIS) / total)
            _panel(figure.add_axes(box), paper, device, group)
            top += height
        return save(figure, stem, cost_stamp(costs, profile))


def _place(cost: Cost) -> tuple[str, str]:
    """Return paper and device: times of two devices have no axis in common."""
    return cost.spec.recipe.partition(".")[0], cost.device


def _labels(paper: str, group: Sequence[Cost]) -> list[str]:
    """Return the trainings' names, with the data set where one repeats, cut to the room that they have."""
    names = [cost.name.removeprefix(f"{paper}.") for cost in group]
    labels = []
    for name, cost in zip(names, group, strict=True):
        beside = f", {cost.spec.dataset}" if names.count(name) > 1 else ""
        label = name + beside
        while name and text_width(label, _SIZE) > _LEFT - 0.15:
            name = name[:-1]
            label = f"{name}…{beside}"
        labels.append(label)
    return labels


def _panel(axes: Any, paper: str, device: str, group: Sequence[Cost]) -> None:
    for place, cost in enumerate(group):
        left = 0.0
        for part, (_, colour) in zip(cost.split, PARTS, strict=True):
            axes.barh(place, 1000 * part, left=left, color=colour, height=0.7)
            left += 1000 * part
        error = [[1000 * (cost.seconds - cost.q1)], [1000 * (cost.q3 - cost.seconds)]]
        axes.errorbar(1000 * cost.seconds, place, xerr=error, color=INK, linewidth=0.8, capsize=2)
        relative = "" if cost.relative is None else f"{cost.relative:.2f} ×"
        beside = axes.get_yaxis_transform()  # x as a share of the axes, y in bars
        axes.text(1.01, place, relative, transform=beside, va="center", fontsize=_SIZE, color=INK)
    axes.set_yticks(range(len(group)), _labels(paper, group), fontsize=_SIZE)
    axes.set_ylim(len(group) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel(
        f"{paper} on {device}: device milliseconds a step; relative to the plain recipe",
        fontsize=_SIZE,
        labelpad=1,
    )
    axes.tick_params(axis="x", labelsize=6.5)
