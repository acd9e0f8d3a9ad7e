"""One look for every plot and diagram: colours, sizes, the stamp, and files that are the same each time.

The colours are Okabe and Ito's eight (Color Universal Design, 2008), told apart with any colour vision; lines
differ in marker and dash as well, so that a print without colour can be read.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from repro.core.errors import ReproError
from repro.core.files import replacing

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A6F00", "#333333")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 2, 1, 2)))
INK = "#222222"
FAINT = "#8a8a8a"
PAPER = "#f3f1ec"
COLUMN_WIDTH = 3.4  # inches; the fonts below are legible at this width
PAGE_WIDTH = 7.0
STAMP_HEIGHT = 0.24  # inches kept free at the foot of each figure
SMALL_LINE = 0.12  # inches of a line of small print above it
_DPI = 200

_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same letters on every machine
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "hatch.color": "#bbbbbb",
    "hatch.linewidth": 0.6,
    "pdf.fonttype": 42,
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw inside this: matplotlib's settings are those above, whatever the user's own say."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)  # type: ignore[arg-type]
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of ``width`` by ``height`` inches, foot included; needs no display."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def centred(figure: Figure, text: str, inches: float, *, size: float = 6.5, colour: str = FAINT) -> None:
    """Write one line of text across ``figure``, its middle ``inches`` above the foot."""
    y = inches / figure.get_figheight()
    figure.text(0.5, y, text, ha="center", va="center", fontsize=size, color=colour)


def small_print(texts: Sequence[str], width: float) -> list[str]:
    """Return ``texts`` as lines of small print that a figure of ``width`` inches holds."""
    return [line for text in texts for line in textwrap.wrap(text, int(width * 20))]


def write_small_print(figure: Figure, lines: Sequence[str]) -> None:
    """Write ``lines`` above the stamp."""
    for place, line in enumerate(reversed(lines)):
        centred(figure, line, STAMP_HEIGHT + SMALL_LINE * (place + 0.5))


def read_picture(path: Path) -> Any:
    """Return the values of a picture that an evaluation made, as matplotlib reads them.

    Raises:
        ReproError: it is not there.
    """
    if not path.is_file():
        raise ReproError(
            "a picture that artefacts.json lists does not exist",
            remedy="rebuild the evaluation that made it: delete its result and run Snakemake again; a "
            "publication has no pictures, nor the weights to make them",
            where=path,
        )
    try:
        return imread(path)
    except (OSError, SyntaxError) as error:
        raise ReproError(
            "this picture is damaged",
            remedy="delete the result beside its folder and run Snakemake again, which measures it anew",
            where=path,
        ) from error


def mark_pending(axes: Any, height: float = 0.5, word: str = "pending") -> None:
    """Hatch ``axes`` and write why they are empty across them at ``height`` (a share of theirs)."""
    axes.patch.set(hatch="////", facecolor="#f7f7f7", edgecolor="#d0d0d0")
    box = {"facecolor": "white", "edgecolor": "none", "pad": 3}
    middle = {"ha": "center", "va": "center", "transform": axes.transAxes}
    axes.text(0.5, height, word, fontsize=11, color="#666666", bbox=box, **middle)


def save(figure: Figure, stem: Path, stamp: str) -> list[Path]:
    """Stamp ``figure`` and write ``stem``.png and ``stem``.pdf; the same figure gives the same bytes.

    Args:
        stamp: the line at the foot, e.g. "smoke profile · synthetic_data + reduced_budget".
    """
    width, height = figure.get_size_inches()
    band = STAMP_HEIGHT / height
    figure.patches.append(
        mpl.patches.Rectangle(
            (0, 0), 1, band, transform=figure.transFigure, facecolor=PAPER, edgecolor="none", zorder=-1
        )
    )
    size = 6.5
    while size > 4.5 and len(stamp) * size * 0.0075 > width - 0.1:  # 0.0075 inch per point: mean letter width
        size -= 0.25
    figure.text(0.5, band / 2, stamp, ha="center", va="center", fontsize=size, color="#555555")
    _settle(figure)
    png, pdf = stem.with_name(stem.name + ".png"), stem.with_name(stem.name + ".pdf")
    undated = {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None}
    with replacing(png) as file:
        figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    with replacing(pdf) as file:
        figure.savefig(file, format="pdf", metadata=undated)
    return [png, pdf]


def _settle(figure: Figure) -> None:
    """Keep what a layout engine chose, rounded: its solver's last digits differ from process to process."""
    if figure.get_layout_engine() is None:
        return
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = axes.get_position(original=True).bounds
        axes.set_position((round(left, 6), round(bottom, 6), round(width, 6), round(height, 6)))
