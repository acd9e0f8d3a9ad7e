"""DAT's own figures: drawn from cells alone, every number in them, and what was not run marked as such."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image

from papers_case import plan_of
from repro.draw.draw import Shown
from repro.draw.numbers import metric_label
from repro.judge import artefacts as entries
from repro.judge.cells import Cell

PLAN = plan_of("smoke")
FIGURES = ("figure3", "figure4", "figure8", "figure9")
NUMBERS = {
    "modes": 7.0,
    "high_quality": 91.5,
    "kl_modes": 0.25,
    "kl": 0.75,
    "fid_train": 42.0,
    "iterations": 3.5,
}


def shown(
    name: str, root: Path, change: Callable[[Cell], Cell] | None = None, *, pictures: bool = True
) -> Shown:
    """Return an artefact of the sheet with a made-up number in each cell."""
    declared = PLAN.config.sheets["dat"].artefacts[name]
    cells = []
    for number, planned in enumerate(PLAN.cells[f"dat/{name}"]):
        value = NUMBERS.get(planned.metric, 10.0 + number % 7)
        key = planned.row, planned.column, planned.metric
        mark = {"verdict": "not comparable", "stand_ins": ("synthetic_data",)}
        cell = Cell("dat", name, *key, measured=value, measured_std=0.5, n_seeds=3, **mark)  # type: ignore[arg-type]
        cells.append(change(cell) if change else cell)
    Image.new("RGB", (274, 104), (90, 120, 150)).save(root / "picture.png")
    Image.linear_gradient("L").save(root / "grey.png")
    picture = "grey.png" if name == "figure3" else "picture.png"
    places = dict.fromkeys((cell.row, cell.column) for cell in cells)
    panels = tuple(
        entries.Panel(
            name=panel.name,
            rows=tuple(row.name for row in panel.rows),
            columns=tuple(dict.fromkeys(column.name for column in panel.columns)),
        )
        for panel in declared.panels
    )
    artefact = entries.Artefact(
        paper="dat",
        name=name,
        kind=declared.kind,
        title=declared.title,
        x_axis=declared.x_axis or None,
        y_axis=declared.y_axis or None,
        panels=panels,
        pictures=tuple(
            entries.Picture(row=row, column=column, path=picture if pictures else None)
            for row, column in places
        ),
    )
    return Shown(artefact, tuple(cells), root)


def drawn(name: str, what: Shown, monkeypatch: pytest.MonkeyPatch) -> Figure:
    """Draw a figure and return it instead of only its files."""
    module: Any = importlib.import_module(f"repro.draw.figures.dat.{name}")
    kept: list[Figure] = []
    save = module.save

    def keep(figure: Figure, stem: Path, stamp: str) -> list[Path]:
        kept.append(figure)
        return save(figure, stem, stamp)  # type: ignore[no-any-return]

    monkeypatch.setattr(module, "save", keep)
    paths = module.draw(what, what.root / name, "smoke profile · synthetic_data")
    assert [path.suffix for path in paths] == [".png", ".pdf"]
    assert all(path.stat().st_size > 5000 for path in paths)
    return kept[0]


def words(figure: Figure) -> list[str]:
    import matplotlib.text

    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


def pending(cell: Cell) -> Cell:
    return replace(cell, measured=None, measured_std=None, verdict="pending", stand_ins=())


@pytest.mark.parametrize("name", FIGURES)
def test_each_is_drawn_with_stamp_and_title(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = drawn(name, shown(name, tmp_path), monkeypatch)
    text = " ".join(words(figure))
    assert "smoke profile · synthetic_data" in text
    assert f"dat/{name}" in text
    assert "pending" not in text
    assert figure.get_figwidth() <= 7


@pytest.mark.parametrize("name", FIGURES)
def test_what_was_not_run_says_so(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(name, shown(name, tmp_path, pending, pictures=False), monkeypatch)
    assert any("pending" in word for word in words(figure))


def lost(cell: Cell) -> Cell:
    return replace(
        cell, measured=None, measured_std=None, n_seeds=0, diverged=3, verdict="diverged", stand_ins=()
    )


@pytest.mark.parametrize("name", FIGURES)
def test_what_diverged_says_so(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(name, shown(name, tmp_path, lost, pictures=False), monkeypatch)
    assert any("diverged" in word for word in words(figure))
    assert not any("pending" in word for word in words(figure))


def test_figure4_puts_a_cross_at_the_rim_where_a_run_diverged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(cell: Cell) -> Cell:
        return lost(cell) if (cell.column, cell.row[-3:]) == ("5e-3", "GAN") else cell

    figure = drawn("figure4", shown("figure4", tmp_path, change), monkeypatch)
    rates = figure.axes[0]
    (cross,) = [line for line in rates.lines if line.get_marker() == "x"]
    assert list(cross.get_xdata()) == [rates.get_xticks()[5]]
    assert cross.get_ydata()[0] == rates.get_ylim()[1]
    assert "a run diverged" in words(figure)


def test_figure8_puts_a_cross_above_the_place_of_a_diverged_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(cell: Cell) -> Cell:
        return lost(cell) if (cell.row, cell.column) == ("SNGAN", "90") else cell

    figure = drawn("figure8", shown("figure8", tmp_path, change), monkeypatch)
    crosses = [
        [list(line.get_xdata()) for line in at.lines if line.get_marker() == "x"] for at in figure.axes
    ]
    assert crosses == [[], [[90.0]], [], []]
    assert "a run diverged" in words(figure)


def flagged(cell: Cell) -> Cell:
    return replace(cell, flags=("mode_collapse",))


@pytest.mark.parametrize(("name", "change"), [*((name, None) for name in FIGURES), ("figure3", flagged)])
def test_no_text_lies_on_another_or_outside(
    name: str, change: Callable[[Cell], Cell] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import matplotlib.text

    figure = drawn(name, shown(name, tmp_path, change), monkeypatch)
    figure.canvas.draw()  # at the screen's density again, not that of the files
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    beyond = {
        tick.label1
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }  # labels of ticks outside the axes exist and are not drawn
    found = [
        (text.get_text(), text.get_window_extent(renderer))
        for text in figure.findobj(matplotlib.text.Text)
        if text.get_text() and text.get_visible() and text not in beyond
    ]
    width, height = figure.canvas.get_width_height()
    for text, box in found:
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= -1, text
    for index, (text, box) in enumerate(found):
        for other, second in found[index + 1 :]:
            across = min(box.x1, second.x1) - max(box.x0, second.x0)
            upright = min(box.y1, second.y1) - max(box.y0, second.y0)
            assert across <= 1 or upright <= 1.5, (text, other)


def test_figure3_has_a_number_below_each_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = words(drawn("figure3", shown("figure3", tmp_path), monkeypatch))
    assert text.count("0.750 ± 0.500") == 28
    for metric in ("modes", "high_quality", "kl_modes", "kl"):
        assert text.count(metric_label(metric)) == 4


@pytest.mark.parametrize(
    ("value", "std", "text"),
    [(283.751, 408.344, "284 ± 408"), (12.656, 31.24, "12.7 ± 31.2"), (8.9, 120.0, "9 ± 120")],
)
def test_figure3_spares_digits_where_a_density_is_far_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float, std: float, text: str
) -> None:
    def change(cell: Cell) -> Cell:
        return replace(cell, measured=value, measured_std=std) if cell.metric == "kl" else cell

    assert text in words(drawn("figure3", shown("figure3", tmp_path, change), monkeypatch))


@pytest.mark.parametrize(("name", "mark"), [("figure3", " ∞ 1/3"), ("figure9", " ∞ 1/3")])
def test_a_mean_of_the_runs_that_are_left_says_how_many_diverged(
    name: str, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = words(
        drawn(name, shown(name, tmp_path, lambda cell: replace(cell, n_seeds=2, diverged=1)), monkeypatch)
    )
    assert any(each.endswith(mark) for each in text)


@pytest.mark.parametrize(
    ("name", "count"), [("figure3", 112), ("figure4", 24), ("figure8", 80), ("figure9", 48)]
)
def test_a_flag_stands_beside_each_number_and_point_that_has_one(
    name: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not any("⚑" in each for each in words(drawn(name, shown(name, tmp_path), monkeypatch)))
    what = shown(name, tmp_path, flagged)
    assert sum("⚑" in each for each in words(drawn(name, what, monkeypatch))) == count


@pytest.mark.parametrize(("grey", "times"), [(255, 28), (0, 0)])
def test_figure3_says_where_no_point_lies_within_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grey: int, times: int
) -> None:
    each = shown("figure3", tmp_path)
    Image.new("L", (16, 16), grey).save(tmp_path / "grey.png")
    assert words(drawn("figure3", each, monkeypatch)).count("no point within") == times


def test_figure4_puts_the_measured_value_at_its_spoke(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(cell: Cell) -> Cell:
        high = (cell.column, cell.row[-3:]) == ("1e-3", "DAT")
        return replace(cell, measured=99.0, measured_std=60.0, n_seeds=3) if high else cell

    figure = drawn("figure4", shown("figure4", tmp_path, change), monkeypatch)
    rates, betas = figure.axes
    assert rates.get_ylim()[1] > 99 + 60  # its bar ends within the rim
    lines = [line for line in rates.lines if len(line.get_xdata()) == 7]  # six spokes, closed
    assert [max(line.get_ydata()) for line in lines] == [42.0, 99.0]
    place = list(lines[1].get_ydata()).index(99.0)
    assert [label.get_text() for label in rates.get_xticklabels()][place] == "1e-3"
    assert lines[1].get_xdata()[place] == pytest.approx(rates.get_xticks()[place])
    assert [label.get_text() for label in betas.get_xticklabels()][3] == "(0.5, 0.999)"


def test_figure4_leaves_out_a_spoke_that_was_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(cell: Cell) -> Cell:
        return pending(cell) if cell.column == "5e-3" else cell

    figure = drawn("figure4", shown("figure4", tmp_path, change), monkeypatch)
    points = [len(line.get_xdata()) for line in figure.axes[0].lines]
    points = [n for n in points if n > 1]  # bars end in lines of one
    assert points == [5, 5]  # not closed over the gap
    assert len(figure.axes[0].get_xticks()) == 6


def test_figure8_shows_each_gan_with_and_without_dat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn("figure8", shown("figure8", tmp_path), monkeypatch)
    assert [at.get_title() or at.get_title("left") for at in figure.axes] == [
        "DCGAN", "SNGAN", "SSGAN", "InfoMaxGAN",
    ]  # fmt: skip
    for at in figure.axes:
        assert [list(line.get_xdata()) for line in at.lines] == [list(range(10, 101, 10))] * 2
    *lines, band = figure.legends[0].legend_handles
    plain, with_dat = (line.get_marker() for line in lines)
    assert band.get_label() == "band: ± 1 std over seeds"
    assert [plain, with_dat] == [line.get_marker() for line in figure.axes[0].lines]


def test_figure9_has_bars_means_and_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn("figure9", shown("figure9", tmp_path), monkeypatch)
    text = words(figure)
    assert text.count("(a) without DAT, mean 3.50 ± 0.50") == 2
    assert [len(at.patches) for at in figure.axes] == [22, 22, 0, 0]
    assert [len(at.images) for at in figure.axes] == [0, 0, 1, 1]


def with_row(what: Shown, panel: int, name: str, like: str) -> Shown:
    """The same with a row more, whose cells are those of the row ``like``."""
    panels = list(what.artefact.panels)
    panels[panel] = panels[panel].model_copy(update={"rows": (*panels[panel].rows, name)})
    prefix = f"{panels[panel].name}: " if len(panels) > 1 else ""
    more = [replace(cell, row=prefix + name) for cell in what.cells if cell.row == prefix + like]
    assert more
    artefact = what.artefact.model_copy(update={"panels": tuple(panels)})
    return replace(what, artefact=artefact, cells=(*what.cells, *more))


def test_figure4_keeps_labels_at_their_values_in_any_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = shown("figure4", tmp_path, lambda cell: replace(cell, measured=float(cell.column == "1e-3")))
    first = what.artefact.panels[0]
    turned = first.model_copy(update={"columns": (*first.columns[1:], first.columns[0])})
    artefact = what.artefact.model_copy(update={"panels": (turned, *what.artefact.panels[1:])})
    rates = drawn("figure4", replace(what, artefact=artefact), monkeypatch).axes[0]
    line = next(line for line in rates.lines if len(line.get_xdata()) == 7)
    place = list(line.get_ydata()).index(1.0)
    at = [label.get_text() for label in rates.get_xticklabels()].index("1e-3")
    assert line.get_xdata()[place] == pytest.approx(rates.get_xticks()[at])


def test_figure4_names_a_row_that_one_panel_alone_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = shown("figure4", tmp_path)
    more = with_row(what, 1, "Mine", what.artefact.panels[1].rows[0])
    names = [text.get_text() for text in drawn("figure4", more, monkeypatch).legends[0].get_texts()]
    assert names == [*what.artefact.panels[0].rows, "Mine"]


def test_figure8_shows_a_row_without_its_twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn("figure8", with_row(shown("figure8", tmp_path), 0, "SAGAN-DAT", "SNGAN-DAT"), monkeypatch)
    last = figure.axes[-1]
    assert last.get_title("left") == "SAGAN"
    (line,) = last.lines
    assert line.get_marker() == figure.axes[0].lines[1].get_marker()  # with DAT
