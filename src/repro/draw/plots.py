"""The plot that serves most figures: lines over numbers, bars over categories, pending parts visible."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from repro.draw.numbers import FLAG, flag_lines
from repro.draw.series import Group, Series, groups
from repro.draw.style import (
    COLOURS,
    DASHES,
    FAINT,
    INK,
    MARKERS,
    PAGE_WIDTH,
    SMALL_LINE,
    STAMP_HEIGHT,
    mark_pending,
    new_figure,
    save,
    small_print,
    styled,
    write_small_print,
)
from repro.judge.artefacts import Artefact, stamp_of
from repro.judge.cells import Cell

_AXES_HEIGHT = 2.2  # inches per row of axes
HANDLE = 4.4  # letters that a line of the legend is long: a marker in its middle leaves two dots of each dash
_MAX_PER_ROW = 3
_LEAST_SPAN = 0.05  # of an x axis, as a share of its values: what is nearly one place is drawn as one
_LEAST_HEIGHT = 1e-3  # of a y axis of lines, likewise: rounding is not drawn as if it were a curve


def draw_plot(artefact: Artefact, cells: Sequence[Cell], stem: Path, profile: str) -> list[Path]:
    """Draw one figure as ``stem``.png and ``stem``.pdf and return the two paths.

    Measured values are filled markers with a band (lines) or bar (bars) of one standard deviation over seeds,
    those that may mislead have a flag, which is explained at the foot; values that the paper prints are open
    diamonds; what was not run says "pending", what diverged says so, on lines by a cross at the upper edge.
    """
    shown = groups(artefact, cells)
    absent = _absent(shown)
    remarks = [*flag_lines(cells), *_pending_lines(shown, absent)]
    with styled():
        figure = _figure(artefact, shown, _handles(shown, absent), remarks)
        axes = figure.subplots(*_grid(len(shown)), squeeze=False).flatten()
        for empty in axes[len(shown) :]:
            empty.axis("off")
        width = figure.get_figwidth() / _grid(len(shown))[1] - 0.7  # of one pair of axes, about
        for at, group in zip(axes, shown, strict=False):
            at.set_yscale(artefact.y_scale)
            if group.categories is None:
                _lines(at, group, artefact)
            else:
                _bars(at, group, width, absent)
            _dress(at, group, width)
        return save(figure, stem, " · ".join(filter(None, [stamp_of(profile, cells), artefact.sample])))


def _grid(n: int) -> tuple[int, int]:
    columns = min(n, _MAX_PER_ROW) if n != 4 else 2
    return math.ceil(n / columns), columns


def _figure(
    artefact: Artefact, shown: Sequence[Group], handles: Sequence[Any], remarks: Sequence[str]
) -> Figure:
    """Return a figure with title, shared legend and remarks, all outside the part that the axes may fill."""
    rows, columns = _grid(len(shown))
    width = 4.6 if columns == 1 else PAGE_WIDTH
    entry = 0.73 + 0.062 * max((len(handle.get_label()) for handle in handles), default=1)
    per_line = max(1, min(len(handles), int(width / entry)))
    legend = 0.165 * math.ceil(len(handles) / per_line) + 0.06  # inches
    remarks = small_print(remarks, width)
    below = STAMP_HEIGHT + SMALL_LINE * len(remarks)
    height = rows * _AXES_HEIGHT + 0.3 + legend + below
    foot = (legend + below) / height
    figure = new_figure(width, height)
    write_small_print(figure, remarks)
    figure.set_layout_engine("constrained", rect=(0.005, foot, 0.99, 0.99 - foot), h_pad=0.05, w_pad=0.06)
    title = textwrap.fill(f"{artefact.id}   {artefact.title}", int(width * 15))
    figure.suptitle(title, fontsize=8.5, color=INK)
    if handles:
        anchor = (0.5, below / height)
        box = figure.legend(handles=handles, loc="lower center", bbox_to_anchor=anchor, ncols=per_line,
                            handlelength=HANDLE, borderaxespad=0.2, columnspacing=1.4)  # fmt: skip
        box.set_in_layout(False)
    return figure


def _lines(at: Any, group: Group, artefact: Artefact) -> None:
    for row, series in enumerate(group.series):
        colour, marker, dash = series_look(series)
        mean_line(at, series, colour, marker, dash)
        mark_lost(at, series, colour, row)
        printed = [point for point in series.points if point.reported is not None]
        _open_markers(at, [point.place for point in printed], [point.reported for point in printed], colour)
    at.grid(True)
    low, high = at.get_ylim()
    short = _LEAST_HEIGHT * max(abs(low), abs(high)) - (high - low)
    if short > 0 and artefact.y_scale == "linear":
        at.set_ylim(low - short / 2, high + short / 2)
    places = sorted({point.place for series in group.series for point in series.points})
    if len(places) > 1:
        _axis(at, places)


def _axis(at: Any, places: Sequence[float]) -> None:
    """Span the x axis over ``places``, measured or not, with a tick at each where there is room."""
    first, last = places[0], places[-1]
    if first > 0 and last >= 50 * first:
        at.set_xscale("log")
        at.set_xlim(first * (first / last) ** 0.04, last * (last / first) ** 0.04)
        return
    span = max(last - first, _LEAST_SPAN * max(abs(first), abs(last)))
    middle = (first + last) / 2
    at.set_xlim(middle - 0.54 * span, middle + 0.54 * span)
    closest = min(right - left for left, right in itertools.pairwise(places))
    if len(places) <= 6 and closest > 0.12 * span:
        at.set_xticks(places, [f"{place:g}" for place in places])
    else:
        at.xaxis.set_major_locator(MaxNLocator(5))


def _absent(shown: Sequence[Group]) -> dict[str, str]:
    """Return why, by the name of each series of which nothing was measured in any group."""
    words: dict[str, str] = {}
    measured = set()
    for series in (series for group in shown for series in group.series):
        if not series.pending:
            measured.add(series.name)
        elif series.lost or series.name not in words:
            words[series.name] = "diverged" if series.lost else "pending"
    return {name: word for name, word in words.items() if name not in measured}


def _pending_lines(shown: Sequence[Group], absent: Collection[str]) -> list[str]:
    """Return which rows have no line in a panel but one in another, and which columns have no place."""
    found = []
    for group in shown:
        names = [
            each.name for each in group.series if each.pending and not each.lost and each.name not in absent
        ]
        if names and not group.pending and group.categories is None:
            found.append(f"pending in {group.title}: {'; '.join(names)}")
        if group.unplaced:
            where = f" in {group.title}" if group.title else ""
            found.append(f"not shown{where}, as their place was not measured: {'; '.join(group.unplaced)}")
    return found


def _bars(at: Any, group: Group, axes_width: float, absent: Collection[str]) -> None:
    """Draw bars; a missing one says why, but where the legend says so of all of its series (``absent``)."""
    categories = group.categories or ()
    n = max(1, len(group.series))
    width = 0.8 / n  # of one bar; categories are one apart
    for index, series in enumerate(group.series):
        colour, _, _ = series_look(series)
        shift = (index - (n - 1) / 2) * width
        for point in series.points:
            x = point.place + shift
            if point.measured is None:
                if not group.pending and (point.diverged or series.name not in absent):
                    _upright(at, x, 0.02, "diverged" if point.diverged else "pending", "bottom")
            else:
                error = {"yerr": point.spread} if point.spread else {}
                at.bar(x, point.measured, width * 0.92, color=colour, ecolor=INK, capsize=2, **error)
                if point.flagged:
                    flag(at, x, point.measured + point.spread, INK)
                if point.diverged:
                    _upright(at, x, 0.98, f"{point.diverged} of {point.runs} diverged", "top")
            if point.reported is not None:
                _open_markers(at, [x], [point.reported], INK)
    at.grid(True, axis="y")
    at.set_xlim(-0.6, len(categories) - 0.4)
    longest = max((len(name) for name in categories), default=0)
    slanted = longest * len(categories) * 0.068 > axes_width
    at.set_xticks(
        range(len(categories)), categories, rotation=30 if slanted else 0, ha="right" if slanted else "center"
    )


def flag(at: Any, x: float, y: float, colour: str) -> None:
    """Put a flag above what may mislead."""
    at.annotate(FLAG, (x, y), (0, 3), textcoords="offset points", ha="center", fontsize=8, color=colour)


def _upright(at: Any, x: float, y: float, text: str, va: str) -> None:
    """Write along a bar's place, ``y`` a share of the axes' height."""
    at.text(x, y, text, rotation=90, ha="center", va=va, fontsize=6, color=FAINT,
            transform=at.get_xaxis_transform(),
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1})  # fmt: skip


def _open_markers(at: Any, x: Sequence[float], y: Sequence[float | None], colour: str) -> None:
    look = {"markersize": 5.5, "markerfacecolor": "white", "markeredgecolor": colour, "markeredgewidth": 1.1}
    at.plot(x, y, linestyle="none", marker="D", zorder=4, **look)


def _dress(at: Any, group: Group, axes_width: float) -> None:
    at.set_title(textwrap.fill(group.title, int(axes_width * 14)))
    at.set_xlabel(textwrap.fill(group.x_label, int(axes_width * 12)))
    at.set_ylabel(textwrap.fill(group.y_label, 28))
    if group.pending:
        printed = any(point.reported is not None for series in group.series for point in series.points)
        mark_pending(at, height=0.9 if printed else 0.5, word=group.missing_word)
        if not printed:
            at.set_yticks([])
        if not any(series.points for series in group.series):
            at.set_xticks([])


def mean_line(at: Any, series: Series, colour: str, marker: str, dash: Any, **style: Any) -> None:
    """Draw the measured means as a line, within a band of one standard deviation over seeds."""
    points = [point for point in series.points if point.measured is not None]
    x = [point.place for point in points]
    y = [point.measured or 0.0 for point in points]
    low = [value - point.spread for value, point in zip(y, points, strict=True)]
    high = [value + point.spread for value, point in zip(y, points, strict=True)]
    at.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    at.plot(x, y, color=colour, marker=marker, linestyle=dash, **style)
    for point in points:
        if point.flagged:
            flag(at, point.place, point.measured or 0.0, colour)


LOST = {"linestyle": "none", "marker": "x", "markersize": 5.0, "markeredgewidth": 1.3}
LOST_LABEL = "a run diverged"
SPREAD_LABEL = "± 1 std over seeds"


def mark_lost(at: Any, series: Series, colour: str, row: int = 0) -> None:
    """Put a cross at the upper edge above each point of which a run diverged, ``row`` lines down."""
    places = [point.place for point in series.lost]
    if not places:
        return
    at.plot(places, [0.97 - 0.06 * row] * len(places), color=colour, clip_on=False, zorder=5,
            transform=at.get_xaxis_transform(), **LOST)  # fmt: skip


def lost_handle() -> Line2D:
    """Return the legend's entry for these crosses."""
    return Line2D([], [], color=INK, label=LOST_LABEL, **LOST)  # type: ignore[arg-type]


