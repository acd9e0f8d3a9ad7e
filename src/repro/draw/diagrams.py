"""A small kit for diagrams: boxes, arrows and labels, placed in inches; `misfits` finds misplaced text."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from matplotlib.patches import Circle, FancyBboxPatch

from repro.draw.style import COLOURS, FAINT, INK, STAMP_HEIGHT, new_figure, save, styled

Point = tuple[float, float]
Look = Literal["network", "data", "attack", "loss", "frozen", "plain"]
# fill and edge; the meaning is also in the words, never in the colour alone
LOOKS: dict[str, tuple[str, str]] = {
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
        self, x: float, y: float, w: float, h: float, text: str, look: Look = "plain", *, detail: str = "",
        size: float = 8, dashed: bool = False,
    ) -> Box:  # fmt: skip
        """Draw a box around (x, y) with ``text`` and, smaller below it, ``detail``."""
        box = Box(x, y, w, h)
        fill, edge = LOOKS[look]
        style: dict[str, Any] = {"facecolor": fill, "edgecolor": edge, "linewidth": 1.1, "zorder": 3}
        if dashed:
            style["linestyle"] = (0, (3, 2))
        rounding = f"round,pad=0,rounding_size={min(0.06, h / 3)}"
        self.axes.add_patch(FancyBboxPatch((x - w / 2, y - h / 2), w, h, boxstyle=rounding, **style))
        colour = "#777777" if look == "frozen" else INK
        shift = 0.5 * (size - 1.5) / 72 * 1.25 * (detail.count("\n") + 1) if detail else 0.0
        self._boxed(x, y + shift, text, box, colour, size, weight="bold" if look == "network" else "normal")
        if detail:
            below = 0.5 * size / 72 * 1.25 * (text.count("\n") + 1)
            self._boxed(x, y - below, detail, box, "#555555", size - 1.5)
        return box

    def circle(self, x: float, y: float, text: str, radius: float = 0.11) -> Box:
        """Draw an operation (+, ·, a choice) as a circle."""
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
        if title:
            self.label(x + 0.1, y + h - 0.07, title, bold=True, ha="left", va="top")

    def arrow(
        self, path: Sequence[Point], label: str = "", *, colour: str = INK, dashed: bool = False,
        at: int = 0, offset: Point = (0, 0.07), ha: str = "center", size: float = 7,
    ) -> None:  # fmt: skip
        """Draw straight pieces through ``path``; ``label`` sits at the middle of piece ``at``."""
        line: dict[str, Any] = {"color": colour, "lw": 1.1, "zorder": 2, "ls": (0, (4, 2)) if dashed else "-"}
        x, y = zip(*path, strict=True)
        self.axes.plot(x, y, solid_joinstyle="round", **line)
        arrow = {"arrowstyle": "-|>,head_width=0.17,head_length=0.34", "color": colour, "lw": 1.1}
        arrow |= {"mutation_scale": 12, "shrinkA": 0, "shrinkB": 0}
        start = _just_before(path[-2], path[-1])
        self.axes.annotate("", xy=path[-1], xytext=start, arrowprops=arrow, zorder=4)
        if label:
            (x0, y0), (x1, y1) = path[at], path[at + 1]
            self.label(
                (x0 + x1) / 2 + offset[0], (y0 + y1) / 2 + offset[1], label, colour=colour, ha=ha, size=size
            )

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
        drawn = self.axes.text(
            x,
            y,
            text,
            ha="center",
            va="center",
            fontsize=size,
            color=colour,
            weight=weight,
            zorder=5,
            linespacing=1.15,
        )
        self.boxed.append((drawn, box))


def misfits(canvas: Canvas) -> list[str]:
    """Return the texts of ``canvas`` that leave their box or the sheet, or that lie on other text."""
    canvas.figure.canvas.draw()
    to_inches = canvas.axes.transData.inverted()
    found: list[str] = []
    extents = []
    for text, box in canvas.boxed + [(text, None) for text in canvas.free]:
        (x0, y0), (x1, y1) = to_inches.transform(text.get_window_extent())
        area = Box(canvas.width / 2, canvas.height / 2, canvas.width, canvas.height) if box is None else box
        slack = 0.015
        if (
            x0 < area.left[0] - slack or x1 > area.right[0] + slack
            or y0 < area.bottom[1] - slack or y1 > area.top[1] + slack
        ):  # fmt: skip
            found.append(f"`{text.get_text()}` leaves its {'sheet' if box is None else 'box'}")
        extents.append((text, x0, y0, x1, y1))
    for i, (one, a0, b0, a1, b1) in enumerate(extents):
        for other, c0, d0, c1, d1 in extents[i + 1 :]:
            if min(a1, c1) - max(a0, c0) > 0.02 and min(b1, d1) - max(b0, d0) > 0.03:
                found.append(f"`{one.get_text()}` lies on `{other.get_text()}`")
    for text, x0, y0, x1, y1 in extents[len(canvas.boxed) :]:
        for _, box in canvas.boxed:
            if (
                min(x1, box.right[0]) - max(x0, box.left[0]) > 0.02
                and min(y1, box.top[1]) - max(y0, box.bottom[1]) > 0.03
            ):
                found.append(f"`{text.get_text()}` lies on a box")
    return found


def _just_before(start: Point, end: Point) -> Point:
    """Return the point 0.1 inch before ``end`` on the way from ``start``: the head needs only a direction."""
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5 or 1.0
    share = min(1.0, 0.1 / length)
    return end[0] - (end[0] - start[0]) * share, end[1] - (end[1] - start[1]) * share
