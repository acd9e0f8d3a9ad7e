"""Cells bound to runs: sharing, parents, extractors, budgets, seeds, stand-ins, batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from papers_case import PROFILE, SHEET
from papers_case import plan as small_plan
from papers_case import read as read_config
from repro.compose.scale import scales
from repro.core.errors import ReproError
from repro.core.spec import EvaluationSpec, RunSpec
from repro.plan.batches import make_batches
from repro.plan.cells import MeasuredCell, PendingCell
from repro.plan.config import Config
from repro.plan.evaluations import evaluation_of
from repro.plan.plan import Plan
from repro.plan.profile import Profile, Work
from repro.plan.resolve import run_spec, seeds_for, work_for
from repro.plan.sheet import Evaluation, Recipe


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return small_plan(tmp_path)


def of(plan: Plan, recipe: str) -> list[RunSpec]:
    return [run for run in plan.runs.values() if run.recipe == recipe]


def test_two_recipes_that_say_the_same_are_one_run_a_seed(plan: Plan) -> None:
    assert [run.seed for run in of(plan, "gat.baseline")] == [0, 1]
    assert of(plan, "gat.twin") == []
    rows = {(p.row, p.convention): p for p in plan.cells["gat/table1"] if p.column == "CIFAR-10"}
    assert rows["left: Baseline", "paper"].runs == rows["left: Other", "paper"].runs
    assert rows["left: Baseline", "paper"].evaluations == rows["left: Other", "paper"].evaluations


@pytest.mark.parametrize("longer", ["baseline", "twin"])
def test_a_recipe_that_asks_for_a_part_of_its_budget_keeps_its_mark(tmp_path: Path, longer: str) -> None:
    """The same training is the other recipe's whole budget, whichever stands first."""
    head, found, rest = SHEET.partition(f"  {longer}:\n")
    sheet = head + found + rest.replace("{epochs: 10,", "{epochs: 20,", 1)
    profile = PROFILE.replace("data: synthetic", "data: real").replace("max_seeds: 2", "max_seeds: 1")
    profile = profile.replace("limits: {train: 200, test: 50}\n", "").replace(
        "classifier: {steps: 4, batch_size: 20, width: 0.25}", "classifier: {epochs: 10}"
    )
    plan = small_plan(tmp_path, sheet=sheet, profile=profile)
    (run,) = of(plan, "gat.baseline")
    assert plan.recipes[run.run_id].keys() == {"gat.baseline", "gat.twin"}
    assert run.stand_ins == ("reduced_budget",)
    row = {"baseline": "left: Baseline", "twin": "left: Other"}[longer]
    cells = [cell for cell in plan.cells["gat/table1"] if isinstance(cell, MeasuredCell) and cell.row == row]
    assert cells
    for cell in cells:
        assert "reduced_budget" in cell.stand_ins
        assert all("reduced_budget" in plan.evaluations[name].stand_ins for name in cell.evaluations)
    shares = scales(plan)[cells[0].key]["share of the budget"]
    assert shares == {"0.5", "1"}


def test_a_shared_run_has_the_most_processes_that_a_recipe_of_it_is_given(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, profile=PROFILE + "recipes: {gat.twin: {processes: 5}}\n")
    assert {plan.processes(run.run_id) for run in of(plan, "gat.baseline")} == {5}


def test_two_conventions_measure_the_same_runs(plan: Plan) -> None:
    paper, standard = (
        next(p for p in plan.cells["gat/table1"] if p.evaluations and p.convention == name)
        for name in ("paper", "standard")
    )
    assert paper.runs == standard.runs
    assert not set(paper.evaluations) & set(standard.evaluations)
    assert plan.evaluations[paper.evaluations[0]].options == {"split": "test", "batch_size": 10}
    assert plan.evaluations[standard.evaluations[0]].options == {"split": "test"}


def test_a_child_starts_from_its_parents_run_of_the_same_seed_and_data_set(tmp_path: Path) -> None:
    sheet = SHEET.replace("recipe: later}", "recipe: later, dataset: cifar100}")
    plan = small_plan(tmp_path, sheet=sheet, profile=PROFILE + "min_seeds: 2\n")
    children = of(plan, "gat.later")
    assert [child.seed for child in children] == [0, 1]
    for child in children:
        assert child.parent is not None
        parent = plan.runs[child.parent]
        assert (parent.recipe, parent.seed, parent.dataset) == ("gat.gan", child.seed, "cifar100")
        assert (plan.level(parent.run_id), plan.level(child.run_id)) == (0, 1)


