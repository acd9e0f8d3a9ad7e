"""A small kit for diagrams: boxes, arrows and labels, placed in inches."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from matplotlib.patches import Circle, FancyBboxPatch

from repro.draw.style import COLOURS, FAINT, INK, STAMP_HEIGHT, new_figure, save, styled

Point = tuple[float, float]
Role = Literal["network", "data", "attack", "loss", "frozen", "plain"]
# fill and edge; the meaning is also in the words, never in the colour alone
ROLES: dict[str, tuple[str, str]] = {
    "network": ("#dcebf6", COLOURS[0]),
    "data": ("#ffffff", "#777777"),
    "attack": ("#fbe3d6", COLOURS[1]),
    "loss": ("#dff2ea", COLOURS[2]),
    "frozen": ("#eeeeee", "#aaaaaa"),
    "plain": ("#ffffff", INK),
}


@dataclass(frozen=True)
class Box:
    """A placed box: centre (x, y), width and height in inches."""

    x: float
    y: float
    w: float
    h: float

    @property
    def left(self) -> Point:
        """Middle of the left side."""
        return self.x - self.w / 2, self.y

    @property
    def right(self) -> Point:
        """Middle of the right side."""
        return self.x + self.w / 2, self.y

    @property
    def top(self) -> Point:
        """Middle of the upper side."""
        return self.x, self.y + self.h / 2

    @property
    def bottom(self) -> Point:
        """Middle of the lower side."""
        return self.x, self.y - self.h / 2

    def at(self, side: Literal["left", "right", "top", "bottom"], share: float) -> Point:
        """Return the point at ``share`` (0 to 1, from the left or from below) of one side."""
        if side in ("top", "bottom"):
            return self.x + (share - 0.5) * self.w, getattr(self, side)[1]
        return getattr(self, side)[0], self.y + (share - 0.5) * self.h


class Canvas:
    """A sheet of ``width`` by ``height`` inches, origin at the lower left, above the stamp."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.boxed: list[tuple[Any, Box]] = []  # texts with the box they must stay in
        self.free: list[Any] = []  # texts outside of boxes
        with styled():
            self.figure = new_figure(width, height + STAMP_HEIGHT)
            foot = STAMP_HEIGHT / (height + STAMP_HEIGHT)
            self.axes = self.figure.add_axes((0, foot, 1, 1 - foot))
            self.axes.set_xlim(0, width)
            self.axes.set_ylim(0, height)
            self.axes.axis("off")

    def box(
        self, x: float, y: float, w: float, h: float, text: str, role: Role = "plain", *, detail: str = "",
        size: float = 8,
    ) -> Box:  # fmt: skip
        """Draw a box around (x, y) with ``text`` and, smaller below it, ``detail``."""
        box = Box(x, y, w, h)
        fill, edge = ROLES[role]
        style: dict[str, Any] = {"facecolor": fill, "edgecolor": edge, "linewidth": 1.1, "zorder": 3}
        rounding = f"round,pad=0,rounding_size={min(0.06, h / 3)}"
        self.axes.add_patch(FancyBboxPatch((x - w / 2, y - h / 2), w, h, boxstyle=rounding, **style))
        colour = "#777777" if role == "frozen" else INK
        shift = 0.5 * (size - 1.5) / 72 * 1.25 * (detail.count("\n") + 1) if detail else 0.0
        self._boxed(x, y + shift, text, box, colour, size, weight="bold" if role == "network" else "normal")
        if detail:
            below = 0.5 * size / 72 * 1.25 * (text.count("\n") + 1)
            self._boxed(x, y - below, detail, box, "#555555", size - 1.5)
        return box

    def circle(self, x: float, y: float, text: str) -> Box:
        """Draw an operation (+, ·, a choice) as a circle."""
        radius = 0.11
        self.axes.add_patch(Circle((x, y), radius, facecolor="white", edgecolor=INK, linewidth=1, zorder=3))
        box = Box(x, y, 2 * radius, 2 * radius)
        self._boxed(x, y, text, box, INK, 8)
        return box

    def region(self, x: float, y: float, w: float, h: float, title: str) -> None:
        """Draw a tinted area whose lower left corner is (x, y), with its title at the upper left."""
        patch = FancyBboxPatch(
            (x, y), w, h, boxstyle="round,pad=0,rounding_size=0.08", facecolor="#fafaf7", edgecolor="#d8d5cc",
            linewidth=0.8, zorder=0,
        )  # fmt: skip
        self.axes.add_patch(patch)
        self.label(x + 0.1, y + h - 0.07, title, bold=True, ha="left", va="top")

    def arrow(
        self, path: Sequence[Point], label: str = "", *, colour: str = INK, dashed: bool = False,
        at: int = 0, offset: Point = (0, 0.07), ha: str = "center",
    ) -> None:  # fmt: skip
        """Draw straight pieces through ``path``; ``label`` sits at the middle of piece ``at``."""
        line: dict[str, Any] = {"color": colour, "lw": 1.1, "zorder": 2, "ls": (0, (4, 2)) if dashed else "-"}
        x, y = zip(*path, strict=True)
        self.axes.plot(x, y, solid_joinstyle="round", **line)
        head = {"arrowstyle": "-|>,head_width=0.17,head_length=0.34", "color": colour, "lw": 1.1}
        head |= {"mutation_scale": 12, "shrinkA": 0, "shrinkB": 0}
        start = _just_before(path[-2], path[-1])
        self.axes.annotate("", xy=path[-1], xytext=start, arrowprops=head, zorder=4)
        if label:
            (x0, y0), (x1, y1) = path[at], path[at + 1]
            place = (x0 + x1) / 2 + offset[0], (y0 + y1) / 2 + offset[1]
            self.label(*place, label, colour=colour, ha=ha, size=7)

    def back(
        self, path: Sequence[Point], label: str, role: Role = "network", *, at: int = 1,
        offset: Point = (0, 0.07), ha: str = "center",
    ) -> None:  # fmt: skip
        """Draw a dashed arrow: what flows back, in the colour of what it changes."""
        self.arrow(path, label, colour=ROLES[role][1], dashed=True, at=at, offset=offset, ha=ha)

    def chain(self, *boxes: Box) -> None:
        """Draw arrows from each box to the next, left to right; the later box decides the height."""
        for one, other in itertools.pairwise(boxes):
            y = other.y if one.h > other.h else one.y
            self.arrow([(one.right[0], y), (other.left[0], y)])

    def label(
        self, x: float, y: float, text: str, *, colour: str = INK, size: float = 7.5, ha: str = "center",
        va: str = "center", bold: bool = False,
    ) -> None:  # fmt: skip
        """Write ``text`` at (x, y)."""
        weight = "bold" if bold else "normal"
        drawn = self.axes.text(x, y, text, color=colour, fontsize=size, ha=ha, va=va, weight=weight, zorder=5)
        self.free.append(drawn)

    def note(self, text: str) -> None:
        """Write a small grey remark at the foot."""
        self.label(0.1, 0.1, text, colour=FAINT, size=6.5, ha="left")

    def save(self, stem: Path, stamp: str) -> list[Path]:
        """Write ``stem``.png and ``stem``.pdf and return the two paths."""
        with styled():
            return save(self.figure, stem, stamp)

    def _boxed(
        self, x: float, y: float, text: str, box: Box, colour: str, size: float, weight: str = "normal"
    ) -> None:
        look: dict[str, Any] = {"fontsize": size, "color": colour, "weight": weight, "linespacing": 1.15}
        drawn = self.axes.text(x, y, text, ha="center", va="center", zorder=5, **look)
        self.boxed.append((drawn, box))


def _just_before(start: Point, end: Point) -> Point:
    """Return the point 0.1 inch before ``end`` on the way from ``start``: the head needs only a direction."""
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5 or 1.0
    share = min(1.0, 0.1 / length)
    return end[0] - (end[0] - start[0]) * share, end[1] - (end[1] - start[1]) * share
