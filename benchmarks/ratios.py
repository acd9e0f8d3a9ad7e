"""Draws a published CSV of whole attacks: how many times as long each other library takes.

Use: ``python benchmarks/ratios.py results/published/benchmarks/attacks_....csv``
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.patches import Patch

from repro.draw.style import COLOURS, FAINT, INK, PAGE_WIDTH, STAMP_HEIGHT, new_figure, save, styled

GOALS = {"cpu": 1.3, "cuda": 2.0}  # times the fastest other library, PGD of 10 steps
_ROW = 0.17  # inches per bar
_GAP = 0.35  # of a bar, between cases


def details(row: dict[str, str]) -> dict[str, str]:
    """Return a row's details by name."""
    pairs = [part.rpartition(" ") for part in row["details"].split("; ")]
    return {name: value for name, _, value in pairs if name}


def ratios(row: dict[str, str]) -> dict[str, float]:
    """Return each other library's time over this package's."""
    found = details(row).items()
    return {name.removesuffix("_ratio"): float(value) for name, value in found if name.endswith("_ratio")}


def draw_ratios(table: Path) -> list[Path]:
    """Draw ``table`` as PNG and PDF beside it and return the two paths; none where no library was timed."""
    about, *lines = table.read_text(encoding="utf-8").splitlines()
    made = json.loads(about.removeprefix("# "))
    found = list(csv.DictReader(lines))
    rows = [row for row in found if row["median_s"] and ratios(row)]
    if not rows:
        return []
    untimed = {row["device"]: row["details"] for row in found if not row["median_s"]}
    libraries = list(dict.fromkeys(name for row in rows for name in ratios(row)))
    colours = dict(zip(libraries, COLOURS, strict=False))
    bars = sum(len(ratios(row)) for row in rows) + _GAP * len(rows)
    height = bars * _ROW + 1.05 + STAMP_HEIGHT
    with styled():
        figure = new_figure(PAGE_WIDTH, height)
        box = (0.3, (0.45 + STAMP_HEIGHT) / height, 0.62, bars * _ROW / height)
        _bars(figure.add_axes(box), rows, colours, GOALS[rows[0]["device"]])
        title = f"Whole attacks on {made['device']}, {made['threads']} threads: time over this package's"
        figure.text(0.02, 1 - 0.16 / height, title, fontsize=9, weight="bold", color=INK, va="center")
        handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
        anchor = (0.98, 1 - 0.24 / height)
        figure.legend(handles=handles, loc="upper right", bbox_to_anchor=anchor, ncols=len(handles))
        note = "".join(f" · {device.upper()}: {why}" for device, why in untimed.items())
        settings = details(rows[0])
        size = f"width {settings['width']}, batch {settings['batch']}, {settings['precision']}"
        return save(figure, table.with_suffix(""), f"{size} · {made['date'][:10]}{note}")


def _bars(axes: Any, rows: Sequence[dict[str, str]], colours: dict[str, str], goal: float) -> None:
    """One group of bars for each case, from above."""
    place, ticks = 0.0, []
    for row in rows:
        found = ratios(row)
        ticks.append(place + (len(found) - 1) / 2)
        for name, ratio in found.items():
            axes.barh(place, ratio, color=colours[name], height=0.85)
            axes.text(ratio + 0.01, place, f"{ratio:.2f}", va="center", fontsize=6.5, color=INK)
            place += 1
        place += _GAP
    for at, dash in ((1.0, "-"), (goal, "--")):
        axes.axvline(at, color=FAINT, linewidth=0.8, linestyle=dash, zorder=0)
    axes.set_yticks(ticks, [row["case"] for row in rows], fontsize=7)
    axes.set_ylim(place - 0.5 - _GAP, -0.7)
    axes.set_xlabel(f"times as long as this package (dashed: the goal for PGD of 10 steps, {goal:g})")


def main() -> None:
    """Read the arguments, draw, say where."""
    if len(sys.argv) != 2:
        sys.exit("use: python benchmarks/ratios.py TABLE.csv")
    for path in draw_ratios(Path(sys.argv[1])):
        print(path)


if __name__ == "__main__":
    main()