def test_features_need_the_extractor_of_their_data_set(plan: Plan) -> None:
    (extractor,) = of(plan, "suite.extractor")
    scores = [spec for spec in plan.evaluations.values() if spec.measure == "fidelity"]
    assert {spec.extractor for spec in scores} == {extractor.run_id}
    assert all("embedded_features" in spec.stand_ins and spec.generated == 40 for spec in scores)
    accuracy = [spec for spec in plan.evaluations.values() if spec.measure == "accuracy"]
    assert {(spec.extractor, spec.generated, spec.limit) for spec in accuracy} == {(None, None, 30)}


def test_images_for_features_and_options_of_conventions_are_set_where_the_remedies_say(
    tmp_path: Path,
) -> None:
    profile = PROFILE.replace("test: 50", "test: 500").replace(
        "images: 30", "options_of: {accuracy@paper: {batch_size: 5}}"
    )
    plan = small_plan(tmp_path, profile=profile)
    specs = plan.evaluations.values()
    assert {spec.limit for spec in specs if spec.measure == "fidelity"} == {500}
    sizes = {spec.options.get("batch_size") for spec in specs if spec.measure == "accuracy"}
    assert sizes == {5, None}
    plan = small_plan(tmp_path, profile=profile.replace("accuracy@paper", "accuracy"))
    assert {s.options["batch_size"] for s in plan.evaluations.values() if s.measure == "accuracy"} == {5}


GAIN = "left: Other", "gain"
LONGER = "right: GAN, longer", "IS"
TRUTH = "right: Truth", "IS"


@pytest.mark.parametrize(
    ("left_out", "pending", "reason"),
    [
        ("gat.baseline", GAIN, "does not train gat.baseline on cifar10"),  # which it subtracts
        ("gat.gan", LONGER, "does not train gat.gan on cifar10"),  # from which it starts
        ("gat.gan", GAIN, "does not train gat.gan on cifar10"),  # which gives its attack the gradients
        ("gat/table1/right: Truth/*", TRUTH, "leaves such cells out"),  # which has no recipe
    ],
)
def test_a_cell_is_pending_where_the_profile_leaves_out_what_it_needs(
    tmp_path: Path, left_out: str, pending: tuple[str, str], reason: str
) -> None:
    sheet = SHEET.replace("    measure: accuracy\n", "    measure: robust_accuracy\n    surrogate: gan\n")
    truth = '{name: "Truth", evaluation: truth, dataset: cifar10, value: fid}\n'
    sheet = sheet.replace("recipe: later}\n", f"recipe: later}}\n          - {truth}")
    sheet = sheet.replace("  scores:\n", "  truth: {measure: fidelity_real}\n  scores:\n")
    profile = f'{PROFILE}leave_out: ["{left_out}"]\n'
    whole, plan = small_plan(tmp_path, sheet=sheet), small_plan(tmp_path, sheet=sheet, profile=profile)
    assert not of(plan, left_out)
    for each, kind in ((whole, MeasuredCell), (plan, PendingCell)):
        cells = [cell for cell in each.cells["gat/table1"] if (cell.row, cell.column) == pending]
        assert cells
        assert {type(cell) for cell in cells} == {kind}
    assert {cell.reason for cell in cells if isinstance(cell, PendingCell)} == {f"profile tiny {reason}"}


def test_nothing_is_subtracted_from_a_data_set(tmp_path: Path) -> None:
    row = '{name: "Truth", evaluation: truth, dataset: cifar10, value: fid, minus: gan}\n'
    sheet = SHEET.replace("recipe: later}\n", f"recipe: later}}\n          - {row}")
    sheet = sheet.replace("  scores:\n", "  truth: {measure: fidelity_real}\n  scores:\n")
    with pytest.raises(ReproError, match="which has no run to compare") as caught:
        small_plan(tmp_path, sheet=sheet)
    assert "take minus or passes out" in caught.value.remedy
    small_plan(tmp_path, sheet=sheet.replace(", minus: gan", ""))


def test_with_inception_no_extractor_is_trained(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, profile=PROFILE + "extractor: inception\n")
    assert of(plan, "suite.extractor") == []
    scores = [spec for spec in plan.evaluations.values() if spec.measure == "fidelity"]
    assert {spec.extractor for spec in scores} == {"inception"}
    assert not any("embedded_features" in spec.stand_ins for spec in scores)


