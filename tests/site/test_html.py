"""The report and the collected folder: complete, linked, safe, and the same each time."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

import report_profile
from report_profile import CELLS, CLAIMS, NAMED, RUN, write_profile
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.judge.artefacts import Artefact, Panel
from repro.judge.cells import Cell
from repro.judge.ledger import LedgerOption
from repro.judge.welch import welch_interval
from repro.plan.config import load_config
from repro.search.gain import Gain
from repro.search.summary import draw_summary
from repro.search.table import Outcome, draw_search
from repro.site.collect import collect, collect_one
from repro.site.curves import HEIGHT, WIDTH, charts
from repro.site.html import anchor, write_report
from repro.site.manifest import MANIFEST, hashes
from repro.site.material import Papers
from repro.site.options import values_of
from repro.verify.remake import papers_of

WHOLE = papers_of(load_config(Path(__file__).parents[2] / "config"))
PAPERS = Papers(NAMED, WHOLE.ledger, CLAIMS, WHOLE.audited)


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
        if tag not in ("meta", "link", "img", "br", "polyline", "input"):
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
    write_report(made, PAPERS)
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
    text = (layout.root / "report" / "gat" / "table2.html").read_text()
    place = anchor(CELLS[0])
    line = text[text.index(f'id="{place}"') :]
    assert f'href="#{place}"' in text
    assert f'href="../runs/{RUN}.html"' in line[: line.index("</tr>")]
    assert "<code>gone-s1</code>" in text  # a run without a record is named, not linked
    run = Page(layout.root / "report" / "runs" / f"{RUN}.html")
    assert "⚑ mode collapse: generated images differ 0 times as much as real ones." in "".join(run.text)
    assert f"../gat/table2.html#{place}" in run.links
    assert f"gat/table2.html#{place}" in Page(layout.root / "report" / "cells.html").links
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
    paper = Page(layout.root / "report" / "gat" / "table2.html")
    for shown in (
        "77.48 ± 0.46",
        "77.50 ± 0.30",
        "Threat model: Linf, radius 8/255",
        "Measured on a limited number of images: auto_attack 64, robust_accuracy 1,500.",
        "not reproduced",
        "A note.",
    ):
        assert shown in paper.words, shown
    assert "Table 2, Sec. 4.4 · stood in: synthetic_data · 1 threat model · notes" in paper.words
    assert "Stood in: synthetic images instead of the data set." in paper.words
    assert "⚑ suspect: hidden gradients, as a second start of the same attack finds more" in paper.words
    index = Page(layout.root / "report" / "index.html")
    assert "GAT beats the baseline" in index.words
    rows = (layout.root / "report" / "index.html").read_text().split("<tr")
    chips = {"gat.beats": "supported", "gat.passes": "direction holds", "gat.waits_for": "pending"}
    for claim, chip in chips.items():
        (row,) = (row for row in rows if f"claims/{claim}.html" in row)
        assert f"not {chip}" not in row, claim
        assert f"{chip}</span>" in row, claim
    audit = Page(layout.root / "report" / "audit.html")
    assert "4 to 6 % improvement" in audit.words
    assert "inconsistent" in audit.words
    assert "gat.c_g" in Page(layout.root / "report" / "ledger.html").words
    assert "smoke profile · synthetic_data + reduced_budget" in index.words


def test_searches_are_shown_once_they_exist(tmp_path: Path) -> None:
    made = write_profile(tmp_path)
    folder = write_report(made, PAPERS).parent
    assert "None is finished" in Page(folder / "cost.html").words
    values = [
        Outcome("cifar10", value, score, None, 1, winner, not winner, ("reduced_budget",), (RUN,), 5000)
        for value, score, winner in ((1.0, 50.0, False), (10.0, 53.0, True))
    ]
    stem = made.search("gat", "c_g")
    draw_search(values, stem, heading="gat/c_g", option="c_g", score="accuracy", profile="smoke")
    gain = Gain("gat/c_g", "gat", "c_g", "cifar10", values[0], values[1])
    draw_summary([gain], made.search_summary, profile="smoke")
    write_report(made, PAPERS)
    assert_links_hold(folder)
    page = Page(folder / "cost.html")
    assert {"search-gat-c-g"} <= set(page.ids)
    assert {"searches/gat/c_g.csv", "searches/summary.md"} <= set(page.links)
    by_search = {name: item for item in PAPERS.ledger for name in item.searched_by}
    finished = Page(folder / "ledger" / f"{by_search['gat/c_g'].id}.html")
    assert "../cost.html#search-gat-c-g" in finished.links
    waiting = Page(folder / "ledger" / f"{by_search['gat/dropout_rate'].id}.html")
    assert "gat/dropout_rate (not finished)" in waiting.words
    drawn = made.search_summary.with_suffix(".png").read_bytes()
    assert (folder / "searches" / "summary.png").read_bytes() == drawn


def test_a_claims_page_has_both_numbers_the_difference_and_how_sure_it_is(layout: Layout) -> None:
    page = (layout.root / "report" / "claims" / "gat.passes.html").read_text()
    for part in (
        '<span class="chip not-comparable">',
        '<span class="chip direction-holds"> direction holds</span>',
        "p of the claim: 0.01, corrected 0.02; of its contrary: 0.99, corrected 1 ",
        "As measured here, not as in the paper: a shorter training or a cheaper measurement; narrower netw",
        '± 0.44</span><span class="measured">measured 61.00 ± 0.10</span><br><span class="soft">4',
        '± 0.46</span><span class="measured">measured 77.50 ± 0.30</span><br><span class="soft">3',
        '<td class="num">-16.5<br>',
        "the rows differ in stand-ins (synthetic_data / none)",
        f'href="../gat/table2.html#{anchor(CELLS[1])}"',
        f'href="../runs/{RUN}.html"',
        'href="../ledger/gat.percentages.html"',
    ):
        assert part in page, part
    low, high = welch_interval((61.0, 0.1, 4), (77.5, 0.3, 3))[1:]
    assert f"{low:.3g} to {high:.3g}" in page
    waiting = Page(layout.root / "report" / "claims" / "gat.waits_for.html")
    assert "pending" in waiting.words
    assert "not run" in waiting.words  # the reason
    index = (layout.root / "report" / "index.html").read_text()
    assert '<td class="num">0.02 / 1</td>' in index
    assert "41.00 ± 0.20" in waiting.words  # the side that is measured


def test_settings_are_counted_apart_from_measurements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Artefact(paper="robgan", name="table9", kind="settings", title="Layers", source="Table 9",
                        panels=(Panel(rows=("layer 1",), columns=("network",)),))  # fmt: skip
    cell = Cell("robgan", "table9", "layer 1", "network", "kernel", reported=3.0, measured=3.0, n_seeds=1,
                verdict="reproduced")  # fmt: skip
    monkeypatch.setattr(report_profile, "ARTEFACTS", (*report_profile.ARTEFACTS, settings))
    monkeypatch.setattr(report_profile, "CELLS", (*CELLS, cell))
    index = write_report(write_profile(tmp_path), PAPERS).read_text()
    line = next(line for line in index.splitlines() if 'href="robgan.html"' in line and "<th" in line)
    assert "1 of 1 as printed" in line
    assert "reproduced" not in line
    assert "✓ reproduced 1" in next(
        line for line in index.splitlines() if 'href="gat.html"' in line and "<th" in line
    )


def test_open_points_and_findings_are_linked_from_what_they_touch_and_back(layout: Layout) -> None:
    folder = layout.root / "report"
    item = next(
        item
        for item in PAPERS.ledger
        if item.option and item.option.of == "gat" and "gat/table2" in item.affects
    )
    point = Page(folder / "ledger" / f"{item.id}.html")
    assert {"../gat/table2.html", f"../runs/{RUN}.html", "../claims/gat.beats.html"} <= set(point.links)
    for page in ("gat/table2.html", f"runs/{RUN}.html", "claims/gat.beats.html"):
        assert f"../ledger/{item.id}.html" in Page(folder / page).links, page
    option = next(item for item in PAPERS.ledger if item.option and item.option.name == "gat.c_g")
    assert (
        f'<dt><a href="../ledger/{option.id}.html">c_g</a></dt>'
        in (folder / "runs" / f"{RUN}.html").read_text()
    )


def test_text_of_the_sheets_is_escaped(layout: Layout) -> None:
    text = (layout.root / "report" / "gat" / "table2.html").read_text()
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
    write_report(layout, PAPERS)
    assert hashes(layout.root / "report") == before


def test_an_artefact_that_was_not_drawn(tmp_path: Path) -> None:
    layout = write_profile(tmp_path)
    write_report(layout, PAPERS)
    for path in layout.root.glob("artefacts/gat/figure3.*"):
        path.unlink()
    with pytest.raises(ReproError, match="gat/figure3 has not been drawn"):
        write_report(layout, PAPERS)
    assert (layout.root / "report" / "index.html").is_file()  # the old one stays


def test_a_paper_without_a_folder_is_named(layout: Layout) -> None:
    with pytest.raises(ReproError, match="artefacts of robgan") as caught:
        write_report(layout, Papers({"gat": NAMED["gat"]}))
    assert caught.value.where == str(layout.root / "artefacts.json")


def test_damaged_inputs_are_named(tmp_path: Path) -> None:
    layout = write_profile(tmp_path)
    claims = layout.root / "claims.csv"
    kept = claims.read_text()
    claims.write_text("paper,id\n")
    with pytest.raises(ReproError, match="lacks the column statement"):
        write_report(layout, PAPERS)
    claims.write_text(kept)
    for path in (claims, layout.cells):
        kept = path.read_text()
        path.write_text(kept + "\xe9", encoding="latin-1")
        with pytest.raises(ReproError, match="not UTF-8") as caught:
            write_report(layout, PAPERS)
        assert caught.value.where == str(path)
        path.write_text(kept)
    picture = layout.artefact("gat", "figure3").with_suffix(".png")
    drawn = picture.read_bytes()
    picture.write_bytes(b"")
    with pytest.raises(ReproError, match="it is no picture") as caught:
        write_report(layout, PAPERS)
    assert caught.value.where == str(picture)
    picture.write_bytes(drawn)
    layout.record(RUN).write_text("{}")
    with pytest.raises(ReproError, match="not of this run") as caught:
        write_report(layout, PAPERS)
    assert caught.value.where == str(layout.record(RUN))


def test_pictures_without_their_pdf_link_themselves(tmp_path: Path) -> None:
    layout = write_profile(tmp_path)
    for path in layout.root.rglob("*.pdf"):
        path.unlink()
    page = Page(write_report(layout, PAPERS).parent / "gat" / "figure3.html")
    assert "figure3.png" in page.links


def test_cells_and_artefacts_of_two_writings_are_told_apart(tmp_path: Path) -> None:
    layout = write_profile(tmp_path)
    described = json.loads((layout.root / "artefacts.json").read_text())
    described["artefacts"][0]["behind"] = [{}] * 99
    (layout.root / "artefacts.json").write_text(json.dumps(described))
    with pytest.raises(ReproError, match=r"cells in cells\.csv and") as caught:
        write_report(layout, PAPERS)
    assert caught.value.remedy == "write both anew: repro cells"


def test_without_claims_audit_ledger_and_runs(tmp_path: Path) -> None:
    layout = write_profile(tmp_path)
    for name in ("claims.csv", "audit.csv"):
        (layout.root / name).unlink()
    layout.record(RUN).unlink()
    index = Page(write_report(layout, Papers(NAMED)))
    assert "No run is finished yet" in index.words
    assert "claims" not in index.ids


def test_collecting(layout: Layout, tmp_path: Path) -> None:
    into = tmp_path / "figures"
    collect_one(layout, "gat/table2", into)
    all_formats = [f"table2.{ending}" for ending in ("csv", "md", "pdf", "png", "tex")]
    assert sorted(path.name for path in into.rglob("[!.]*.*")) == all_formats
    collect(layout, into)
    manifest = json.loads((into / MANIFEST).read_text())
    assert manifest["profile"] == "smoke"
    assert manifest["files"] == hashes(into)
    for name in ("index.html", "cells.csv", "gat/table2.tex", "gat/figure3.pdf", "robgan/figure7.png"):
        assert name in manifest["files"]
    collect_one(layout, "gat/table2", into)
    (into / "gat" / "table2.pdf").unlink()
    collect(layout, into)
    assert manifest["files"] == hashes(into)
    (into / "gat" / "table2.md").write_text("changed by hand")
    with pytest.raises(ReproError, match="this file was changed since it was written") as caught:
        collect(layout, into)
    assert caught.value.where == str(into / "gat" / "table2.md")
    with pytest.raises(ReproError, match="this file was changed since it was written"):
        collect_one(layout, "gat/table2", into)
    assert (into / "gat" / "table2.md").read_text() == "changed by hand"


def test_collecting_nothing(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="no report to collect"):
        collect(Layout(tmp_path, "paper"), tmp_path / "figures")


def test_charts_of_a_log() -> None:
    log = [{"step": step, "loss": 1.0 / step, "bad": float("nan"), "word": "x"} for step in range(1, 1001)]
    (chart,) = charts(log)
    assert [found.name for found in charts([{"step": s, "metrics": {"loss": 1.0 / s}} for s in (1, 2)])] == [
        "loss"
    ]
    points = [tuple(map(float, pair.split(","))) for pair in chart.points.split()]
    assert len(points) <= 202
    assert points[0] == (0.0, 0.0)
    assert points[-1] == (WIDTH, HEIGHT)
    assert (chart.low, chart.high, chart.last_step) == ("0.001", "1", 1000)
    assert charts(log[:1]) == []


def test_an_open_points_page_tells_todays_choice_from_what_the_runs_used(tmp_path: Path) -> None:
    made = write_profile(tmp_path)
    record = json.loads(made.record(RUN).read_text())
    record["spec"]["options"] = {"delta_scale": "unit_rms"}  # c_g is left to its default
    made.record(RUN).write_text(json.dumps(record))
    folder = write_report(made, PAPERS).parent
    by_option = {item.option.name: item for item in PAPERS.ledger if item.option}
    whole = Page(folder / "ledger.html").words
    assert "Choice today" in whole
    for name, value in (("gat.delta_scale", "unit_rms"), ("gat.c_g", "1, which is today's default")):
        page = Page(folder / "ledger" / f"{by_option[name].id}.html")
        assert "Choice today" in page.words
        assert f"The runs here: {value} (1)." in page.words
        assert f"{name} The runs here: {value} (1) " in whole
        assert f"../runs/{RUN}.html" in page.links
    silent = Page(folder / "ledger" / f"{by_option['dat.reduction'].id}.html")
    assert "here:" not in silent.words


def test_the_default_of_an_option_is_the_methods_its_networks_its_regularisers_or_a_measurements() -> None:
    def told(name: str, spec: dict[str, object]) -> str:
        (value,) = values_of(LedgerOption(name=name, values=(0, 1)), {"one": {"spec": spec}})
        return value

    gan = {"method": "gan", "options": {"network": "sngan", "regulariser": "gradient_penalty"}}
    assert told("gan.beta1", gan) == "0, which is today's default"
    assert told("gan.shortcut_input", gan) == "relu, which is today's default"
    assert told("gan.regulariser.points", gan) == "interpolates, which is today's default"
    assert told("gan.network", gan) == "sngan"
    assert "no such option" in told("gan.regulariser.p", gan)
    gone = {"method": "gan", "options": {"network": "of_former_times"}}
    assert told("gan.beta1", gone) == "the default of its code"
    measured = {"measure": "robust_accuracy", "options": {}}
    assert told("robust_accuracy.random_start", measured) == "no, which is today's default"
    assert told("robust_accuracy.steps", measured) == "20, which is today's default"
    assert told("robust_accuracy.of_former_times", measured) == "the default of its code"
    assert values_of(LedgerOption(name="dat.reduction", values=(0, 1)), {"one": {"spec": gan}}) == {}
