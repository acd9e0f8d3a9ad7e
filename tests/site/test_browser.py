"""The pages in a browser: on a desktop, on a phone and on paper, with and without scripts, and for everyone.

Needs Chromium and the extra `browser` (Playwright, axe-core); skipped where either is missing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import report_profile
from repro.plan.config import load_config
from repro.site.html import write_report
from repro.site.material import Papers
from repro.site.published.write import SITE, write_published
from repro.verify.remake import papers_of

playwright = pytest.importorskip("playwright.sync_api", reason="the extra `browser` is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

ROOT = Path(__file__).parents[2]
DESKTOP, PHONE, SHEET = (1280, 900), (390, 844), (718, 1000)  # A4 less its margins, in CSS pixels


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small report with a claim of every kind, beside the real ones that are published."""
    layout = report_profile.write_profile(tmp_path_factory.mktemp("results"))
    whole = papers_of(load_config(ROOT / "config"))
    papers = Papers(report_profile.NAMED, whole.ledger, report_profile.CLAIMS, whole.audited)
    return write_report(layout, papers).parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of what is published, as the templates write it now."""
    folder = tmp_path_factory.mktemp("published") / "published"
    shutil.copytree(ROOT / "results" / "published", folder, ignore=shutil.ignore_patterns(SITE))
    return write_published(folder, papers_of(load_config(ROOT / "config"))).parent


def every_kind(report: Path, site: Path) -> list[Path]:
    """One page of each kind, the largest of all that there are, since that is where a layout breaks."""
    found: dict[str, Path] = {"published": site / "index.html"}
    for folder in (report, *published(site)):
        for page in folder.rglob("*.html"):
            kind = page.name if page.parent == folder else page.parent.name
            kind = {"dat": "artefact", "gat": "artefact", "dat.html": "paper", "gat.html": "paper"}.get(
                kind, kind
            )
            if kind not in found or page.stat().st_size > found[kind].stat().st_size:
                found[kind] = page
    return sorted(found.values())


def published(site: Path) -> list[Path]:
    return sorted(path.parent for path in site.glob("*/index.html"))


def opened(chromium: Any, page: Path, size: tuple[int, int], **context: Any) -> Any:
    """Return the page and the messages of its console."""
    tab = chromium.new_context(viewport={"width": size[0], "height": size[1]}, **context).new_page()
    tab.told = []
    tab.on("console", lambda message: tab.told.append(message.text))
    tab.on("pageerror", lambda error: tab.told.append(str(error)))
    tab.goto(page.as_uri())
    return tab


def closed(tab: Any) -> None:
    tab.context.close()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_scrolls_sideways_but_tables_in_frames(
    chromium: Any, report: Path, site: Path, size: tuple[int, int]
) -> None:
    for page in every_kind(report, site):
        tab = opened(chromium, page, size)
        tab.evaluate("document.querySelectorAll('details').forEach(list => list.open = true)")
        assert tab.evaluate("document.documentElement.scrollWidth") <= size[0], page
        assert tab.told == [], page
        loose = "[...document.querySelectorAll('table')].filter(table => !table.closest('.scroll')).length"
        assert tab.evaluate(loose) == 0, page
        closed(tab)


def test_the_first_column_stays_where_it_is(chromium: Any, site: Path) -> None:
    moved = 0
    for page in (path for folder in published(site) for path in folder.glob("*/table*.html")):
        tab = opened(chromium, page, PHONE)
        shifts = tab.evaluate(
            """[...document.querySelectorAll('.scroll')].filter(frame => frame.scrollWidth > frame.clientWidth
            && frame.clientWidth).map(frame => {
                const head = frame.querySelector('tbody th'), before = head.getBoundingClientRect().left;
                frame.scrollLeft = 150;
                return [frame.scrollLeft, head.getBoundingClientRect().left - before];
            })"""
        )
        moved += len(shifts)
        assert all(abs(shift) < 2 for _, shift in shifts), page
        closed(tab)
    assert moved > 0


def test_paper_shows_whole_tables_and_what_is_folded(chromium: Any, report: Path, site: Path) -> None:
    for page in every_kind(report, site):
        tab = opened(chromium, page, SHEET, java_script_enabled=True)
        tab.emulate_media(media="print")
        hidden = tab.evaluate(
            """[...document.querySelectorAll('.scroll')].filter(frame =>
            frame.getBoundingClientRect().width === 0 || frame.scrollHeight > frame.clientHeight + 1
            && getComputedStyle(frame).overflowY !== 'visible').length"""
        )
        assert hidden == 0, page
        wide = tab.evaluate("Math.max(0, ...[...document.querySelectorAll('table')].map(t => t.scrollWidth))")
        assert wide <= SHEET[0], page
        closed(tab)


def test_a_phones_front_page_is_some_screens(chromium: Any, report: Path, site: Path) -> None:
    for page in (report / "index.html", *(folder / "index.html" for folder in published(site))):
        tab = opened(chromium, page, PHONE)
        assert tab.evaluate("document.documentElement.scrollHeight") < 5 * PHONE[1], page
        closed(tab)


def test_claims_are_read_and_filtered_without_scripts(chromium: Any, report: Path) -> None:
    tab = opened(chromium, report / "index.html", DESKTOP, java_script_enabled=False)
    rows = tab.locator("tr[data-answer]")
    assert rows.count() == len(report_profile.CLAIMS)
    supported = tab.locator("tr[data-answer=supported]").count()
    assert 0 < supported < rows.count()
    tab.check("#f-supported")
    assert tab.locator("tr[data-answer]:visible").count() == supported
    assert tab.locator("tr[data-answer]:visible a").first.get_attribute("href").startswith("claims/")
    closed(tab)


def test_numbers_are_searched_filtered_sorted_and_their_choice_has_an_address(
    chromium: Any, report: Path
) -> None:
    tab = opened(chromium, report / "cells.html", DESKTOP)
    rows = tab.locator("table.cells tbody tr:visible")
    assert rows.count() == len(report_profile.CELLS)
    tab.fill("#words", "baseline accuracy")
    found = rows.count()
    wanted = [cell for cell in report_profile.CELLS if cell.row == "Baseline" and cell.metric == "accuracy"]
    assert found == len(wanted)
    tab.select_option("#by-verdict", "not reproduced")
    assert rows.count() == sum(cell.verdict == "not reproduced" for cell in wanted) == 1
    again = opened(chromium, report / "cells.html", DESKTOP)
    again.goto((report / "cells.html").as_uri() + "?verdict=not+reproduced&words=baseline")
    assert again.locator("table.cells tbody tr:visible").count() == 1
    closed(again)
    tab.select_option("#by-verdict", "")
    tab.get_by_role("button", name="Measured").click()
    shown = [
        float(text.split()[0]) for text in tab.locator("tbody tr:visible td:nth-child(6)").all_inner_texts()
    ]
    assert shown == sorted(shown)
    tab.get_by_role("button", name="Measured").click()
    shown = [
        float(text.split()[0]) for text in tab.locator("tbody tr:visible td:nth-child(6)").all_inner_texts()
    ]
    assert shown == sorted(shown, reverse=True)
    closed(tab)


def test_a_cells_address_opens_its_line(chromium: Any, report: Path) -> None:
    tab = opened(chromium, report / "cells.html", DESKTOP)
    tab.locator("table.cells tbody a").first.click()
    assert tab.locator("tr:target").is_visible()
    closed(tab)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(chromium: Any, report: Path, site: Path, scheme: str) -> None:
    for page in every_kind(report, site):
        tab = opened(chromium, page, DESKTOP, color_scheme=scheme)
        tab.evaluate("document.querySelectorAll('details').forEach(list => list.open = true)")
        results = axe.Axe().run(tab)
        assert results.violations_count == 0, f"{page}: {results.generate_report()}"
        closed(tab)
