"""The report and the collected folder: complete, linked, safe, and the same each time."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from report_profile import NAMED, RUN, write_profile
from repro.compose.paper_files import whole_ledger
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.plan.config import load_config
from repro.search.gain import Gain
from repro.search.summary import draw_summary
from repro.search.table import Outcome, draw_search
from repro.site.collect import collect, collect_one
from repro.site.curves import HEIGHT, WIDTH, charts
from repro.site.html import write_report
from repro.site.manifest import MANIFEST, hashes

LEDGER = whole_ledger(load_config(Path(__file__).parents[2] / "config"))


class Page(HTMLParser):
    """Collects links, ids, pictures and the visible text of one page; void tags aside, tags must balance."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given[name] or "" for name in ("href", "src") if name in given]
        self.pictures += [given] if tag == "img" else []
        if tag not in ("meta", "link", "img", "br", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "polyline"

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    made = write_profile(tmp_path_factory.mktemp("results"))
    write_report(made, NAMED, LEDGER)
    return made


def pages(folder: Path) -> dict[Path, Page]:
    return {path.resolve(): Page(path) for path in sorted(folder.rglob("*.html"))}


def assert_links_hold(folder: Path) -> None:
    found = pages(folder)
    for path, page in found.items():
        assert page.open == [], path
        assert len(page.ids) == len(set(page.ids)), path
        for link in page.links:
            assert "://" not in link, "the report must work offline"
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path.resolve()
            assert target.is_file(), f"{path.name}: {link}"
            assert folder.resolve() in target.parents, link
            if anchor:
                assert anchor in found[target].ids, f"{path.name}: {link}"


def test_every_link_holds_in_the_report_and_in_the_collected_folder(layout: Layout, tmp_path: Path) -> None:
    assert_links_hold(layout.root / "report")
    assert_links_hold(collect(layout, tmp_path / "figures").parent)


def test_a_number_leads_to_its_line_and_its_run(layout: Layout) -> None:
    text = (layout.root / "report" / "gat.html").read_text()
    line = text[text.index('id="c0"') :]
    assert 'href="#c0"' in text
    assert f'href="runs/{RUN}.html"' in line[: line.index("</tr>")]
    assert "<code>gone-s1</code>" in text  # a run without a record is named, not linked
    run = Page(layout.root / "report" / "runs" / f"{RUN}.html")
    assert "../gat.html#c0" in run.links
    for shown in (
        "f00d",
        "2.13.0",
        "a processor",
        "77.5",
        "src/repro/methods/gat.py",
        "c0ffee",
        "12.5 seconds",
    ):
        assert shown in run.words, shown


def test_the_pages_say_what_the_files_say(layout: Layout) -> None:
    paper = Page(layout.root / "report" / "gat.html")
    for shown in (
        "77.48 ± 0.46",
        "77.50 ± 0.30",
        "Threat model: Linf, radius 8/255",
        "Measured on a limited number of images: auto_attack 64, robust_accuracy 1,500.",
        "not reproduced",
        "A note.",
    ):
        assert shown in paper.words, shown
    assert "Stood in: synthetic_data" in paper.words
    assert "⚑ suspect: hidden gradients, as a second start of the same attack finds more" in paper.words
    index = Page(layout.root / "report" / "index.html")
    for shown in ("GAT beats dropout", "supported", "4 to 6 % improvement", "inconsistent", "gat.c_g"):
        assert shown in index.words, shown
    assert "smoke profile · synthetic_data + reduced_budget" in index.words


def test_searches_are_shown_once_they_exist(tmp_path: Path) -> None:
    made = write_profile(tmp_path)
    without = Page(write_report(made, NAMED, LEDGER))
    assert "searches" not in without.ids
    assert "Searched on validation images: gat/c_g" in without.words
    values = [
        Outcome("cifar10", value, score, None, 1, winner, not winner, ("reduced_budget",), (RUN,), 5000)
        for value, score, winner in ((1.0, 50.0, False), (10.0, 53.0, True))
    ]
    stem = made.search("gat", "c_g")
    draw_search(values, stem, heading="gat/c_g", option="c_g", score="accuracy", profile="smoke")
    gain = Gain("gat/c_g", "gat", "c_g", "cifar10", values[0], values[1], 1.0)
    draw_summary([gain], made.search_summary, profile="smoke")
    index = Page(write_report(made, NAMED, LEDGER))
    assert_links_hold(made.root / "report")
    assert {"searches", "search-gat-c-g"} <= set(index.ids)
    assert {"#search-gat-c-g", "searches/gat/c_g.csv", "searches/summary.md"} <= set(index.links)
    assert "gat/dropout_rate" in index.words  # named by the ledger, not finished: no link
    assert "#search-gat-dropout-rate" not in index.links
    drawn = made.search_summary.with_suffix(".png").read_bytes()
    assert (made.root / "report" / "searches" / "summary.png").read_bytes() == drawn


def test_an_order_is_shown_with_effect_p_and_what_stood_in(layout: Layout) -> None:
    text = (layout.root / "report" / "index.html").read_text()
    line = next(line for line in text.splitlines() if 'id="claim-gat-passes"' in line)
    for part in (
        '<span class="chip not-comparable">',
        '<span class="chip direction-holds"> direction holds</span>',
        '1.84<br><span class="soft">0.5 to 3.1</span>',
        '0.01<br><span class="soft">Holm 0.02</span>',
        "reduced_budget, reduced_width",
    ):
        assert part in line
    plain = next(line for line in text.splitlines() if 'id="claim-gat-beats"' in line)
    assert "direction" not in plain


def test_text_of_the_sheets_is_escaped(layout: Layout) -> None:
    text = (layout.root / "report" / "gat.html").read_text()
    assert "Test accuracy &lt;b&gt;CIFAR&lt;/b&gt;" in text
    assert "<b>CIFAR" not in text


def test_pictures_have_words_and_sizes(layout: Layout) -> None:
    pictures = [picture for page in pages(layout.root / "report").values() for picture in page.pictures]
    assert len(pictures) == 2
    for picture in pictures:
        assert len(picture["alt"] or "") > 20
        assert int(picture["width"] or 0) > 100


def test_the_report_is_the_same_each_time(layout: Layout) -> None:
    before = hashes(layout.root / "report")
    (layout.root / "report" / "runs" / "stale.html").write_text("a page of a run that is gone")
    write_report(layout, NAMED, LEDGER)
    assert hashes(layout.root / "report") == before


def test_an_artefact_that_was_not_drawn(tmp_path: Path) -> None:
    layout = write_profile(tmp_path)
    write_report(layout, NAMED, LEDGER)
    for path in layout.root.glob("artefacts/gat/figure3.*"):
        path.unlink()
    with pytest.raises(ReproError, match="gat/figure3 has not been drawn"):
        write_report(layout, NAMED, LEDGER)
    assert (layout.root / "report" / "index.html").is_file()  # the old one stays


def test_a_paper_without_a_folder_is_named(layout: Layout) -> None:
    with pytest.raises(ReproError, match="artefacts of robgan") as caught:
        write_report(layout, {"gat": NAMED["gat"]}, LEDGER)
    assert caught.value.where == str(layout.root / "artefacts.json")


def test_damaged_inputs_are_named(tmp_path: Path) -> None:
    layout = write_profile(tmp_path)
    claims = layout.root / "claims.csv"
    kept = claims.read_text()
    claims.write_text("paper,id\n")
    with pytest.raises(ReproError, match="lacks the column statement"):
        write_report(layout, NAMED, LEDGER)
    claims.write_text(kept)
    layout.record(RUN).write_text("{}")
    with pytest.raises(ReproError, match="it has no `spec`") as caught:
        write_report(layout, NAMED, LEDGER)
    assert caught.value.where == str(layout.record(RUN))


def test_without_claims_audit_ledger_and_runs(tmp_path: Path) -> None:
    layout = write_profile(tmp_path)
    for name in ("claims.csv", "audit.csv"):
        (layout.root / name).unlink()
    layout.record(RUN).unlink()
    index = Page(write_report(layout, NAMED, []))
    assert "No run is finished yet" in index.words
    assert "Audit" not in index.words


def test_collecting(layout: Layout, tmp_path: Path) -> None:
    into = tmp_path / "figures"
    collect_one(layout, "gat/table2.md", into)
    assert [path.name for path in into.rglob("[!.]*.*")] == ["table2.md"]
    collect(layout, into)
    manifest = json.loads((into / MANIFEST).read_text())
    assert manifest["profile"] == "smoke"
    assert manifest["files"] == hashes(into)
    for name in ("index.html", "cells.csv", "gat/table2.tex", "gat/figure3.pdf", "robgan/figure7.png"):
        assert name in manifest["files"]
    collect_one(layout, "gat/table2.md", into)
    (into / "gat" / "table2.pdf").unlink()
    collect(layout, into)
    assert manifest["files"] == hashes(into)
    (into / "gat" / "table2.md").write_text("changed by hand")
    with pytest.raises(ReproError, match="this file was changed since it was written") as caught:
        collect(layout, into)
    assert caught.value.where == str(into / "gat" / "table2.md")
    with pytest.raises(ReproError, match="this file was changed since it was written"):
        collect_one(layout, "gat/table2.md", into)
    assert (into / "gat" / "table2.md").read_text() == "changed by hand"


def test_collecting_nothing_or_over_somebodys_files(layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="no report to collect"):
        collect(Layout(tmp_path, "paper"), tmp_path / "figures")
    own = tmp_path / "mine"
    own.mkdir()
    (own / "thesis.tex").write_text("years of work")
    with pytest.raises(ReproError, match="made no such file"):
        collect(layout, own)
    assert (own / "thesis.tex").read_text() == "years of work"


def test_charts_of_a_log() -> None:
    log = [{"step": step, "loss": 1.0 / step, "bad": float("nan"), "word": "x"} for step in range(1, 1001)]
    (chart,) = charts(log)
    points = [tuple(map(float, pair.split(","))) for pair in chart.points.split()]
    assert len(points) <= 202
    assert points[0] == (0.0, 0.0)
    assert points[-1] == (WIDTH, HEIGHT)
    assert (chart.low, chart.high, chart.last_step) == ("0.001", "1", 1000)
    assert charts(log[:1]) == []
