"""Figure 4: radar plots, one spoke a setting of the optimiser; closer to the middle is a lower FID."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from repro.draw.draw import Shown
from repro.draw.plots import LOST, flag, lost_handle, series_look
from repro.draw.series import Group, Series, groups
from repro.draw.style import (
    INK,
    PAGE_WIDTH,
    STAMP_HEIGHT,
    centred,
    mark_pending,
    new_figure,
    save,
    styled,
)
from repro.judge.artefacts import Panel

_HEIGHT = 4.0


def draw(shown: Shown, stem: Path, stamp: str) -> list[Path]:
    """Write ``stem``.png and ``stem``.pdf and return the two paths."""
    artefact = shown.artefact
    panels = groups(artefact, shown.cells)
    with styled():
        figure = new_figure(PAGE_WIDTH, _HEIGHT)
        centred(figure, f"{artefact.id}   {artefact.title}", _HEIGHT - 0.15, size=8.5, colour=INK)
        foot = (STAMP_HEIGHT + 0.42) / _HEIGHT
        share = 1 / max(1, len(panels))
        for index, (panel, group) in enumerate(zip(artefact.panels, panels, strict=True)):
            box = (share * index + 0.18 * share, foot + 0.06, 0.64 * share, 0.76 - foot)
            at: Any = figure.add_axes(box, projection="polar")
            _radar(at, group, panel)
        lines = {each.name: each for group in panels for each in group.series}
        handles = [Line2D([], [], label=name, **_look(each)) for name, each in lines.items()]
        if any(series.lost for group in panels for series in group.series):
            handles.append(lost_handle())
        place = (0.5, (STAMP_HEIGHT + 0.16) / _HEIGHT)
        figure.legend(handles=handles, loc="lower center", bbox_to_anchor=place, ncols=len(handles))
        label = panels[0].y_label if panels else ""
        about = f"Distance from the middle: {label}, mean over seeds (bars: one deviation); lower is better."
        centred(figure, about, STAMP_HEIGHT + 0.09)
        return save(figure, stem, stamp)


def _radar(at: Any, group: Group, panel: Panel) -> None:
    """Draw one panel; a spoke that was not run has no point, and the line leaves it out.

    A spoke of which a run diverged has a cross at the rim.
    """
    at.set_theta_offset(math.pi / 2)
    at.set_theta_direction(-1)
    at.set_title(group.title, loc="center", pad=20)
    spokes = panel.columns
    places = panel.positions() or [float(index) for index in range(len(spokes))]
    angles = {place: 2 * math.pi * index / len(spokes) for index, place in enumerate(places)}
    at.set_xticks(list(angles.values()), spokes, fontsize=7.5)
    for label, angle in zip(at.get_xticklabels(), angles.values(), strict=True):
        across = math.sin(angle)  # clockwise from the top
        label.set_horizontalalignment("center" if abs(across) < 0.1 else "left" if across > 0 else "right")
    at.tick_params(axis="x", pad=0)
    at.grid(True)
    at.spines["polar"].set(color="#cccccc", linewidth=0.6)
    if group.pending:
        at.set_yticks([])
        mark_pending(at, word=group.missing_word)
        return
    for series in group.series:
        colour = _look(series)["color"]
        points = [point for point in series.points if point.measured is not None]
        theta = [angles[point.place] for point in points]
        radius = [point.measured or 0.0 for point in points]
        closed = len(points) == len(spokes)
        at.plot(theta + theta[:closed], radius + radius[:closed], **_look(series))
        if closed:
            at.fill(theta, radius, color=colour, alpha=0.08, linewidth=0)
        at.errorbar(theta, radius, yerr=[point.spread for point in points], fmt="none", capsize=2,
                    ecolor=colour, elinewidth=0.8)  # fmt: skip
        for point, angle in zip(points, theta, strict=True):
            if point.flagged:
                flag(at, angle, point.measured or 0.0, colour)
    rim = 1.12 * max((each.measured or 0.0) + each.spread for line in group.series for each in line.points)
    at.set_ylim(0, rim)
    for row, series in enumerate(group.series):
        crosses = [angles[point.place] for point in series.lost]
        if not crosses:
            continue
        at.plot(crosses, [rim * (1 - 0.07 * row)] * len(crosses), color=_look(series)["color"],
                clip_on=False, zorder=5, **LOST)  # fmt: skip
    at.yaxis.set_major_locator(MaxNLocator(4, prune="upper"))
    at.set_rlabel_position(180 / len(spokes))  # between the first two spokes
    at.tick_params(axis="y", labelsize=6.5, labelcolor="#666666")


def _look(series: Series) -> dict[str, Any]:
    colour, marker, dash = series_look(series)
    return {"color": colour, "marker": marker, "linestyle": dash}
