"""The published results together: the committed index and site are what the committed cells give."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections import defaultdict
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from papers_case import call
from repro.core.errors import ReproError
from repro.judge.cells import read_cells
from repro.plan.config import load_config
from repro.site.manifest import MANIFEST, hashes
from repro.site.published.numbers import HEADINGS, Line, best, lines
from repro.site.published.paragraphs import paragraphs, steps_of
from repro.site.published.verdicts import HEADINGS as OF_CLAIMS
from repro.site.published.verdicts import verdict_lines
from repro.site.published.write import INDEX, SITE, Publication, read_publications, write_published
from repro.verify.remake import papers_of

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results" / "published"
PAPERS = papers_of(load_config(ROOT / "config"))


@cache
def read_all() -> tuple[Publication, ...]:
    """Return what is published; reading it takes seconds, and no test changes it."""
    return tuple(read_publications(PUBLISHED, PAPERS))


def committed_index() -> str:
    """Return the index, of which a test of its own holds that the command writes the same."""
    return (PUBLISHED / INDEX).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is published with index and site written anew."""
    folder = tmp_path_factory.mktemp("results") / "published"
    shutil.copytree(PUBLISHED, folder, ignore=shutil.ignore_patterns(SITE, INDEX))
    return write_published(folder, PAPERS).parents[1]


def test_the_committed_index_is_what_the_command_writes(written: Path) -> None:
    assert (PUBLISHED / INDEX).read_text() == (written / INDEX).read_text(), "run: repro report --published"


def test_pages_of_claims_say_what_the_judgement_says() -> None:
    """Pages test each comparison anew, by Welch's test or run by run; none may differ from claims.csv."""
    passed_over: list[str] = []
    for publication in read_all():
        for page in publication.material.claims:
            if not page.row["p"]:
                continue
            if len(page.comparisons) < len(page.claim.all if page.claim else ()):
                passed_over.append(page.id)
                continue
            largest = max(each.p for each in page.comparisons if each.p is not None)
            assert largest == pytest.approx(float(page.row["p"]), rel=1e-3), page.id
    assert passed_over == []


def test_the_readme_shows_what_the_index_shows_first() -> None:
    index = (PUBLISHED / INDEX).read_text().partition("\n- ")[0]  # what comes before the legend
    table = [line for line in index.splitlines() if line.startswith("| ")]
    assert table
    readme = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| ")]
    assert readme[: len(table)] == table, f"README's first tables are those of {PUBLISHED / INDEX}"
    count = next(line.split()[0] for line in index.splitlines() if "could be tested" in line)
    assert f"Of {count} claims that" in (ROOT / "README.md").read_text()


def test_the_committed_site_is_whole_and_has_a_page_for_all_that_the_cells_name(written: Path) -> None:
    committed = hashes(PUBLISHED / SITE)
    assert committed == json.loads((PUBLISHED / SITE / MANIFEST).read_text())["files"]
    fresh = hashes(written / SITE)
    assert committed.keys() == fresh.keys(), "run: repro report --published"
    pages = [name for name in fresh if name.endswith(".html")]
    assert pages
    assert [name for name in pages if committed[name] != fresh[name]] == [], "run: repro report --published"


def test_all_behind_a_number_has_a_page_its_extractor_too_and_what_only_a_search_trained_has_none(
    written: Path,
) -> None:
    lenders = 0
    for publication in read_all():
        lines_of = (PUBLISHED / publication.name / "runs.jsonl").read_text().splitlines()
        recipes = {line["run_id"]: line["spec"]["recipe"] for line in map(json.loads, lines_of)}
        pages = {path.stem for path in (written / SITE / publication.name / "runs").glob("*.html")}
        assert pages == publication.material.runs.keys() <= recipes.keys()
        for name, run in publication.material.runs.items():
            borrowers = publication.material.borrowers.get(name, ())
            assert run.cells or borrowers
            lenders += bool(borrowers)
            for borrower in borrowers:  # linked both ways
                text = (written / SITE / publication.name / "runs" / f"{borrower}.html").read_text()
                assert f"runs/{name}.html" in text
        extractors = {name for name, recipe in recipes.items() if recipe == "suite.extractor"}
        assert extractors <= pages
    assert lenders


def test_a_number_of_the_front_page_leads_to_its_line(written: Path) -> None:
    front = (written / SITE / "index.html").read_text(encoding="utf-8")
    places = re.findall(r'<th scope="row"><a href="([^"]+/[^"]+\.html)#([^"]+)">', front)
    assert len(places) == sum(len(found) for found in shown_lines().values())
    for page, place in places:
        assert f'<tr id="{place}">' in (written / SITE / page).read_text(encoding="utf-8")


