"""All searches at a glance: what each winner gains over the value in use, and how much of that is noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from repro.core.csv_text import csv_text
from repro.core.files import atomic_write_text
from repro.draw.style import COLOURS, FAINT, PAGE_WIDTH, STAMP_HEIGHT, new_figure, save, styled
from repro.draw.tables import pipes
from repro.judge.artefacts import stamp
from repro.search.gain import Gain
from repro.search.table import Outcome, text_of

_LEAST_SPAN = 1.0  # points to each side: less is not drawn as if it were much
COLUMNS = (
    "search",
    "dataset",
    "recipe",
    "option",
    "in_use",
    "score_in_use",
    "winner",
    "score_winner",
    "gain",
    "noise",
    "verdict",
)
TITLE = "Searches on validation images: the winner's gain over the value in use"
NOTE = (
    "Gain in points of the score; noise is two standard errors of the difference, from the number of "
    "validation images (both networks counted as if on images of their own, which overstates it) and, with "
    "several seeds, from their spread. With one seed it leaves out what another initialisation would change. "
    "A winner is the best of its values, which favours it: a gain barely beyond noise may be luck."
)


def draw_summary(rows: Sequence[Gain], stem: Path, *, profile: str) -> list[Path]:
    """Write ``stem``.csv, .md, .png and .pdf and return their paths.

    Args:
        rows: in the order in which they are shown.
        stem: path without an ending.
        profile: for the stamp.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    touched = [name for row in rows for one in (row.in_use, row.winner) if one for name in one.stand_ins]
    line = stamp(profile, tuple(dict.fromkeys(touched)))
    csv_rows: list[Sequence[object]] = [COLUMNS]
    lines = [f"# {TITLE}", "", line, "", "| search | data set | in use | winner | gain | noise | |"]
    lines.append("|---|---|---|---|---:|---:|---|")
    for row in rows:
        told = [_told(row.in_use), _told(row.winner)]
        gain, noise = _points(row.gain), _points(row.noise)
        csv_rows.append(
            [row.search, row.dataset, row.recipe, row.option, *told[0], *told[1], gain, noise, row.verdict]
        )
        shown = [f"{value} ({score})" if value else "–" for value, score in told]
        cells = [row.search, row.dataset, *shown, gain or "–", noise or "–", row.verdict]
        lines.append(pipes(cells))
    atomic_write_text(stem.with_suffix(".csv"), csv_text(csv_rows))
    atomic_write_text(stem.with_suffix(".md"), "\n".join([*lines, "", NOTE]) + "\n")
    return [stem.with_suffix(".csv"), stem.with_suffix(".md"), *_picture(rows, stem, line)]


def _told(row: Outcome | None) -> tuple[str, str]:
    """Return a row's value and score as text, empty without a row."""
    if row is None:
        return "", ""
    return text_of(row.value), "diverged" if row.mean is None else f"{row.mean:.2f}"


def _points(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _picture(rows: Sequence[Gain], stem: Path, line: str) -> list[Path]:
    """Draw one panel a data set, one line a search: the gain with its noise, and which value became which."""
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    searches = list(dict.fromkeys(row.search for row in rows))
    with styled():
        height = 1.0 + STAMP_HEIGHT + 0.24 * max(1, len(searches))
        figure = new_figure(PAGE_WIDTH, height)
        foot = STAMP_HEIGHT / height
        figure.set_layout_engine("constrained", rect=(0.01, foot, 0.98, 0.99 - foot))
        figure.suptitle(f"{TITLE} (◆ beyond noise, ○ it stays)", fontsize=8)
        panels = figure.subplots(1, max(1, len(datasets)), squeeze=False, sharey=True)[0]
        for panel, dataset in zip(panels, datasets, strict=False):
            panel.axvline(0, color=FAINT, linewidth=0.7)
            for row in rows:
                if row.dataset == dataset:
                    _mark(panel, row, searches.index(row.search))
            panel.set_title(dataset)
            panel.set_xlabel("gain (points) ± two standard errors")
            panel.grid(True, axis="x")
            panel.margins(x=0.3)
            low, high = panel.get_xlim()
            panel.set_xlim(min(low, -_LEAST_SPAN), max(high, _LEAST_SPAN))
        panels[0].set_yticks(range(len(searches)), searches)
        panels[0].set_ylim(len(searches) - 0.5, -0.7)
        return save(figure, stem, line)


def _mark(panel: Any, row: Gain, place: int) -> None:
    """Draw one search's gain and noise, and the values above it."""
    if row.gain is None or row.in_use is None or row.winner is None:
        panel.text(0, place, row.verdict, fontsize=6, color=FAINT, va="center")
        return
    colour = COLOURS[2] if row.verdict == "beyond noise" else FAINT if row.kept else COLOURS[0]
    look: dict[str, Any] = {"color": colour, "capsize": 2, "markersize": 3.5, "linewidth": 1}
    look |= {"fmt": "D" if row.verdict == "beyond noise" else "o"}
    look |= {"markerfacecolor": "white" if row.kept else colour}
    panel.errorbar(row.gain, place, xerr=row.noise, **look)
    old, new = text_of(row.in_use.value), text_of(row.winner.value)
    words = f"{old} stays" if row.kept else f"{old} → {new}"
    panel.annotate(words, (row.gain, place), (0, 3.5), textcoords="offset points", fontsize=5.5, ha="center")
