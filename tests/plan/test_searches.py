"""Searches: planned beside the artefacts, judged on validation images, adopted by the recipes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import papers_case
from papers_case import PROFILE, plan
from repro.cli.show import show_plan
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.plan.batches import Batches, make_batches
from repro.plan.config import load_config
from repro.plan.plan import Plan, build_plan
from repro.plan.searches import value_in_use
from repro.search.results import adopt, draw, summarise
from repro.verify.validate import validate_plan
from small_result import facts, leave_results, small_result

SEARCHES = """\
searches:
  rate:
    recipe: twin
    option: dropout
    values: [0.0, 0.2, 0.4]
    start: 0.0
    evaluation: on_validation
    value: accuracy
    used_by: [baseline]
    seeds: 2
  size: {recipe: twin, option: batch_size, values: [50, 100], evaluation: on_validation, value: accuracy}
artefacts:
"""
SHEET = papers_case.SHEET.replace("network: embedding", "network: gat_classifier")  # which has dropout
VALIDATION = "  on_validation: {measure: accuracy, options: {split: validation5k}}\n"
SEARCHED = SHEET.replace("artefacts:\n", VALIDATION + SEARCHES, 1)


def planned(tmp_path: Path) -> tuple[Plan, Batches, Layout]:
    opened = plan(tmp_path / "config", sheet=SEARCHED, profile=PROFILE + "searches: {steps: 3}\n")
    return opened, make_batches(opened), Layout(tmp_path / "results", "tiny")


def measure(opened: Plan, batches: Batches, layout: Layout, search: str, scores: dict[object, float]) -> None:
    """Write results as evaluations would, the score of each value and a little more for the second seed."""
    results = [
        small_result(
            spec,
            values={"accuracy": scores[candidate.value] + 0.1 * index},
            data=facts(30, "validation5k"),
            checkpoint_sha256="0",
        )
        for candidate in opened.searches[search].candidates
        for index, spec in enumerate(candidate.evaluations)
    ]
    leave_results(layout, batches, results)


def test_a_search_adds_runs_of_its_own_and_leaves_the_artefacts_batches_as_they_are(tmp_path: Path) -> None:
    opened, batches, _ = planned(tmp_path / "with")
    before = make_batches(plan(tmp_path / "without", sheet=SHEET))
    for stage in ("train", "evaluate"):
        ours, theirs = getattr(batches, stage), getattr(before, stage)
        asked = {name: batch for name, batch in ours.items() if not batch.only_searched}
        assert asked == theirs
        assert {need for batch in asked.values() for need in batch.needs} <= before.train.keys()
        assert {member for name in ours.keys() - asked.keys() for member in ours[name].members} <= (
            opened.only_searched
        )
    rates = opened.searches["gat/rate"].candidates
    assert [(c.value, len(c.runs), c.runs[0].steps) for c in rates] == [(0.0, 2, 3), (0.2, 2, 3), (0.4, 2, 3)]
    # where it starts nothing is said, so that searches of several options share that run
    assert [c.runs[0].options.get("dropout") for c in rates] == [None, 0.2, 0.4]
    sizes = opened.searches["gat/size"].candidates
    assert [(c.runs[0].batch_size, c.runs[0].steps) for c in sizes] == [(50, 1), (100, 1)]
    assert len({run.run_id for c in (*rates, *sizes) for run in c.runs}) == 8
    assert all(run.run_id in opened.runs for c in rates for run in c.runs)


def test_what_searches_are_given_counts_over_what_their_recipe_has(tmp_path: Path) -> None:
    entries = "recipes: {gat.twin@cifar10: {width: 0.5, batch_size: 25}, gat.*@cifar10: {steps: 1}}\n"
    opened = plan(tmp_path, sheet=SEARCHED, profile=PROFILE + entries + "searches: {steps: 3}\n")
    runs = [run for candidate in opened.searches["gat/rate"].candidates for run in candidate.runs]
    assert {(run.steps, run.batch_size, run.width) for run in runs} == {(3, 25, 0.5)}


def test_a_search_longer_than_its_recipe_is_refused_and_one_as_long_is_not(tmp_path: Path) -> None:
    free = PROFILE.replace("classifier: {steps: 4, batch_size: 20, width: 0.25}", "classifier: {width: 0.25}")
    with pytest.raises(ReproError, match=r"5,000 steps, more than its sheet's 4,500") as caught:
        plan(tmp_path, sheet=SEARCHED, profile=free + "searches: {steps: 5000}\n")
    assert "give it at most 4500 steps in config/profiles/tiny.yaml, under recipes or searches" in (
        caught.value.remedy
    )
    opened = plan(tmp_path, sheet=SEARCHED, profile=free + "searches: {steps: 4500}\n")
    assert {c.runs[0].steps for c in opened.searches["gat/rate"].candidates} == {4500}


@pytest.mark.parametrize(("images", "limit"), [(4999, 4999), (5000, None), (10_000, None)])
def test_images_that_a_profile_limits_are_marked_where_a_split_is_cut(
    tmp_path: Path, images: int, limit: int | None
) -> None:
    profile = PROFILE.replace("data: synthetic\nlimits: {train: 200, test: 50}", "data: real")
    assert profile != PROFILE
    opened = plan(tmp_path, sheet=SEARCHED, profile=profile.replace("images: 30", f"images: {images}"))
    for search in opened.searches.values():
        for spec in (spec for candidate in search.candidates for spec in candidate.evaluations):
            marked = "sample_data" in spec.stand_ins
            assert (spec.source, spec.limit, marked) == ("real", limit, limit is not None)


def test_the_winner_is_shown_and_adopted(tmp_path: Path) -> None:
    opened, batches, layout = planned(tmp_path)
    measure(opened, batches, layout, "gat/rate", {0.0: 40.0, 0.2: 50.0, 0.4: 61.0})
    table = next(path for path in draw(opened, batches, layout, "gat/rate") if path.suffix == ".csv")
    lines = [line.split(",") for line in table.read_text().splitlines()]
    assert [line[1:7] for line in lines[1:]] == [
        ["0", "40.0500", "0.0707", "2", "", "yes"],
        ["0.2", "50.0500", "0.0707", "2", "", ""],
        ["0.4", "61.0500", "0.0707", "2", "yes", ""],
    ]
    assert adopt(opened, batches, layout) == {"gat/rate@cifar10": 0.4}  # the other search is not finished
    again = build_plan(load_config(tmp_path / "config", "tiny"))
    asked = [run for run in again.runs.values() if run.run_id not in again.only_searched]
    users = [run for run in asked if run.recipe in ("gat.baseline", "gat.twin")]
    assert {run.options.get("dropout") for run in users} == {0.4}
    ids = [[c.runs[0].run_id for c in p.searches["gat/rate"].candidates] for p in (opened, again)]
    assert ids[0] == ids[1]  # a search does not depend on what was adopted
    draw(again, make_batches(again), layout, "gat/rate")
    assert table.read_text().splitlines()[3].split(",")[5:7] == ["yes", "yes"]


def test_of_equal_winners_the_first_declared_is_adopted(tmp_path: Path) -> None:
    opened, batches, layout = planned(tmp_path)
    measure(opened, batches, layout, "gat/rate", {0.0: 40.0, 0.2: 50.0, 0.4: 50.0})
    assert adopt(opened, batches, layout) == {"gat/rate@cifar10": 0.2}


def test_what_the_paper_states_is_searched_and_never_adopted(tmp_path: Path) -> None:
    stated = SEARCHED.replace("start: 0.0\n", "start: 0.0\n    stated: true\n")
    opened = plan(tmp_path / "config", sheet=stated, profile=PROFILE + "searches: {steps: 3}\n")
    batches, layout = make_batches(opened), Layout(tmp_path / "results", "tiny")
    measure(opened, batches, layout, "gat/rate", {0.0: 40.0, 0.2: 50.0, 0.4: 61.0})
    measure(opened, batches, layout, "gat/size", {50: 30.0, 100: 20.0})
    assert draw(opened, batches, layout, "gat/rate")
    assert adopt(opened, batches, layout) == {"gat/size@cifar10": 50}
    path = tmp_path / "config" / "searched.yaml"
    path.write_text("tiny:\n  gat/size@cifar10: 50\n  gat/rate@cifar10: 0.4\n")
    with pytest.raises(ReproError, match="gat/rate@cifar10: no recipe takes a value of this search") as error:
        load_config(tmp_path / "config", "tiny")
    assert (error.value.line, error.value.remedy) == (3, "delete this line")
    path.write_text("tiny:\n  gat/size@cifar10: 50\n")
    assert load_config(tmp_path / "config", "tiny").searched == {"gat/size@cifar10": 50}


def test_adopting_before_a_search_is_finished_leaves_the_file_alone(tmp_path: Path) -> None:
    opened, batches, layout = planned(tmp_path)
    path = tmp_path / "config" / "searched.yaml"
    for before in (None, "other:\n  gat/rate@cifar10: 0.4\n"):
        if before is not None:
            path.write_text(before)
        with pytest.raises(ReproError, match="no search of profile tiny is finished") as caught:
            adopt(opened, batches, layout)
        assert "snakemake --cores all search --config profile=tiny" in caught.value.remedy
        assert (path.read_text() if path.is_file() else None) == before


def test_a_profile_whose_searches_recipes_may_not_adopt_says_so(tmp_path: Path) -> None:
    words = (
        "recipe: twin, option: precision, values: [float32, bf16], evaluation: on_validation, value: accuracy"
    )
    sheet = SEARCHED.replace("  size:", f"  precision: {{{words}}}\n  size:")
    profile = PROFILE + "searches: {steps: 3}\nsearched: [gat/precision]\n"
    opened = plan(tmp_path / "config", sheet=sheet, profile=profile)
    batches, layout = make_batches(opened), Layout(tmp_path / "results", "tiny")
    measure(opened, batches, layout, "gat/precision", {"float32": 1.0, "bf16": 2.0})
    with pytest.raises(ReproError, match="searches nothing that recipes may adopt") as caught:
        adopt(opened, batches, layout)
    assert caught.value.where == str(tmp_path / "config" / "profiles" / "tiny.yaml")


def test_adopting_what_is_in_use_changes_no_run(tmp_path: Path) -> None:
    opened, batches, layout = planned(tmp_path)
    measure(opened, batches, layout, "gat/rate", {0.0: 61.0, 0.2: 50.0, 0.4: 40.0})
    assert adopt(opened, batches, layout) == {"gat/rate@cifar10": 0.0}
    assert build_plan(load_config(tmp_path / "config", "tiny")).runs == opened.runs


def test_a_profile_of_chosen_artefacts_searches_only_where_it_pays_for_searches(tmp_path: Path) -> None:
    chosen = PROFILE + "artefacts: [gat/table1]\n"
    assert not plan(tmp_path / "without", sheet=SEARCHED, profile=chosen).searches
    paid = plan(tmp_path / "with", sheet=SEARCHED, profile=chosen + "searches: {steps: 3}\n")
    assert set(paid.searches) == {"gat/rate", "gat/size"}
    some = plan(tmp_path / "some", sheet=SEARCHED, profile=PROFILE + "searched: [gat/size]\n")
    assert set(some.searches) == {"gat/size"}
    assert not plan(tmp_path / "left", sheet=SEARCHED, profile=PROFILE + "leave_out: [gat.twin]\n").searches
    with pytest.raises(ReproError, match="there is no search 'gat/siez'") as caught:
        plan(tmp_path / "none", sheet=SEARCHED, profile=PROFILE + "searched: [gat/size, gat/siez]\n")
    assert caught.value.line == len(PROFILE.splitlines()) + 1
    assert "use one of gat/size" in (caught.value.remedy or "")


def test_runs_of_a_search_have_the_processes_of_their_recipe(tmp_path: Path) -> None:
    profile = PROFILE + "searches: {steps: 3}\nrecipes: {gat.twin: {processes: 2}}\n"
    opened = plan(tmp_path, sheet=SEARCHED, profile=profile)
    runs = [run for c in opened.searches["gat/rate"].candidates for run in c.runs]
    assert {opened.processes(run.run_id) for run in runs} == {2}


def test_a_search_starts_at_the_methods_default(tmp_path: Path) -> None:
    opened, _, _ = planned(tmp_path)
    validate_plan(opened)
    other = plan(tmp_path, sheet=SEARCHED.replace("start: 0.0", "start: 0.2"))
    with pytest.raises(ReproError, match=r"starts at 0\.2, the method classifier at 0\.0") as error:
        validate_plan(other)
    assert error.value.line


def test_a_search_starts_at_the_default_of_all_that_use_it(tmp_path: Path) -> None:
    stated = SEARCHED.replace("    start: 0.0\n", "").replace(
        "options: {network: gat_classifier}\n  gan:",
        "options: {network: gat_classifier, dropout: 0.0}\n  gan:",
    )
    assert "dropout: 0.0}" in stated
    with pytest.raises(ReproError, match="starts at None") as error:
        validate_plan(plan(tmp_path, sheet=stated))
    assert "recipe baseline" in str(error.value.remedy)


@pytest.mark.parametrize(
    ("written", "wrong", "message"),
    [
        ("rate:\n    recipe: twin", "rate:\n    recipe: later", "recipe later starts from another's run"),
        ("size: {recipe: twin,", "size: {recipe: gan,", "gan is in steps: batch_size would change"),
        ("size: {recipe: twin, option: batch_size", "size: {recipe: gan, option: epochs", "gan is in steps"),
        ("size: {recipe: twin,", "size: {used_by: [gan], recipe: twin,", "gan is in steps"),
        ("evaluation: on_validation", "evaluation: scores", "scores needs generated images, features"),
        ("{measure: accuracy,", "{measure: robust_accuracy, surrogate: gan,", "a surrogate, which no"),
        ("{split: validation5k}", "{split: test}", "the split test, not one that is there for validation"),
        ("{split: validation5k}", "{}", "the split None"),
        ("validation5k}", "validation5k}, conventions: {paper: {batch_size: 5}}", "conventions with options"),
    ],
)  # fmt: skip
def test_what_no_search_can_plan_is_refused(tmp_path: Path, written: str, wrong: str, message: str) -> None:
    assert written in SEARCHED
    with pytest.raises(ReproError, match=message) as error:
        validate_plan(plan(tmp_path, sheet=SEARCHED.replace(written, wrong, 1)))
    assert error.value.line
    assert error.value.remedy


def test_all_searches_are_summarised_once_they_are_finished(tmp_path: Path) -> None:
    opened, batches, layout = planned(tmp_path)
    measure(opened, batches, layout, "gat/rate", {0.0: 40.0, 0.2: 50.0, 0.4: 91.0})
    with pytest.raises(ReproError, match="snakemake --cores all search --config profile=tiny"):
        summarise(opened, batches, layout)
    measure(opened, batches, layout, "gat/size", {50: 30.0, 100: 20.0})
    table, *others = summarise(opened, batches, layout)
    lines = [line.split(",") for line in table.read_text().splitlines()[1:]]
    assert [line[:9] for line in lines] == [
        ["gat/rate", "cifar10", "twin", "dropout", "0", "40.05", "0.4", "91.05", "51.00"],
        ["gat/size", "cifar10", "twin", "batch_size", "", "", "50", "30.00", ""],  # in use: 20, no candidate
    ]
    assert [line[10] for line in lines] == ["beyond noise", "cannot be told"]  # noise of 30 images: 21 points
    assert all(path.stat().st_size for path in others)
    with pytest.raises(ReproError, match="has no searches"):
        summarise(plan(tmp_path / "none"), batches, layout)


def test_a_batch_size_that_the_profile_sets_is_the_one_in_use(tmp_path: Path) -> None:
    profile = PROFILE.replace("batch_size: 20, width", "batch_size: 50, width")
    assert profile != PROFILE
    opened = plan(tmp_path / "config", sheet=SEARCHED, profile=profile + "searches: {steps: 3}\n")
    batches, layout = make_batches(opened), Layout(tmp_path / "results", "tiny")
    measure(opened, batches, layout, "gat/rate", {0.0: 40.0, 0.2: 50.0, 0.4: 61.0})
    measure(opened, batches, layout, "gat/size", {50: 30.0, 100: 40.0})
    draw(opened, batches, layout, "gat/size")
    table = layout.search("gat", "size").with_suffix(".csv").read_text().splitlines()
    assert [line.split(",")[5:7] for line in table[1:]] == [["", "yes"], ["yes", ""]]


def test_a_number_format_is_compared_and_stays_the_profiles_to_choose(tmp_path: Path) -> None:
    size = "  size: {recipe: twin, option: batch_size, values: [50, 100]"
    sheet = SEARCHED.replace(size, "  size: {recipe: twin, option: precision, values: [float32, bf16]")
    assert sheet != SEARCHED
    for precision in ("float32", "bf16"):
        folder = tmp_path / precision
        profile = f"{PROFILE}precision: {precision}\nsearches: {{steps: 3}}\n"
        opened = plan(folder / "config", sheet=sheet, profile=profile)
        batches, layout = make_batches(opened), Layout(folder / "results", "tiny")
        validate_plan(opened)
        runs = [candidate.runs[0] for candidate in opened.searches["gat/size"].candidates]
        assert [run.precision for run in runs] == ["float32", "bf16"]
        assert runs[0].model_copy(update={"precision": "bf16"}) == runs[1]
        measure(opened, batches, layout, "gat/size", {"float32": 40.0, "bf16": 41.0})
        measure(opened, batches, layout, "gat/rate", {0.0: 40.0, 0.2: 50.0, 0.4: 61.0})
        draw(opened, batches, layout, "gat/size")
        table = layout.search("gat", "size").with_suffix(".csv").read_text().splitlines()
        in_use = [line.split(",")[6] for line in table[1:]]
        assert in_use == (["yes", ""] if precision == "float32" else ["", "yes"])
        assert set(adopt(opened, batches, layout)) == {"gat/rate@cifar10"}


def test_adopted_epochs_count_where_the_profile_leaves_the_length_to_the_sheet(tmp_path: Path) -> None:
    size = "  size: {recipe: twin, option: batch_size, values: [50, 100]"
    length = size.replace("size: {", "length: {").replace(
        "batch_size, values: [50, 100]", "epochs, values: [10, 20]"
    )
    sheet = SEARCHED.replace(size, length)
    free = PROFILE.replace("classifier: {steps: 4, batch_size: 20, width: 0.25}", "classifier: {width: 0.25}")
    assert sheet != SEARCHED
    assert free != PROFILE
    for profile, in_use, steps in ((free, 20, 40), (PROFILE, 10, 4)):
        folder = tmp_path / str(in_use)
        plan(folder, sheet=sheet, profile=profile)
        (folder / "searched.yaml").write_text("tiny:\n  gat/length@cifar10: 20\n")
        config = load_config(folder, "tiny")
        opened = build_plan(config)
        assert value_in_use(config, opened.searches["gat/length"], "cifar10") == in_use
        asked = [opened.runs[name] for name in opened.runs.keys() - opened.only_searched]
        assert max(run.steps for run in asked if run.method == "classifier") == steps


def test_plan_tells_apart_what_figures_and_searches_ask_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened, batches, layout = planned(tmp_path)
    show_plan(opened, batches, layout)
    searched = len(opened.only_searched & opened.runs.keys())
    assert searched == 8
    printed = " ".join(capsys.readouterr().out.split())
    assert f"figures/ asks for {len(opened.runs) - searched} runs in " in printed
    assert "search asks for 8 runs in 4 batches, 8 evaluations in 4 batches more." in printed


@pytest.mark.parametrize(
    ("text", "line", "message", "remedy"),
    [
        ("tiny:\n  gat/speed@cifar10: 50\n", 2, "there is no search 'gat/speed@cifar10'", "gat/size@cifar10"),
        ("tiny:\n  gat/size@cifar100: 50\n", 2, "there is no search 'gat/size@cifar100'", "gat/size@cifar10"),
        ("tinny:\n  gat/size@cifar10: 50\n", 1, "there is no profile 'tinny'", "tiny"),
        ("tiny:\n  gat/size@cifar10: 0\n", 2, "compares no value 0", "delete this line to go back"),
        ("tiny:\n  gat/size@cifar10: x\n", 2, "compares no value 'x'", "50, 100"),
        ("tiny: [gat/size@cifar10]\n", 1, "tiny: Input should be a valid dictionary", "Correct this value"),
        ("- gat/size@cifar10\n", 1, "the whole file: Input should be a valid dictionary", "Correct this"),
    ],
)
def test_adopted_values_that_no_search_can_have_found_are_refused(
    tmp_path: Path, text: str, line: int, message: str, remedy: str
) -> None:
    planned(tmp_path)
    path = tmp_path / "config" / "searched.yaml"
    path.write_text(text)
    with pytest.raises(ReproError, match=re.escape(message)) as error:
        load_config(tmp_path / "config", "tiny")
    assert (error.value.where, error.value.line) == (str(path), line)
    assert remedy in error.value.remedy
    path.write_text("tiny:\n  gat/size@cifar10: 50\n")
    assert load_config(tmp_path / "config", "tiny").searched == {"gat/size@cifar10": 50}


@pytest.mark.parametrize("left", ["", "# Winners\n", "# Winners\ntiny:\n", "tiny: {}\n"])
def test_with_its_last_line_deleted_nothing_is_adopted_any_more(tmp_path: Path, left: str) -> None:
    opened, batches, layout = planned(tmp_path)
    path = tmp_path / "config" / "searched.yaml"
    path.write_text(left)
    assert build_plan(load_config(tmp_path / "config", "tiny")).runs == opened.runs
    measure(opened, batches, layout, "gat/size", {50: 30.0, 100: 20.0})
    adopt(opened, batches, layout)
    assert load_config(tmp_path / "config", "tiny").searched == {"gat/size@cifar10": 50}


def test_a_search_of_a_missing_recipe_is_an_error_of_the_sheet(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match=r"searches.rate: there is no recipe 'gat\.nobody'"):
        plan(tmp_path, sheet=SEARCHED.replace("rate:\n    recipe: twin", "rate:\n    recipe: nobody"))


@pytest.mark.parametrize(
    ("option", "values", "wrong"),
    [
        ("batch_size", "[50, 0]", "batch_size 0: Input should be greater than or equal to 1"),
        ("batch_size", "[50, 62.5]", "batch_size 62.5: Input should be a valid integer"),
        ("batch_size", "[50, 1e+2]", "batch_size 100.0: Input should be a valid integer"),
        ("epochs", "[-1, 2]", "epochs -1: Input should be greater than 0"),
        ("precision", "[float32, fp16]", "precision 'fp16': Input should be 'float32', 'tf32' or 'bf16'"),
    ],
)
def test_values_that_no_training_can_have_are_refused(
    tmp_path: Path, option: str, values: str, wrong: str
) -> None:
    text = SEARCHED.replace("option: batch_size, values: [50, 100]", f"option: {option}, values: {values}")
    with pytest.raises(ReproError, match=re.escape(f"searches.size: Value error, {wrong}")) as error:
        plan(tmp_path, sheet=text)
    assert error.value.line == text[: text.index("  size: {")].count("\n") + 1


def test_an_unfinished_search_has_no_table(tmp_path: Path) -> None:
    opened, batches, layout = planned(tmp_path)
    with pytest.raises(ReproError):
        draw(opened, batches, layout, "gat/rate")
    with pytest.raises(ReproError, match="there is no search"):
        draw(opened, batches, layout, "gat/nothing")


def test_a_winner_is_adopted_by_a_recipe_that_is_named_with_its_paper(tmp_path: Path) -> None:
    sheet = SEARCHED.replace("used_by: [baseline]", "used_by: [gat.baseline]")
    opened = plan(tmp_path / "config", sheet=sheet, profile=PROFILE + "searches: {steps: 3}\n")
    batches, layout = make_batches(opened), Layout(tmp_path / "results", "tiny")
    measure(opened, batches, layout, "gat/rate", {0.0: 40.0, 0.2: 50.0, 0.4: 61.0})
    adopt(opened, batches, layout)
    again = build_plan(load_config(tmp_path / "config", "tiny"))
    asked = [run for run in again.runs.values() if run.run_id not in again.only_searched]
    assert {run.options["dropout"] for run in asked if run.recipe == "gat.baseline"} == {0.4}


def test_a_number_that_the_measurement_does_not_return_is_no_score(tmp_path: Path) -> None:
    sheet = SEARCHED.replace(
        "evaluation: on_validation, value: accuracy}", "evaluation: on_validation, value: acuracy}"
    )
    opened = plan(tmp_path / "config", sheet=sheet, profile=PROFILE + "searches: {steps: 3}\n")
    with pytest.raises(ReproError, match="no value of the measurement accuracy 'acuracy'"):
        validate_plan(opened)