def shown_lines() -> dict[str, list[Line]]:
    return best({each.name: lines(each.material) for each in read_all()})


def test_every_link_of_the_committed_site_leads_to_a_committed_file() -> None:
    class Links(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: set[str] = set()

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found |= {value or "" for name, value in attrs if name in ("href", "src")}

    for page in (PUBLISHED / SITE).rglob("*.html"):
        links = Links()
        links.feed(page.read_text())
        assert links.found
        for link in links.found:
            assert "://" not in link, page
            target = (page.parent / link.partition("#")[0]).resolve() if link[0] != "#" else page
            assert target.is_file(), f"{page}: {link}"
            assert PUBLISHED in target.parents, link


def test_each_line_of_the_table_is_a_cell_of_the_file_with_both_numbers() -> None:
    for each in read_all():
        read = read_cells(PUBLISHED / each.name / "cells.csv")
        cells = {cell.key: cell for cell in read}
        shown = lines(each.material)
        both = any(isinstance(cell.measured, float) and cell.reported is not None for cell in read)
        assert bool(shown) == both, each.name  # of dat-toy's one figure the paper prints no number
        for line in shown:
            fields = dict(zip(HEADINGS, line.fields, strict=True))
            column, _, data = fields["Column"].partition(" (c")
            cell = cells[line.key]
            assert (fields["Row"], column) == (cell.row, cell.column)
            data_sets = each.material.datasets(cell)
            assert data_sets == ["c" + data.removesuffix(")")] or "CIFAR" in column.replace("-", "")
            assert fields["Seeds"] == str(cell.n_seeds)
            assert float(fields["Reported"].split()[0]) == pytest.approx(cell.reported, abs=0.006)
            assert float(fields["Measured"].split()[0]) == pytest.approx(cell.measured, abs=0.006)


def test_a_paragraph_names_the_trainings_that_its_own_go_on_from() -> None:
    (robgan,) = (each for each in read_all() if each.name.startswith("robgan-cpu"))
    said = {each.artefact.id: each.run for each in paragraphs(robgan.material)}
    assert "3 of them go on from 3 other trainings (3,905 steps of 64, " in said["robgan/table1"]
    assert "go on from" not in said["robgan/figure2"]


def test_suspect_claims_say_so_in_the_index() -> None:
    (toy,) = (each for each in read_all() if each.name.startswith("dat-toy"))
    flagged = {page.id for page in toy.material.claims if page.flags}
    undecided = verdict_lines(toy.material, decided=False)
    assert flagged
    assert {
        name for name, line in undecided.items() if "⚑ mode collapse" in line[-1]
    } == flagged & undecided.keys()


def test_a_number_that_several_hold_is_shown_once_from_the_nearest_to_the_paper() -> None:
    def line(row: str, stand_ins: int, seeds: int, judged: bool = False) -> Line:
        key = ("gat", "table2", row, "CIFAR-10", "accuracy", "standard")
        return Line(key, (stand_ins, -seeds), judged, (row,))

    published = {
        "a": [line("one", 2, 5), line("two", 1, 3), line("three", 0, 3, judged=True)],
        "b": [line("one", 1, 2), line("two", 1, 5), line("three", 0, 5, judged=True)],
        "c": [line("one", 1, 2)],
    }
    kept = {name: [each.key[2] for each in found] for name, found in best(published).items()}
    assert list(kept.items()) == [("b", ["one", "two", "three"]), ("a", []), ("c", [])]


def claims_of(name: str) -> dict[str, dict[str, str]]:
    text = (PUBLISHED / name / "claims.csv").read_text(encoding="utf-8")
    return {row["statement"]: row for row in csv.DictReader(io.StringIO(text))}


def corrected(p: float, family: list[float]) -> float:
    """Return Holm's p: the largest of (number of those as large) x p over those that are as small."""
    return max(min(1.0, sum(other >= each for other in family) * each) for each in family if each <= p)


def test_each_line_of_a_claim_has_the_numbers_of_its_file_corrected_over_all_files() -> None:
    published = read_all()
    families: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for each in published:
        for row in claims_of(each.name).values():
            for kind in ("p", "p_reverse"):
                if row[kind]:
                    families[row["paper"], kind].append(float(row[kind]))
    shown, changed = 0, []
    for each in published:
        of, undecided = claims_of(each.name), verdict_lines(each.material, decided=False)
        for line in (*verdict_lines(each.material, decided=True).values(), *undecided.values()):
            fields = dict(zip(OF_CLAIMS, line, strict=True))
            row = of[fields["Claim"]]
            assert float(fields["Effect, as claimed"].split()[-1]) == float(row["effect"])
            assert row["ci_low"] in fields["95 % interval"]
            against = fields["Verdict"] in ("not supported", "direction reverses")
            both = dict(zip(("p", "p_reverse"), fields[OF_CLAIMS[5]].split(" / "), strict=True))
            for kind, said in both.items():
                if row[kind]:
                    expected = corrected(float(row[kind]), families[row["paper"], kind])
                    assert float(said) == pytest.approx(expected, rel=1e-3)
                else:
                    assert said == "–"
            expected = float(both["p_reverse" if against else "p"])
            assert (fields["Verdict"] == "cannot be told") == (line in undecided.values())
            assert (expected < 0.05) == (line not in undecided.values())
            if fields["Verdict"] != (row["direction"] or row["verdict"]):
                changed.append(row["id"])
            assert fields["Stood in"].startswith("nothing") == (row["stand_ins"] == "")
            shown += 1
    assert shown > 10
    assert changed == ["dat.attack_takes_longer"]  # alone in its folder it held


def test_an_effect_is_named_by_the_metric_of_the_comparison_that_decides() -> None:
    text = committed_index()
    line = next(line for line in text.splitlines() if "The robust strategy improves WGAN-GP on" in line)
    assert "| FID* -0.6708 | -5.057 to 3.716 |" in line


def test_a_number_and_a_claim_are_shown_though_all_runs_diverged() -> None:
    named = "gat-bf16-nvidia-h100-80gb-hbm3"
    material = next(each.material for each in read_all() if each.name == named)
    lost = {"measured": None, "measured_std": None, "n_seeds": 0, "diverged": 5, "verdict": "diverged"}
    cells = tuple(
        replace(cell, **lost) if cell.row == "Baseline" and cell.column == "CIFAR-10" else cell
        for cell in material.cells
    )
    found = {line.key[2]: line.fields for line in lines(replace(material, cells=cells))}
    assert "∞" in found["Baseline"][5]
    measured = [cell for cell in material.cells if cell.artefact == "table2" and cell.measured is not None]
    assert found.keys() == {cell.row for cell in measured}


def test_a_paragraph_says_what_stood_in_and_what_the_claims_come_to() -> None:
    text = committed_index()
    figure9 = next(line for line in text.splitlines() if "Fig. 9" in line)
    assert "*Shows:* cannot be told (1 claim)." in figure9
    assert "*Cannot show:* whether a number comes out: a part of the images;" in figure9


def test_numbers_of_seeds_that_different_code_trained_say_so(written: Path) -> None:
    publications = {each.name: each for each in read_all()}
    marked = {
        name: [cell for cell in each.material.cells if "mixed_code" in cell.flags]
        for name, each in publications.items()
    }
    seeds = {name: sum(cell.n_seeds > 1 for cell in cells) for name, cells in marked.items() if cells}
    assert seeds == {"dat-cpu-amd-epyc": 110, "gat-cpu-amd-epyc": 100}
    for name in seeds:
        alike = [cell for cell in publications[name].material.cells if cell.n_seeds > 1]
        assert all("mixed_code" in cell.flags for cell in alike)
        first = marked[name][0]
        page = (written / SITE / name / first.paper / f"{first.artefact}.html").read_text(encoding="utf-8")
        assert "suspect: trained by several versions of the code" in page
    index = (written / INDEX).read_text(encoding="utf-8")
    assert "⚑ 40 of 40 numbers: trained by several versions of the code" in index
    assert "| 18.09 ± 1.44 ‡ ⚑ | 3 |" in index
    assert "mixed" not in (PUBLISHED / "gat-cpu-amd-epyc" / "cells.csv").read_text()  # drawn before the flag


def test_a_paragraph_is_written_where_each_training_diverged() -> None:
    whole = next(each for each in read_all() if each.name == "dat-toy-amd-epyc")
    cells = [
        replace(cell, measured=None, n_seeds=0, diverged=3) for cell in whole.material.cells if cell.runs
    ]
    (found,) = paragraphs(replace(whole.material, cells=tuple(cells)))
    assert "seeds" not in found.cannot


def test_a_paragraph_names_the_training_code_where_no_commit_has_it() -> None:
    text = committed_index()
    assert "code 11e5156 with changes not committed (training code 0db6e6c3) (15)" in text


def test_a_paragraph_says_where_trainings_stopped_before_their_last_step() -> None:
    text = committed_index()
    table2 = [line for line in text.splitlines() if "Table 2" in line and "*Run:*" in line]
    assert any(
        "; at most 21,090 steps of 64 (they ended by step 17,640 to 21,090), " in line for line in table2
    )
    assert "at most 20,000 steps" not in text  # of DAT's DCGANs, none of which stopped
    (page,) = (
        each.material.runs[name]
        for each in read_all()
        for name in [max(each.material.runs)]
        if each.name == "dat-toy-amd-epyc"
    )
    batch = f"{page.spec['batch_size']:,}"
    for log, record, said in (
        (page.log, {}, f"10,000 steps of {batch}"),
        ((), {}, f"at most 10,000 steps of {batch}"),
        ((), {"steps_taken": 900}, f"at most 10,000 steps of {batch} (they ended by step 900)"),
        (page.log, {"diverged": {"step": 7}}, f"at most 10,000 steps of {batch} (they ended by step 7)"),
    ):
        whole = {**page.record, "steps_taken": None, **record}  # older records do not name them
        assert steps_of([replace(page, log=log, record=whole)]) == said


def test_pages_of_trainings_in_another_format_than_float32_say_so() -> None:
    stamps = {each.name: each.material.stamp for each in read_all()}
    assert stamps["gat-bf16-nvidia-h100-80gb-hbm3"] == "gat-bf16 profile · no stand-ins · bf16"
    assert stamps["dat-toy-amd-epyc"] == "dat-toy profile · no stand-ins"
    page = PUBLISHED / SITE / "gat-bf16-nvidia-h100-80gb-hbm3" / "gat" / "table2.html"
    assert f">{stamps['gat-bf16-nvidia-h100-80gb-hbm3']}<" in page.read_text(encoding="utf-8")


def test_a_page_names_the_command_of_its_numbers_where_todays_profile_plans_them(written: Path) -> None:
    for name, artefact, commit in (
        ("rgan-cpu-amd-epyc", "rgan/table3", None),
        ("dat-cpu-amd-epyc", "dat/table4", "3863d212"),
        ("gat-cpu-amd-epyc", "gat/figure3", "2cec4c0b"),
    ):
        page = (written / SITE / name / f"{artefact}.html").read_text(encoding="utf-8")
        profile = name.removesuffix("-amd-epyc")
        command = f"snakemake --cores all figures/{artefact}.png --config profile={profile}"
        again = f"{command}   # the same runs and measurements, by your code"
        assert (again in page) == (commit is None), name
        assert ("made these numbers; today's plans others" in page) == (commit is not None), name
        older = (
            f"git show {commit}:config/profiles/{profile}.yaml   # the profile of that time\n"
            f"git worktree add ../older {commit}\n"
            "cd ../older && make .venv/.installed && . .venv/bin/activate\n"
            f"{command} data_root=$HOME/data   # where the images lie</pre>"
        )
        assert (older in page) == (commit is not None), name
    stamp = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\nVENV := .venv\n" in stamp
    assert "\nSTAMP := $(VENV)/.installed\n" in stamp


def test_a_page_says_which_code_measured_and_never_that_todays_gives_the_same(written: Path) -> None:
    """Records of measurements hold a commit and no hash of code, so that no page can tell what changed."""
    for name, artefact, codes in (
        ("rgan-cpu-amd-epyc", "rgan/table3", "7fe852d0"),
        (
            "robgan-cpu-amd-epyc",
            "advgan/figure1",
            "e21c8628 with changes not committed, e9fe04fb with changes",
        ),
        ("gat-bf16-nvidia-h100-80gb-hbm3", "gat/table2", "69e3fcec, 5093d014"),
        ("dat-cpu-amd-epyc", "dat/table4", "0460ed84, 634c7581"),
    ):
        page = (written / SITE / name / f"{artefact}.html").read_text(encoding="utf-8")
        assert f"They were measured by code {codes}" in page, name
        assert "these numbers\n" not in page
        told = "your own is what the first command trains and measures with" in page
        assert told == (name != "dat-cpu-amd-epyc"), name


def test_publishing_writes_the_index_anew_and_nothing_published_is_an_error(project: Path) -> None:
    with pytest.raises(ReproError, match="nothing is published here"):
        write_published(project / "results" / "published", PAPERS)
    code, printed = call("publish")  # as the remedy says
    assert code == 0, printed
    index = project / "results" / "published" / INDEX
    assert "tiny profile" in index.read_text()
    page = project / "results" / "published" / SITE / "index.html"
    first = page.read_bytes()
    assert call("report", "--published")[0] == 0
    assert page.read_bytes() == first
    (folder,) = {path.parent for path in index.parent.glob("*/runs.jsonl")}
    for name in ("cells.csv", "artefacts.json", "runs.jsonl"):
        kept = (folder / name).read_bytes()
        (folder / name).unlink()
        code, printed = call("report", "--published")
        assert code == 2
        assert f"restore the folder {folder.name}, and those of its papers, from git" in " ".join(
            printed.split()
        )
        assert index.is_file()
        assert page.read_bytes() == first
        (folder / name).write_bytes(kept)
    page.write_text("my own words")
    code, printed = call("report", "--published")
    assert code == 2
    assert "changed since it was written" in printed