def test_only_the_chosen_artefacts_are_planned(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, profile=PROFILE + "artefacts: [gat/figure4]\n")
    assert list(plan.cells) == ["gat/figure4"]
    assert plan.runs == {}  # its only column is pending


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return read_config(tmp_path)


def bound(config: Config, name: str = "baseline", seed: int = 0, **profile: object) -> RunSpec:
    chosen = Profile.model_validate({"name": "p", "title": "p", "data": "real", **profile})
    return run_spec(chosen, f"gat.{name}", config.sheets["gat"].recipes[name], seed)


@pytest.mark.parametrize(
    ("profile", "steps", "stand_ins"),
    [
        ({}, 5000, ()),
        ({"data": "synthetic"}, 5000, ("synthetic_data",)),
        ({"limits": {"train": 1000}}, 100, ("sample_data", "reduced_budget")),
        ({"limits": {"train": 60_000}}, 5000, ()),
        ({"workloads": {"classifier": {"steps": 4999}}}, 4999, ("reduced_budget",)),
        ({"workloads": {"classifier": {"epochs": 20}}}, 5000, ()),  # cut to the sheet's
        ({"workloads": {"classifier": {"steps": 5001}}}, 5000, ()),
        ({"workloads": {"classifier": {"steps": 2600, "batch_size": 200}}}, 2500, ("changed_batch_size",)),
        ({"workloads": {"classifier": {"epochs": 1e9}}, "recipes": {"gat.*": {"seeds": 2}}}, 5000, ()),
        ({"workloads": {"classifier": {"steps": 2500, "batch_size": 200}}}, 2500, ("changed_batch_size",)),
        ({"workloads": {"classifier": {"width": 0.5}}}, 5000, ("reduced_width",)),
        ({"workloads": {"gan": {"width": 0.5, "steps": 1}}}, 5000, ()),
        ({"recipes": {"gat.baseline": {"epochs": 1}}}, 500, ("reduced_budget",)),
    ],
)  # fmt: skip
def test_whatever_falls_short_of_the_papers_schedule_is_marked(
    config: Config, profile: dict[str, object], steps: int, stand_ins: tuple[str, ...]
) -> None:
    run = bound(config, **profile)
    assert (run.steps, run.stand_ins) == (steps, stand_ins)
    assert run.train_limit == (1000 if profile.get("limits") == {"train": 1000} else None)


def test_fewer_samples_or_snapshots_are_marked(config: Config) -> None:
    fidelity = Evaluation.model_validate({"measure": "fidelity"})
    named = {"name": "p", "title": "p", "data": "real"}
    for n, marks in ((50_000, ()), (49_999, ("reduced_budget",))):
        profile = Profile.model_validate({**named, "measuring": {"generated": n}})
        assert evaluation_of(profile, fidelity, "standard", bound(config)).stand_ins == marks
    recipe = config.sheets["gat"].recipes["gan"].model_copy(update={"snapshots": 4})
    for n, marks in ((4, ()), (2, ("reduced_budget",))):
        fewer = Profile.model_validate({**named, "workloads": {"gan": {"snapshots": n}}})
        assert run_spec(fewer, "gat.gan", recipe, 0).stand_ins == marks


@pytest.mark.parametrize("place", ["workloads", "recipes"])
@pytest.mark.parametrize(
    ("size", "steps", "stand_ins"),
    [(1024, 63, ("changed_batch_size",)), (32, 1000, ("reduced_budget", "changed_batch_size"))],
)
def test_a_batch_size_alone_shows_a_run_no_more_images_than_its_sheet(
    config: Config, place: str, size: int, steps: int, stand_ins: tuple[str, ...]
) -> None:
    entry = {"workloads": "gan", "recipes": "gat.gan"}[place]
    run = bound(config, "gan", **{place: {entry: {"batch_size": size}}})  # the sheet: 1,000 steps of 64
    assert (run.steps, run.batch_size, run.stand_ins) == (steps, size, stand_ins)


@pytest.mark.parametrize("entry", [{"epochs": 11}, {"steps": 5001}, {"steps": 2501, "batch_size": 200}])
def test_an_entry_that_lengthens_its_recipe_is_refused(config: Config, entry: dict[str, int]) -> None:
    with pytest.raises(ReproError, match=r"gat\.baseline .* steps, more than its sheet's") as caught:
        bound(config, recipes={"gat.base*": entry})
    assert "config/profiles/p.yaml" in caught.value.remedy


