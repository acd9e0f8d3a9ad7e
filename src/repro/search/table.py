"""The table of a search: what each value scored on validation images, which won, which is in use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from repro.core.csv_text import csv_text
from repro.core.files import atomic_write_text
from repro.core.spec import OptionValue, StandIn
from repro.draw.numbers import metric_label
from repro.draw.style import COLOURS, COLUMN_WIDTH, INK, new_figure, save, styled
from repro.draw.tables import pipes
from repro.judge.artefacts import stamp

COLUMNS = (
    "dataset",
    "value",
    "mean",
    "std",
    "n_seeds",
    "winner",
    "in_use",
    "n_images",
    "stand_ins",
    "runs",
)


@dataclass(frozen=True)
class Outcome:
    """One value of a search on one data set; ``mean`` and ``std`` are over seeds.

    Where a run diverged the value has no mean and cannot win. ``images`` is the number that each mean is a
    share of in percent, None where the score is no such share.
    """

    dataset: str
    value: OptionValue
    mean: float | None
    std: float | None
    seeds: int
    winner: bool
    in_use: bool
    stand_ins: tuple[StandIn, ...]
    runs: tuple[str, ...]
    images: int | None = None

    @property
    def standard_error(self) -> float | None:
        """Of the mean: the images' part (binomial) and the seeds' part; None where neither is known."""
        parts = []
        if self.images and self.mean is not None:
            parts.append(self.mean * (100.0 - self.mean) / self.images)
        if self.std is not None:
            parts.append(self.std**2 / self.seeds)
        return math.sqrt(sum(parts)) if parts else None


def draw_search(
    rows: Sequence[Outcome], stem: Path, *, heading: str, option: str, score: str, profile: str
) -> list[Path]:
    """Write ``stem``.csv, .md, .png and .pdf and return their paths.

    Args:
        rows: in the order in which they are shown.
        heading: one short line that says what was searched.
        option: the option's name.
        score: the metric that judged the values on validation images.
        profile: for the stamp.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    line = stamp(profile, tuple(dict.fromkeys(name for row in rows for name in row.stand_ins)))
    csv_rows: list[Sequence[object]] = [COLUMNS]
    for row in rows:
        std = "" if row.std is None else f"{row.std:.4f}"
        marks = ["yes" if mark else "" for mark in (row.winner, row.in_use)]
        value = text_of(row.value)
        csv_rows.append(
            [
                row.dataset,
                value,
                "diverged" if row.mean is None else f"{row.mean:.4f}",
                std,
                row.seeds,
                *marks,
                "" if row.images is None else row.images,
                "+".join(row.stand_ins),
                "+".join(row.runs),
            ]
        )
    atomic_write_text(stem.with_suffix(".csv"), csv_text(csv_rows))
    lines = [
        f"# {heading}, by {score} on validation images",
        "",
        line,
        "",
        f"| data set | {option} | score | seeds | |",
        "|---|---|---|---|---|",
    ]
    lines += [
        pipes([row.dataset, text_of(row.value), _score(row), str(row.seeds), _words(row)]) for row in rows
    ]
    atomic_write_text(stem.with_suffix(".md"), "\n".join(lines) + "\n")
    return [
        stem.with_suffix(".csv"),
        stem.with_suffix(".md"),
        *_picture(rows, stem, heading, (option, score), line),
    ]


def _picture(
    rows: Sequence[Outcome], stem: Path, heading: str, axes: tuple[str, str], line: str
) -> list[Path]:
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    with styled():
        figure = new_figure(max(1, len(datasets)) * COLUMN_WIDTH, 2.6)
        figure.set_layout_engine("constrained", rect=(0.01, 0.12, 0.98, 0.86))
        figure.suptitle(heading, fontsize=7, color=INK)
        panels = figure.subplots(1, max(1, len(datasets)), squeeze=False)[0]
        for at, dataset in zip(panels, datasets, strict=False):
            own = [row for row in rows if row.dataset == dataset]
            for place, row in enumerate(own):
                if row.mean is None:
                    at.text(place, 0.02, "diverged", rotation=90, ha="center", va="bottom", fontsize=6,
                            transform=at.get_xaxis_transform())  # fmt: skip
                    continue
                noise = None if row.standard_error is None else 2 * row.standard_error
                colour = COLOURS[2 if row.winner else 0]
                at.errorbar(place, row.mean, yerr=noise, fmt="o", color=colour, capsize=2, linewidth=1)
            at.set_xticks(
                range(len(own)), [f"{text_of(row.value)}{'*' if row.in_use else ''}" for row in own]
            )
            at.set_xlabel(f"{axes[0]} (green: winner; *: in use)")
            at.margins(x=0.1)
            at.set_title(dataset)
            at.grid(True, axis="y")
        panels[0].set_ylabel(f"validation {metric_label(axes[1])}\n± two standard errors")
        return save(figure, stem, line)


def text_of(value: OptionValue) -> str:
    """Return an option's value as people write it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _score(row: Outcome) -> str:
    if row.mean is None:
        return "diverged"
    return f"{row.mean:.2f}" if row.std is None else f"{row.mean:.2f} ± {row.std:.2f}"


def _words(row: Outcome) -> str:
    return ", ".join(word for word, holds in (("winner", row.winner), ("in use", row.in_use)) if holds)
