"""The searches' summary: gains, their noise against its closed form, and what is shown of them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from repro.draw import style
from repro.search.gain import Gain
from repro.search.summary import draw_summary
from repro.search.table import Outcome


def row(value: float, mean: float | None, *, std: float | None = None, images: int | None = 5000) -> Outcome:
    seeds = 1 if std is None else 4
    return Outcome("cifar10", value, mean, std, seeds, False, False, ("reduced_budget",), ("a-s0",), images)


def gain(in_use: Outcome | None, winner: Outcome | None) -> Gain:
    return Gain("gat/c_g", "gat", "c_g", "cifar10", in_use, winner)


def test_noise_is_two_standard_errors_of_the_difference() -> None:
    # a share of 1/2 of 5,000 images has variance 1/20,000: two of them and a factor of two make two points
    even = gain(row(1, 50.0), row(2, 50.0))
    assert even.noise == pytest.approx(2.0)
    spread = gain(row(1, 50.0, std=2.0), row(2, 50.0, std=4.0))
    assert spread.noise == pytest.approx(2 * math.sqrt(0.5 + 0.5 + 4 / 4 + 16 / 4))
    seeds_alone = gain(row(1, 16.0, std=2.0, images=None), row(2, 18.0, std=2.0, images=None))
    assert seeds_alone.gain == 2.0
    assert seeds_alone.noise == pytest.approx(2 * math.sqrt(2.0))
    assert seeds_alone.verdict == "within noise"


def test_what_cannot_be_told_is_said() -> None:
    kept = row(1, 50.0)
    assert gain(kept, kept).verdict == "in use"
    assert gain(row(1, 50.0), row(2, 53.0)).verdict == "beyond noise"
    for pair in ((None, row(2, 50.0)), (row(1, None), row(2, 50.0)), (row(1, 50.0), None)):
        assert gain(*pair).verdict == "cannot be told"
    one_seed = gain(row(1, 16.0, images=None), row(2, 18.0, images=None))
    assert (one_seed.gain, one_seed.noise, one_seed.verdict) == (2.0, None, "cannot be told")


def test_the_summary_is_a_table_and_a_picture(tmp_path: Path) -> None:
    kept = row(1, 50.0)
    rows = [gain(row(0.5, 40.0), row(2, 53.0)), gain(kept, kept), gain(row(1, None), row(2, 50.0))]
    table, page, png, pdf = draw_summary(rows, tmp_path / "summary", profile="tiny")
    assert [line.split(",")[4:] for line in table.read_text().splitlines()[1:]] == [
        ["0.5", "40.00", "2", "53.00", "13.00", "1.98", "beyond noise"],
        ["1", "50.00", "1", "50.00", "0.00", "", "in use"],
        ["1", "diverged", "2", "50.00", "", "", "cannot be told"],
    ]
    assert "| gat/c_g | cifar10 | 0.5 (40.00) | 2 (53.00) | 13.00 | 1.98 | beyond noise |" in page.read_text()
    assert "reduced_budget" in page.read_text()
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.stat().st_size > 1000


@pytest.mark.parametrize("n", [1, 5])
def test_a_summary_keeps_off_its_stamp_and_exaggerates_nothing(
    n: int, tmp_path: Path, drawn: list[Figure]
) -> None:
    rows = [replace(gain(row(1, 50.0), row(2, 53.0)), search=f"gat/{at}") for at in range(n)]
    draw_summary([*rows, replace(gain(row(1, 50.0), row(1, 50.0)), dataset="b")], tmp_path / "a", profile="p")
    drawn[0].draw_without_rendering()
    left, right = drawn[0].axes
    assert left.xaxis.label.get_window_extent().y0 >= style.STAMP_HEIGHT * drawn[0].dpi
    assert right.get_xlim() == (-1.0, 1.0)
    assert left.containers[0].lines[0].get_marker() == "D", "beyond noise, told without colour"
    assert right.containers[0].lines[0].get_markerfacecolor() == "white"
