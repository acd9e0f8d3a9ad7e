"""Tables as pictures: every cell is there, nothing overlaps or leaves the page, the same bytes each time."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from repro.draw.draw import draw
from repro.draw.numbers import MEANINGS
from repro.draw.table_layout import MAX_WIDTH, cell_lines, lay_out
from repro.draw.table_picture import COLOURS, KEY, SETTINGS_KEY, draw_table
from repro.draw.view import views
from repro.judge.artefacts import Artefact, Panel
from repro.judge.cells import Cell
from repro.judge.verdict import VERDICTS

CONVENTIONS = ("paper", "published_code", "standard")
METRICS = ("fid_train", "kid_train", "is")
SETS = ("CIFAR-10", "a data set with a rather long name", "STL-10")
ROWS = ("SNGAN", "SNGAN-DAT (Discriminator only) (reduction: batch_mean, as published code)", "ALI", "SSGAN")
WIDE = Artefact(
    paper="dat",
    name="table2",
    kind="table",
    title="FID, KID, and IS of several networks across data sets, in a title that needs two lines here",
    source="Table II, Sec. IV-B",
    notes="Cells of $one$ run; 100 % of them.",
    panels=(Panel(rows=ROWS, columns=SETS),),
    threat_models=("L-infinity, radius 8/255, 20 steps",),
)


def wide_cells() -> list[Cell]:
    """Return cells of every verdict; the third row is cited, the fourth pending, both in one convention."""
    measured = [word for word in VERDICTS if word not in ("cited", "pending")]
    cells = []
    for column in SETS:
        for metric in METRICS:
            for at, row in enumerate(ROWS[:2]):
                for step, convention in enumerate(CONVENTIONS):
                    cells.append(
                        Cell("dat", "table2", row, column, metric, convention, reported=123.4567,
                             reported_std=0.01, measured=122.9876, measured_std=12.5, n_seeds=3,
                             verdict=measured[(at + step) % len(measured)], stand_ins=("reduced_budget",))
                    )  # fmt: skip
            cells += [
                Cell("dat", "table2", ROWS[2], column, metric, reported=7.5, verdict="cited"),
                Cell("dat", "table2", ROWS[3], column, metric, reported=6.5),
            ]
    return cells


def written(figure: Figure) -> list[Text]:
    return [*figure.axes[0].texts, *figure.texts]


def test_every_cell_is_drawn_with_its_words_and_colour(tmp_path: Path, drawn: list[Figure]) -> None:
    cells = wide_cells()
    draw_table(WIDE, cells, tmp_path / "table2", "smoke")
    texts = [text.get_text() for text in written(drawn[0])]
    for cell in cells:
        for line in cell_lines(cell):
            wanted = sum(line in cell_lines(other) for other in cells)
            assert texts.count(line) == wanted
    measured = [text for text in written(drawn[0]) if text.get_text().endswith("✗")]
    assert measured
    assert {text.get_color() for text in measured} == {COLOURS["not reproduced"][1]}
    assert "ALI †" in texts
    assert "smoke profile · reduced_budget · seeds: 3" in texts
    assert KEY in texts
    for word in {cell.verdict for cell in cells}:
        assert any(MEANINGS[word] in text for text in texts), word


def test_no_text_overlaps_another_or_leaves_the_page(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_table(WIDE, wide_cells(), tmp_path / "table2", "smoke")
    figure = drawn[0]
    figure.set_dpi(200)
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = {text: text.get_window_extent(renderer) for text in written(figure) if text.get_text()}
    width, height = figure.bbox.size
    for text, box in boxes.items():
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0, text
    for (one, first), (two, second) in combinations(boxes.items(), 2):
        # boxes hold the room for accents and descenders, of which neighbouring lines may share some
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        down = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert across <= 1 or down <= 0.3 * min(first.height, second.height), (one, two)


def test_a_wide_table_is_cut_between_columns_of_the_sheet() -> None:
    layout = lay_out(views(WIDE, wide_cells())[0])
    assert len(layout.blocks) > 1
    assert layout.width <= MAX_WIDTH
    shown = [index for block in layout.blocks for index in block.columns]
    assert shown == list(range(len(layout.view.columns)))
    for block in layout.blocks:
        assert sum(heading.span for heading in block.levels[0]) == len(block.columns)
        assert len(block.levels) == 3


def test_conventions_are_named_only_where_something_was_measured() -> None:
    cells = [
        cell for cell in wide_cells() if cell.column == "CIFAR-10" or cell.verdict in ("pending", "cited")
    ]
    layout = lay_out(views(WIDE, cells)[0])
    named = {heading.text for block in layout.blocks for level in block.levels for heading in level}
    assert {"paper", "published code", "standard"} <= named
    pending = [block for block in layout.blocks if "CIFAR-10" not in {head.text for head in block.levels[0]}]
    assert pending
    assert all(len(block.levels) == 2 for block in pending)


def test_panels_stand_below_each_other_and_one_metric_is_named_once(
    tmp_path: Path, drawn: list[Figure]
) -> None:
    panels = tuple(Panel(name=name, rows=("GAT",), columns=("1", "2")) for name in ("(a)", "(b)"))
    artefact = WIDE.model_copy(update={"panels": panels, "kind": "settings"})
    cells = [
        Cell("dat", "table2", f"{panel}: GAT", column, "accuracy", reported=50.0)
        for panel in ("(a)", "(b)")
        for column in ("1", "2")
    ]
    draw_table(artefact, cells, tmp_path / "table2", "smoke")
    places = {text.get_text(): text.get_position()[1] for text in written(drawn[0])}
    assert places["(a)"] < places["(b)"]  # the axis points down
    texts = [text.get_text() for text in written(drawn[0])]
    assert texts.count("accuracy (%)") == 2
    assert SETTINGS_KEY in texts
    assert "smoke profile · pending" in texts


def test_a_long_line_of_the_legend_stays_on_the_page(tmp_path: Path, drawn: list[Figure]) -> None:
    panel = Panel(rows=("GAT",), columns=("CIFAR-10",))
    cell = Cell(
        "dat", "table2", "GAT", "CIFAR-10", "accuracy",
        measured=50.0, n_seeds=3, verdict="inconclusive", flags=("mixed_code", "overfitting"),
    )  # fmt: skip
    draw_table(WIDE.model_copy(update={"panels": (panel,)}), [cell], tmp_path / "table2", "smoke")
    drawn[0].draw_without_rendering()
    page = drawn[0].bbox
    assert any("catastrophic" in text.get_text() for text in written(drawn[0]))
    assert all(text.get_window_extent().x1 <= page.x1 for text in written(drawn[0]))


def test_embedded_features_are_starred_and_explained(tmp_path: Path, drawn: list[Figure]) -> None:
    cells = [replace(cell, stand_ins=("embedded_features",)) for cell in wide_cells() if cell.metric == "is"]
    draw_table(WIDE, cells, tmp_path / "table2", "smoke")
    texts = [text.get_text() for text in written(drawn[0])]
    assert "IS*" in texts
    assert any("embedded feature extractor" in text for text in texts)


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    cells = wide_cells()
    one = draw_table(WIDE, cells, tmp_path / "one" / "table2", "smoke")
    two = draw_table(WIDE, cells, tmp_path / "two" / "table2", "smoke")
    assert [path.suffix for path in one] == [".png", ".pdf"]
    for left, right in zip(one, two, strict=True):
        assert left.read_bytes() == right.read_bytes()
    changed = [replace(cells[0], measured=1.0), *cells[1:]]
    other = draw_table(WIDE, changed, tmp_path / "other" / "table2", "smoke")
    assert other[0].read_bytes() != one[0].read_bytes()


@pytest.mark.parametrize("kind", ["table", "settings"])
def test_tables_come_as_five_files(tmp_path: Path, kind: str) -> None:
    artefact = WIDE.model_copy(update={"kind": kind})
    paths = draw(artefact, wide_cells(), tmp_path / "table2", root=tmp_path, profile="smoke")
    assert [path.suffix for path in paths] == [".csv", ".md", ".tex", ".png", ".pdf"]
    assert all(path.stat().st_size for path in paths)


def test_an_artefact_without_cells_is_still_drawn(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_table(WIDE, [], tmp_path / "table2", "smoke")
    texts = [text.get_text() for text in written(drawn[0])]
    assert {"SSGAN", *SETS[::2]} <= set(texts)


@pytest.mark.parametrize("word", VERDICTS)
def test_small_print_can_be_read_on_its_tint(word: str) -> None:
    def luminance(colour: str) -> float:  # WCAG 2
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    tint, ink = (luminance(colour) for colour in COLOURS[word])
    assert (tint + 0.05) / (ink + 0.05) > 4.5


def test_the_legend_of_settings_speaks_of_no_seeds(tmp_path: Path, drawn: list[Figure]) -> None:
    settings = WIDE.model_copy(update={"kind": "settings"})
    cells = [
        replace(cell, metric={"fid_train": "setting", "kid_train": "kernel", "is": "stride"}[cell.metric])
        for cell in wide_cells()
        if cell.verdict != "inconclusive"  # which no setting ever is
    ]
    paths = draw(settings, cells, tmp_path / "table2", root=tmp_path, profile="smoke")
    legend = " ".join(text.get_text() for text in written(drawn[0]))
    assert "as the paper states" in legend
    for words in (legend, paths[1].read_text(encoding="utf-8"), paths[2].read_text(encoding="utf-8")):
        assert "interval" not in words
        assert "seeds" not in words
