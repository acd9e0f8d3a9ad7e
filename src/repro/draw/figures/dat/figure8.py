"""Figure 8: the share of samples with an adversarial twin over training, each GAN with and without DAT."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.lines import Line2D

from repro.draw.draw import Shown
from repro.draw.plots import band_handle, lost_handle, mark_lost, mean_line
from repro.draw.series import groups
from repro.draw.style import (
    COLOURS,
    DASHES,
    INK,
    MARKERS,
    PAGE_WIDTH,
    STAMP_HEIGHT,
    centred,
    mark_pending,
    new_figure,
    save,
    styled,
)

WITH = "-DAT"
_HEIGHT = 2.9


def draw(shown: Shown, stem: Path, stamp: str) -> list[Path]:
    """Write ``stem``.png and ``stem``.pdf and return the two paths."""
    artefact = shown.artefact
    (group,) = groups(artefact, shown.cells)
    series = {each.name: each for each in group.series}
    plain = list(dict.fromkeys(name.removesuffix(WITH) for name in series))
    with styled():
        figure = new_figure(PAGE_WIDTH, _HEIGHT)
        foot = (STAMP_HEIGHT + 0.4) / _HEIGHT
        figure.set_layout_engine("constrained", rect=(0.005, foot, 0.99, 0.99 - foot), w_pad=0.04)
        figure.suptitle(f"{artefact.id}   {artefact.title}", fontsize=8.5, color=INK)
        axes = figure.subplots(1, len(plain), sharey=True, squeeze=False)[0]
        for at, name in zip(axes, plain, strict=True):
            pair = [(i, series[full]) for i, full in enumerate((name, name + WITH)) if full in series]
            at.set_title(name)
            at.grid(True)
            if all(each.pending for _, each in pair):
                mark_pending(at, word="diverged" if any(each.lost for _, each in pair) else "pending")
            for index, each in pair:
                mean_line(at, each, COLOURS[index], MARKERS[index], DASHES[index], markersize=3.5)
                mark_lost(at, each, COLOURS[index], index)
            at.set_xlim(0, 104)
            at.set_xticks([20, 60, 100])
            at.set_yticks(range(0, 101, 20))
            at.set_ylim(-4, 104)
        axes[0].set_ylabel(textwrap.fill(group.y_label, 26))
        centred(figure, group.x_label, STAMP_HEIGHT + 0.32, size=8, colour=INK)
        looks: Any = zip(("without DAT", "with DAT"), COLOURS, MARKERS, DASHES, strict=False)
        handles: list[Artist] = [
            Line2D([], [], markersize=3.5, label=label, color=colour, marker=marker, linestyle=dash)
            for label, colour, marker, dash in looks
        ]
        if any(each.lost for each in group.series):
            handles.append(lost_handle())
        if any(point.spread for each in group.series for point in each.points):
            handles.append(band_handle())
        place = (0.5, STAMP_HEIGHT / _HEIGHT)
        box = figure.legend(handles=handles, loc="lower center", bbox_to_anchor=place,
                            ncols=len(handles), borderaxespad=0.2)  # fmt: skip
        box.set_in_layout(False)
        return save(figure, stem, stamp)
