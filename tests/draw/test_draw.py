"""Plots and sample grids: right contents, the same bytes each time, pending parts visible."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from repro.core.errors import ReproError
from repro.draw.draw import draw
from repro.draw.plots import draw_plot, series_look
from repro.draw.samples import draw_samples
from repro.draw.series import groups
from repro.judge.artefacts import Artefact, Panel, Picture, stamp_of
from repro.judge.cells import Cell

RADII = ("0", "0.02", "0.04")
CURVE = Artefact(
    paper="robgan",
    name="figure6",
    kind="plot",
    title="Accuracy against attack strength",
    x_axis="radius",
    panels=(
        Panel(name="CIFAR-10", rows=("With FT", "Without FT"), columns=RADII),
        Panel(name="ImageNet", rows=("With FT", "Without FT"), columns=RADII),
    ),
)


def curve(panel: str, row: str, level: float) -> list[Cell]:
    return [
        Cell("robgan", "figure6", f"{panel}: {row}", radius, "accuracy",
             reported=level if radius == "0" else None, measured=level - 400 * float(radius),
             measured_std=2.0, n_seeds=3, verdict="not comparable", stand_ins=("synthetic_data",))
        for radius in RADII
    ]  # fmt: skip


PENDING = [
    Cell("robgan", "figure6", "ImageNet: With FT", radius, "accuracy", reported=30.0) for radius in RADII
]
CELLS = [*curve("CIFAR-10", "With FT", 80.0), *curve("CIFAR-10", "Without FT", 70.0), *PENDING]
BARS = Artefact(
    paper="rgan", name="figure1", kind="plot", title="Bars",
    panels=(Panel(rows=("Baseline", "RGAN"), columns=("WGAN-GP", "DCGAN")),),
)  # fmt: skip


def test_the_legend_shows_a_whole_pattern_of_each_dash(drawn: list[Figure], tmp_path: Path) -> None:
    attacks = ("A", "A, PGD-20", "A, AutoAttack")
    panel = Panel(name="CIFAR-10", rows=attacks, columns=RADII)
    cells = [cell for row in attacks for cell in curve("CIFAR-10", row, 80.0)]
    draw_plot(CURVE.model_copy(update={"panels": (panel,)}), cells, tmp_path / "figure6", "smoke")
    (legend,) = drawn[0].legends
    lines = [line for line in legend.get_lines() if line.get_linestyle() != "None"][:3]
    assert [line.get_linestyle() for line in lines] == ["-", "--", "-."]
    points = legend.handlelength * legend.get_texts()[0].get_fontsize()
    patterns = {"--": (3.7, 1.6), "-.": (6.4, 1.6, 1.0, 1.6)}  # matplotlib's own, in widths of the line
    for line in lines[1:]:
        whole = sum(patterns[line.get_linestyle()]) * line.get_linewidth()
        assert points - line.get_markersize() > 1.5 * whole, line.get_label()
    box, width = legend.get_window_extent(), drawn[0].bbox.width
    assert 0 <= box.x0 < box.x1 <= width


def test_axes_of_a_panel_go_before_those_of_the_artefact() -> None:
    first, second = CURVE.panels
    own = first.model_copy(update={"x_axis": "epoch", "y_axis": "gap (%)"})
    shown = groups(CURVE.model_copy(update={"panels": (own, second)}), CELLS)
    labels = [(group.x_label, group.y_label) for group in shown]
    assert labels == [("epoch", "gap (%)"), ("radius", "accuracy (%)")]


@pytest.mark.parametrize("axis", [None, "Inception Score"])
def test_a_sheets_own_wording_of_an_axis_keeps_the_star_of_embedded_features(axis: str | None) -> None:
    scores = [replace(cell, metric="is", stand_ins=("embedded_features",)) for cell in CELLS]
    for cells, star in ((scores, "*"), ([replace(cell, stand_ins=()) for cell in scores], "")):
        (first, _) = groups(CURVE.model_copy(update={"y_axis": axis}), cells)
        assert first.y_label == (axis or "IS") + star


def texts(figure: Figure) -> list[str]:
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        found += [text.get_text() for text in axes.texts]
    for legend in figure.legends:
        found += [text.get_text() for text in legend.get_texts()]
    return found


def test_groups_of_a_curve() -> None:
    first, second = groups(CURVE, CELLS)
    assert (first.title, first.x_label, first.y_label) == ("CIFAR-10", "radius", "accuracy (%)")
    assert [(point.place, point.measured) for point in first.series[0].points] == [
        (0, 80),
        (0.02, 72),
        (0.04, 64),
    ]
    assert first.series[0].points[0].reported == 80.0
    assert first.categories is None
    assert second.pending
    assert [series.pending for series in first.series] == [False, False]


def test_a_plot_shows_its_lines_reported_values_and_pending_panel(
    tmp_path: Path, drawn: list[Figure]
) -> None:
    draw_plot(CURVE, CELLS, tmp_path / "figure6", "smoke")
    left, right = drawn[0].axes
    solid = [line for line in left.lines if line.get_linestyle() != "None"]
    assert [list(line.get_ydata()) for line in solid] == [[80, 72, 64], [70, 62, 54]]
    assert [80.0] in [list(line.get_ydata()) for line in left.lines if line.get_marker() == "D"]
    assert right.patch.get_hatch()
    draw_plot(
        CURVE, [*CELLS[:6], *(replace(cell, reported=None) for cell in PENDING)], tmp_path / "b", "smoke"
    )
    assert list(drawn[1].axes[1].get_yticks()) == []  # numbers beside nothing would mean nothing
    shown = texts(drawn[0])
    assert "pending" in shown
    assert "printed in the paper" in shown
    assert "smoke profile · synthetic_data · seeds: 3" in shown
    assert "band: ± 1 std over seeds" in shown


def test_rounding_is_not_drawn_as_a_curve(tmp_path: Path, drawn: list[Figure]) -> None:
    flat = [
        replace(cell, reported=None, measured=1 + 1e-7 * index, measured_std=0.0)
        for index, cell in enumerate(curve("CIFAR-10", "With FT", 80.0))
    ]
    draw_plot(CURVE, [*flat, *PENDING], tmp_path / "a", "p")
    low, high = drawn[0].axes[0].get_ylim()
    assert low < 1 < high
    assert high - low == pytest.approx(1e-3, rel=1e-3)
    draw_plot(CURVE, CELLS, tmp_path / "b", "p")
    assert drawn[1].axes[0].get_ylim()[1] < 90


def test_bars_over_categories(tmp_path: Path, drawn: list[Figure]) -> None:
    cells = [
        Cell("rgan", "figure1", "Baseline", "WGAN-GP", "is", measured=5.0, verdict="unreported", n_seeds=1),
        Cell("rgan", "figure1", "RGAN", "WGAN-GP", "is", reported=5.9),
        Cell("rgan", "figure1", "Baseline", "DCGAN", "is", measured=6.0, verdict="unreported", n_seeds=1),
    ]
    draw_plot(BARS, cells, tmp_path / "figure1", "quick")
    axes = drawn[0].axes[0]
    assert sorted(patch.get_height() for patch in axes.patches) == [5.0, 6.0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["WGAN-GP", "DCGAN"]
    shown = texts(drawn[0])
    assert "RGAN (pending)" in shown
    assert "pending" not in shown  # the legend says so of the whole series
    some = [*cells, Cell("rgan", "figure1", "RGAN", "DCGAN", "is", measured=6.1, n_seeds=1)]
    draw_plot(BARS, some, tmp_path / "some", "quick")
    assert texts(drawn[1]).count("pending") == 1
    assert "RGAN" in texts(drawn[1])
    assert "quick profile · no stand-ins · seeds: 1" in texts(drawn[0])
    assert "line: ± 1 std over seeds" not in texts(drawn[0])
    spread = [replace(cell, measured_std=0.1, n_seeds=2 + place) for place, cell in enumerate(some[::2])]
    draw_plot(BARS, spread, tmp_path / "spread", "quick")
    assert {"line: ± 1 std over seeds", "quick profile · no stand-ins · seeds: 2 to 3"} <= set(
        texts(drawn[2])
    )


@pytest.mark.parametrize("kind", ["lines", "bars", "samples"])
def test_what_may_mislead_has_a_flag_and_its_reason(kind: str, tmp_path: Path, drawn: list[Figure]) -> None:
    one = {"measured": 5.0, "n_seeds": 3, "flags": ("never_passed",)}
    if kind == "lines":
        plain = curve("CIFAR-10", "With FT", 80.0)
        draw_plot(CURVE, [replace(plain[0], flags=("never_passed",)), *plain[1:]], tmp_path / "a", "p")
    elif kind == "bars":
        cell = Cell("rgan", "figure1", "RGAN", "DCGAN", "is", **one)  # type: ignore[arg-type]
        draw_plot(BARS, [cell], tmp_path / "a", "p")
    else:
        cell = Cell("dat", "figure5", "a", "x", "frechet", stand_ins=("embedded_features",), **one)  # type: ignore[arg-type]
        panels = (Panel(rows=("a", "b"), columns=("x",)),)
        grid = Artefact(
            paper="dat", name="figure5", kind="samples", title="Two", notes="Red: real.", panels=panels
        )
        draw_samples(grid, [cell], tmp_path, tmp_path / "a", "p")
        assert drawn[0].axes[0].get_xlabel() == "Fréchet distance*: 5.00\u00a0⚑"
        assert "Red: real." in texts(drawn[0])
    shown = texts(drawn[0])
    assert kind == "samples" or shown.count("⚑") == 1
    assert sum(text.startswith("⚑ suspect: a run never passed the level") for text in shown) == 1


def test_a_row_that_one_panel_lacks_is_named_there(tmp_path: Path, drawn: list[Figure]) -> None:
    waiting = [replace(cell, row="ImageNet: Without FT") for cell in PENDING]
    cells = [*CELLS[:6], *curve("ImageNet", "With FT", 60.0), *waiting]
    draw_plot(CURVE, cells, tmp_path / "a", "p")
    assert [text for text in texts(drawn[0]) if "pending" in text] == ["pending in ImageNet: Without FT"]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    one = draw_plot(CURVE, CELLS, tmp_path / "one" / "figure6", "smoke")
    two = draw_plot(CURVE, CELLS, tmp_path / "two" / "figure6", "smoke")
    assert [path.suffix for path in one] == [".png", ".pdf"]
    for left, right in zip(one, two, strict=True):
        assert left.read_bytes() == right.read_bytes()
    other = draw_plot(CURVE, CELLS, tmp_path / "other" / "figure6", "paper")
    assert all(left.read_bytes() != right.read_bytes() for left, right in zip(one, other, strict=True))


SAMPLES = Artefact(
    paper="robgan", name="figure7", kind="samples", title="Samples",
    panels=(Panel(rows=("Modified loss", "AC-GAN loss"), columns=("samples",)),),
    pictures=(Picture(row="Modified loss", column="samples", path="evaluations/a/grid.png"),),
)  # fmt: skip


def test_samples_with_a_pending_picture(tmp_path: Path, drawn: list[Figure]) -> None:
    grid = tmp_path / "evaluations" / "a" / "grid.png"
    grid.parent.mkdir(parents=True)
    Image.fromarray(np.full((64, 64, 3), 128, np.uint8)).save(grid)
    stem = tmp_path / "artefacts" / "figure7"
    paths = draw(SAMPLES, [], stem, root=tmp_path, profile="smoke")
    assert [path.suffix for path in paths] == [".png", ".pdf", ".csv"]
    assert all(path.stat().st_size for path in paths)
    shown, waiting = drawn[0].axes
    assert len(shown.images) == 1
    assert shown.get_title(loc="left") == "Modified loss"
    assert waiting.patch.get_hatch()
    assert "smoke profile · pending" in texts(drawn[0])


def test_numbers_below_a_picture_stay_within_its_column(tmp_path: Path, drawn: list[Figure]) -> None:
    rows = tuple(f"({letter})" for letter in "abcd")
    grid = Artefact(
        paper="rgan", name="figure5", kind="samples", title="Points",
        panels=(Panel(rows=rows, columns=("t-SNE",)),),
    )  # fmt: skip
    cells = [
        Cell("rgan", "figure5", row, "t-SNE", metric, measured=71.7, measured_std=13.4, n_seeds=3)
        for row in rows
        for metric in ("nearest_neighbour", "frechet")
    ]
    draw_samples(grid, cells, tmp_path, tmp_path / "a", "p")
    axes = drawn[0].axes
    boxes = [at.xaxis.label.get_window_extent() for at in axes]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
    assert "71.7\u00a0±\u00a013.4" in axes[0].get_xlabel()


def test_what_diverged_is_marked_on_lines_bars_and_grids(tmp_path: Path, drawn: list[Figure]) -> None:
    whole = {"measured": None, "measured_std": None, "n_seeds": 0, "diverged": 3, "verdict": "diverged"}
    gone = [
        replace(cell, **whole) if cell.column == "0.04" else cell
        for cell in curve("CIFAR-10", "With FT", 80.0)
    ]
    draw_plot(CURVE, [*gone, *curve("CIFAR-10", "Without FT", 70.0), *PENDING], tmp_path / "a", "p")
    (cross,) = [line for line in drawn[0].axes[0].lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert list(cross.get_xdata()) == [0.04]
    assert "a run diverged" in texts(drawn[0])
    part = {"measured": 5.0, "n_seeds": 2, "diverged": 1, "verdict": "diverged"}
    bars = [
        Cell("rgan", "figure1", "Baseline", "WGAN-GP", "is", **part),  # type: ignore[arg-type]
        Cell("rgan", "figure1", "RGAN", "WGAN-GP", "is", **whole),  # type: ignore[arg-type]
        Cell("rgan", "figure1", "Baseline", "DCGAN", "is", measured=4.0, n_seeds=3),
    ]
    draw_plot(BARS, bars, tmp_path / "b", "p")
    assert {"1 of 3 diverged", "diverged"} <= set(texts(drawn[1]))
    grid = Artefact(
        paper="dat",
        name="figure5",
        kind="samples",
        title="Two",
        panels=(Panel(rows=("a", "b"), columns=("x",)),),
    )
    lost = Cell("dat", "figure5", "a", "x", "images", **whole)  # type: ignore[arg-type]
    draw_samples(grid, [lost], tmp_path, tmp_path / "c", "p")
    words = texts(drawn[2])
    assert (words.count("diverged"), words.count("pending")) == (1, 1)
    some = Cell("dat", "figure5", "a", "x", "nearest_neighbour", measured=60.0, n_seeds=2, diverged=1)
    draw_samples(grid, [some], tmp_path, tmp_path / "d", "p")
    assert drawn[3].axes[0].get_xlabel().endswith("60.0\u00a0∞\u00a01/3")


def test_a_listed_picture_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="does not exist") as caught:
        draw_samples(SAMPLES, [], tmp_path, tmp_path / "figure7", "smoke")
    assert "grid.png" in str(caught.value.where)
    assert not (tmp_path / "figure7.png").exists()


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    grid = tmp_path / "evaluations" / "a" / "grid.png"
    grid.parent.mkdir(parents=True)
    for content in (b"", b"\x89PNG\r\n\x1a\n half"):
        grid.write_bytes(content)
        with pytest.raises(ReproError, match="this picture is damaged") as caught:
            draw_samples(SAMPLES, [], tmp_path, tmp_path / "figure7", "smoke")
        assert caught.value.where == str(grid)


def test_a_grey_picture_stays_grey(tmp_path: Path, drawn: list[Figure]) -> None:
    grid = tmp_path / "evaluations" / "a" / "grid.png"
    grid.parent.mkdir(parents=True)
    Image.fromarray(np.full((8, 8), 200, np.uint8)).save(grid)
    draw_samples(SAMPLES, [], tmp_path, tmp_path / "figure7", "smoke")
    (picture,) = drawn[0].axes[0].images
    assert picture.to_rgba(picture.get_array())[0, 0] == pytest.approx((200 / 255,) * 3 + (1,), abs=0.01)


def test_a_drawing_needs_its_drawer(tmp_path: Path) -> None:
    drawing = SAMPLES.model_copy(update={"kind": "drawing", "name": "figure1"})
    with pytest.raises(ReproError, match="nothing draws robgan/figure1"):
        draw(drawing, [], tmp_path / "figure1", root=tmp_path, profile="smoke")
    asked: list[str] = []

    def record(stamp: str) -> list[Path]:
        asked.append(stamp)
        return [tmp_path / "figure1.png"]

    paths = draw(drawing, [], tmp_path / "figure1", root=tmp_path, profile="smoke", drawing=record)
    assert paths == [tmp_path / "figure1.png"]
    assert "smoke profile" in asked[0]


def test_stamp_names_what_touched_the_cells_in_a_fixed_order() -> None:
    one = Cell("a", "b", "c", "d", "is", measured=1.0, stand_ins=("reduced_budget", "synthetic_data"))
    assert stamp_of("smoke", [one]) == "smoke profile · synthetic_data + reduced_budget"
    plain, low = replace(one, precision=("float32",)), replace(one, precision=("bf16", "float32"))
    assert stamp_of("smoke", [plain]) == stamp_of("smoke", [one])
    assert stamp_of("smoke", [plain, low]).endswith("reduced_budget · bf16 + float32")


def test_a_plots_places_may_be_measured_too(tmp_path: Path, drawn: list[Figure]) -> None:
    names = ("c_g = 1", "c_g = 3", "c_g = 9")
    artefact = CURVE.model_copy(
        update={"x_row": "Power", "panels": (Panel(name="", rows=("Power", "GAT"), columns=names),)}
    )
    powers, accuracies = (0.9, 0.3, None), (10.0, 40.0, 60.0)
    cells = [
        Cell("robgan", "figure6", row, name, metric, measured=value)
        for row, metric, values in (("Power", "power", powers), ("GAT", "accuracy", accuracies))
        for name, value in zip(names, values, strict=True)
    ]
    (group,) = groups(artefact, cells)
    assert group.categories is None
    (series,) = group.series
    assert series.name == "GAT"
    assert [(point.place, point.measured) for point in series.points] == [(0.3, 40.0), (0.9, 10.0)]
    draw_plot(artefact, cells, tmp_path / "figure6", "p")
    assert "not shown, as their place was not measured: c_g = 9" in texts(drawn[0])


def test_colour_and_marker_say_which_network_and_dashes_which_attack() -> None:
    networks = ("Baseline", "FG", "GAT")
    rows = (*networks, *(f"{name}, {by}" for by in ("PGD-20", "AutoAttack") for name in networks))
    plot = Artefact(
        paper="gat", name="figure3", kind="plot", title="Attacks", panels=(Panel(rows=rows, columns=RADII),)
    )
    cells = [
        Cell("gat", "figure3", row, radius, "accuracy", measured=1.0, n_seeds=1, verdict="unreported")
        for row in rows
        for radius in RADII
    ]
    (group,) = groups(plot, cells)
    looks = {series.name: series_look(series) for series in group.series}
    assert len(set(looks.values())) == len(rows)
    for at in (0, 1):  # colour, marker
        assert looks["GAT, PGD-20"][at] == looks["GAT, AutoAttack"][at] == looks["GAT"][at] != looks["FG"][at]
    for suffix in ("", ", PGD-20", ", AutoAttack"):
        assert len({looks[name + suffix][2] for name in networks}) == 1
    assert len({looks["GAT" + suffix][2] for suffix in ("", ", PGD-20", ", AutoAttack")}) == 3


def test_rows_with_none_beside_differ_in_colour_marker_and_dash() -> None:
    rows = ("SNGAN", "SNGAN + DAT", "WGAN, gradient penalty")
    plot = Artefact(
        paper="dat", name="figure4", kind="plot", title="Rows", panels=(Panel(rows=rows, columns=RADII),)
    )
    (group,) = groups(plot, [Cell("dat", "figure4", row, RADII[0], "accuracy", measured=1.0) for row in rows])
    for parts in zip(*(series_look(series) for series in group.series), strict=True):
        assert len(set(parts)) == len(rows)
    many = [Cell("dat", "figure4", f"row {n}", RADII[0], "accuracy", measured=1.0) for n in range(24)]
    (group,) = groups(plot, many)
    assert len({series_look(series) for series in group.series}) == 3 + len(many)