def band_handle() -> Patch:
    """Return the legend's entry for a band around a line."""
    return Patch(color=FAINT, alpha=0.35, linewidth=0, label=f"band: {SPREAD_LABEL}")


def series_look(series: Series) -> tuple[str, str, Any]:
    """Return colour, marker and dash of one line."""
    turn = 5 * (series.hue // len(COLOURS))  # colours come again, with another marker and dash
    shape = (series.hue + 3 * series.variant + turn) % len(MARKERS)
    dash = shape if series.dash is None else series.dash % len(DASHES)
    return COLOURS[series.hue % len(COLOURS)], MARKERS[shape], DASHES[dash]


def _handles(shown: Sequence[Group], absent: Mapping[str, str]) -> list[Any]:
    handles: dict[str, Any] = {}
    for group in shown:
        for series in group.series:
            colour, marker, dash = series_look(series)
            label = f"{series.name} ({absent[series.name]})" if series.name in absent else series.name
            if group.categories is not None:
                handles.setdefault(series.name, Patch(color=colour, label=label))
            else:
                line = Line2D([], [], color=colour, marker=marker, linestyle=dash, label=label)
                handles.setdefault(series.name, line)
    lines = [group for group in shown if group.categories is None]
    if any(series.lost for group in lines for series in group.series):
        handles[LOST_LABEL] = lost_handle()
    if any(point.spread for group in lines for series in group.series for point in series.points):
        handles[SPREAD_LABEL] = band_handle()
    elif any(point.spread for group in shown for series in group.series for point in series.points):
        mark = Line2D([], [], color=INK, marker="|", markersize=7, linestyle="none")
        mark.set_label(f"line: {SPREAD_LABEL}")
        handles[SPREAD_LABEL] = mark
    if any(
        point.reported is not None for group in shown for series in group.series for point in series.points
    ):
        look = {"marker": "D", "markersize": 5.5, "markerfacecolor": "white", "markeredgecolor": INK}
        handles["reported"] = Line2D([], [], linestyle="none", label="printed in the paper", **look)  # type: ignore[arg-type]
    return list(handles.values())