@pytest.mark.parametrize(
    ("method", "options", "images"),
    [
        ("gat", {}, 45_000),
        ("classifier", {"network": "gat_classifier"}, 45_000),
        ("classifier", {"network": "gat_classifier", "train_split": "train"}, 50_000),
        ("classifier", {"network": "embedding"}, 50_000),
        ("gan", {}, 50_000),
        ("robgan", {"train_split": None}, 50_000),
    ],
)
def test_an_epoch_is_of_the_split_that_the_method_trains_on(
    method: str, options: dict[str, str | None], images: int
) -> None:
    recipe = Recipe.model_validate(
        {
            "method": method,
            "workload": "classifier",
            "dataset": "cifar10",
            "budget": {"epochs": 1, "batch_size": 10},
            "options": options,
        }
    )
    profile = Profile(name="whole", title="all images", data="real")
    run = run_spec(profile, "gat.x", recipe, 0)
    assert (run.steps, run.train_limit, run.stand_ins) == (images // 10, None, ())
    if images == 45_000:
        with pytest.raises(ReproError, match="x trains on train45k, which STL-10 does not have") as caught:
            run_spec(profile, "gat.x", recipe, 0, dataset="stl10")
        assert "train_split: train or test or unlabeled" in caught.value.remedy
        mended = {**recipe.options, "train_split": "train"}
        assert run_spec(profile, "gat.x", recipe, 0, dataset="stl10", options=mended).steps == 500


def test_a_child_carries_its_parents_stand_ins(config: Config) -> None:
    narrow = Profile.model_validate(
        {"name": "p", "title": "p", "data": "real", "recipes": {"gat.gan": {"width": 0.5}}}
    )
    recipes = config.sheets["gat"].recipes
    parent = run_spec(narrow, "gat.gan", recipes["gan"], 0)
    child = run_spec(narrow, "gat.later", recipes["later"], 0, parent=parent)
    assert child.stand_ins == ("reduced_width",)
    assert child.width == 1.0


def test_precision_takes_part_in_a_runs_identity(config: Config) -> None:
    plain, fast = bound(config), bound(config, precision="bf16")
    assert plain.run_id != fast.run_id
    assert fast.stand_ins == ()


@pytest.mark.parametrize(
    ("paper", "profile", "work", "expected"),
    [
        (50, {}, {}, range(50)),
        (1, {"min_seeds": 3}, {}, range(3)),
        (50, {"min_seeds": 3, "max_seeds": 3}, {}, range(3)),
        (50, {}, {"seeds": 2}, range(2)),
        (1, {"max_seeds": 4}, {"seeds": 9}, range(9)),
    ],
)
def test_seeds_are_the_papers_within_the_profiles_bounds(
    paper: int, profile: dict[str, int], work: dict[str, int], expected: range
) -> None:
    recipe = Recipe.model_validate(
        {
            "method": "m", "workload": "gan", "dataset": "cifar10",
            "budget": {"steps": 1, "batch_size": 1}, "seeds": paper,
        }
    )  # fmt: skip
    chosen = Profile.model_validate({"name": "p", "title": "p", "data": "real", **profile})
    assert seeds_for(chosen, Work.model_validate(work), recipe) == expected


def test_a_recipes_entry_wins_over_its_workloads(config: Config) -> None:
    profile = Profile.model_validate(
        {
            "name": "p", "title": "p", "data": "real",
            "workloads": {"classifier": {"steps": 9, "width": 0.5, "batch_size": 7}},
            "recipes": {"gat.baseline": {"epochs": 2, "batch_size": 8}},
        }
    )  # fmt: skip
    recipe = config.sheets["gat"].recipes["baseline"]
    assert work_for(profile, "gat.baseline", recipe) == Work(epochs=2, width=0.5, batch_size=8)
    assert work_for(profile, "gat.twin", recipe) == Work(steps=9, width=0.5, batch_size=7)


def test_patterns_give_work_to_many_recipes_and_those_of_a_data_set_win(config: Config) -> None:
    profile = Profile.model_validate(
        {
            "name": "p", "title": "p", "data": "real",
            "recipes": {
                "gat.*@cifar100": {"steps": 1},
                "gat.*": {"epochs": 2, "width": 0.5},
                "gat.twin": {"steps": 3},
                "gat.gan": {"steps": 5},
            },
        }
    )  # fmt: skip
    recipe = config.sheets["gat"].recipes["baseline"]
    assert work_for(profile, "gat.baseline", recipe) == Work(epochs=2, width=0.5)
    assert work_for(profile, "gat.twin", recipe) == Work(steps=3, width=0.5)
    assert work_for(profile, "gat.twin", recipe, "cifar100") == Work(steps=1, width=0.5)


def test_every_member_is_in_one_batch_after_what_it_needs(plan: Plan) -> None:
    batches = make_batches(plan)
    for stage, members, of_member in (
        (batches.train, plan.runs, batches.train_of),
        (batches.evaluate, plan.evaluations, batches.evaluate_of),
    ):
        listed = [(member, batch.name) for batch in stage.values() for member in batch.members]
        assert sorted(member for member, _ in listed) == sorted(members)
        assert dict(listed) == of_member
    assert max(len(batch.members) for batch in batches.train.values()) == 2
    assert max(len(batch.members) for batch in batches.evaluate.values()) == 3
    for batch in batches.train.values():
        parents = {plan.runs[member].parent for member in batch.members} - {None}
        assert set(batch.needs) == {batches.train_of[parent] for parent in parents if parent}
        assert batch.name not in batch.needs
    for batch in batches.evaluate.values():
        specs = [plan.evaluations[member] for member in batch.members]
        runs = {spec.run for spec in specs} | {spec.extractor for spec in specs if spec.extractor}
        assert set(batch.needs) == {batches.train_of[run] for run in runs}


def test_runs_of_several_processes_keep_their_ids_and_have_jobs_of_their_own(tmp_path: Path) -> None:
    gan = "gan: {steps: 2, batch_size: 10, width: 0.125"
    alone, several = (
        small_plan(tmp_path / more, profile=PROFILE.replace(gan, f"{gan}{more}"))
        for more in ("", ", processes: 5")
    )
    assert several.runs == alone.runs
    batches = make_batches(several).train.values()
    assert {batch.processes for batch in make_batches(alone).train.values()} == {1}
    assert {batch.processes for batch in batches} == {1, 5}
    for batch in batches:
        gans = {several.runs[member].method == "gan" for member in batch.members}
        assert gans == {batch.processes == 5}
    with pytest.raises(ReproError, match="a batch of 10 images does not divide among 4") as caught:
        small_plan(tmp_path / "uneven", profile=PROFILE.replace(gan, f"{gan}, processes: 4"))
    assert "divisor" in caught.value.remedy


def test_the_plan_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = small_plan(tmp_path), small_plan(tmp_path)
    assert list(first.runs) == list(second.runs)
    assert make_batches(first) == make_batches(second)


def test_seeds_of_one_training_go_into_one_job_where_the_profile_batches_them(tmp_path: Path) -> None:
    profile = PROFILE.replace("max_seeds: 2", "max_seeds: 3").replace("{train: 2,", "{train: 1, seeds: 2,")
    opened = small_plan(tmp_path, profile=profile)
    runs = [
        sorted(opened.runs[member].seed for member in batch.members)
        for batch in make_batches(opened).train.values()
        if opened.runs[batch.members[0]].recipe == "gat.baseline"
    ]
    assert runs == [[0, 1], [2]]


@pytest.mark.parametrize(("seeds", "expected"), [(1, {0: 1}), (2, {0: 1, 1: 0}), (3, {0: 1, 1: 2, 2: 0})])
def test_an_indirect_attack_takes_the_next_seeds_gradients(
    tmp_path: Path, seeds: int, expected: dict[int, int]
) -> None:
    indirect = "    measure: robust_accuracy\n    surrogate: twin\n"
    sheet = SHEET.replace("    measure: accuracy\n", indirect).replace("{batch_size: 10}", "{}")
    sheet = sheet.replace("options: {split: test}", "options: {split: test, radii: [0]}")
    profile = PROFILE.replace("max_seeds: 2", f"max_seeds: {seeds}")
    opened = small_plan(tmp_path, sheet=sheet, profile=profile)
    pairs = {
        opened.runs[each.run].seed: opened.runs[each.surrogate].seed
        for each in opened.evaluations.values()
        if each.surrogate is not None
    }
    assert pairs == expected
    batches = make_batches(opened)
    for each in opened.evaluations.values():
        if each.surrogate is not None:
            needed = batches.evaluate[batches.evaluate_of[each.evaluation_id]].needs
            assert batches.train_of[each.surrogate] in needed


@pytest.mark.parametrize(
    ("measure", "options", "whole"),
    [
        ("accuracy", {"split": "test"}, 10_000),
        ("accuracy", {"split": "validation5k"}, 5000),
        ("robust_accuracy", {"split": "test", "gap_split": "train"}, 50_000),
        ("local_lipschitz", {}, 50_000),  # which split is its default's affair
        ("fidelity", {"reference_split": "test"}, 10_000),
        ("fidelity_real", {"reference_split": "test"}, 50_000),
    ],
)
def test_a_limit_that_cuts_nothing_is_none(
    config: Config, measure: str, options: dict[str, str], whole: int
) -> None:
    run = bound(config)

    def made(images: int | None) -> EvaluationSpec:
        profile = Profile.model_validate(
            {
                "name": "p", "title": "p", "data": "real",
                "measuring": {"images": images}, "limits": {"test": images},
            }
        )  # fmt: skip
        declared = Evaluation.model_validate({"measure": measure, "options": options})
        return evaluation_of(profile, declared, "standard", "cifar10" if measure == "fidelity_real" else run)

    assert made(whole) == made(whole + 1) == made(None)
    assert made(None).limit is None
    assert (made(whole - 1).limit, made(whole - 1).stand_ins) == (whole - 1, ("sample_data",))


def test_a_profile_lowers_what_a_convention_states_itself_and_leaves_the_others(config: Config) -> None:
    options = {"radii": (0.0, 0.1), "steps": 20}
    strong: dict[str, object] = {"steps": 50, "restarts": 10, "random_start": True}
    declared = Evaluation.model_validate(
        {
            "measure": "robust_accuracy",
            "options": options,
            "conventions": {"paper": {}, "standard": strong, "published_code": {"steps": 7}},
        }
    )
    lowered = {"robust_accuracy@standard": {"steps": 5, "restarts": 2}}
    profile = Profile.model_validate(
        {"name": "p", "title": "p", "data": "synthetic", "measuring": {"options_of": lowered}}
    )
    run = bound(config)
    made = {name: evaluation_of(profile, declared, name, run) for name in declared.conventions}
    assert made["paper"].options == options
    assert made["published_code"].options == {**options, "steps": 7}
    assert made["standard"].options == {**options, **strong, "steps": 5, "restarts": 2}
    assert ["reduced_budget" in each.stand_ins for each in made.values()] == [False, True, False]
    weak = declared.model_copy(update={"conventions": {"standard": {}}})
    assert evaluation_of(profile, weak, "standard", run).options == options


def test_a_circle_of_beginnings_is_refused(tmp_path: Path) -> None:
    sheet = SHEET.replace("start_from: gan", "start_from: later")
    with pytest.raises(ReproError, match=r"gat/table1: recipe gat\.later starts from itself"):
        small_plan(tmp_path, sheet=sheet)


def test_what_is_subtracted_is_the_recipe_without_the_cells_options(tmp_path: Path) -> None:
    sheet = SHEET.replace('"Other", recipe: twin}', '"Other", recipe: twin, options: {weight_decay: 0.1}}')
    cells = small_plan(tmp_path, sheet=sheet).cells["gat/table1"]
    found = {
        (cell.row, cell.column, cell.convention): set(cell.evaluations)
        for cell in cells
        if isinstance(cell, MeasuredCell)
    }
    for convention in ("paper", "standard"):
        plain = found["left: Baseline", "CIFAR-10", convention]
        assert plain < found["left: Other", "gain", convention]


def test_data_without_end_has_no_epochs(config: Config) -> None:
    profile = config.profile
    fields = {"method": "toy_gan", "workload": "toy", "dataset": "gaussians"}
    for budget, workload in (
        ({"epochs": 3, "batch_size": 8}, {}),
        ({"steps": 9, "batch_size": 8}, {"epochs": 2}),
    ):
        recipe = Recipe.model_validate({**fields, "budget": budget})
        own = profile.model_copy(update={"workloads": {"toy": Work.model_validate(workload)}})
        with pytest.raises(ReproError, match="drawn without end, which has no epochs"):
            run_spec(own, "dat.toy", recipe, 0)


def test_a_set_without_classes_lends_no_features(tmp_path: Path) -> None:
    at = SHEET.index("  gan:\n")
    sheet = SHEET[:at] + SHEET[at:].replace("dataset: cifar10", "dataset: celeba")
    with pytest.raises(ReproError, match="celeba has no classes to train a feature extractor on") as caught:
        small_plan(tmp_path, sheet=sheet)
    assert "extractor_from: {celeba: tiny_imagenet}" in caught.value.remedy
