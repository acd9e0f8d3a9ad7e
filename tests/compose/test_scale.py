"""What cells were made with: rows of one plan are alike, and a profile that treats them differently shows."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import pytest

from papers_case import plan_of
from repro.compose.paper_files import all_claims, check_paper_files
from repro.compose.scale import scales
from repro.core.errors import ReproError
from repro.judge.cells import Cell
from repro.judge.claims import Judgement
from repro.judge.judging import judge_claims
from repro.judge.tolerances import Tolerance
from repro.plan.cells import MeasuredCell
from repro.plan.config import Config, load_config
from repro.plan.plan import build_plan
from repro.plan.profile import Profile, Work

CONFIG = Path(__file__).parents[2] / "config"
TABLE2 = ("gat", "table2")


def config(**changes: object) -> Config:
    loaded = load_config(CONFIG, "gat-cpu")
    profile = Profile.model_validate({**loaded.profile.model_dump(exclude_unset=True), **changes})
    return Config(loaded.folder, loaded.settings, profile, loaded.sheets)


def of(made: Config, row: str) -> dict[str, frozenset[str]]:
    found = scales(build_plan(made))
    return dict(found[(*TABLE2, row, "CIFAR-10", "accuracy", "standard")])


def test_rows_of_one_schedule_are_alike() -> None:
    baseline, gat = (of(config(), row) for row in ("Baseline", "Adv. training (GAT)"))
    assert baseline == gat
    assert baseline["width"] == {"1"}
    assert baseline["share of the budget"] == {"1"}  # nothing is reduced
    assert baseline["data"] == {"cifar10 real all"}
    assert baseline["precision"] == {"float32"}


@pytest.mark.parametrize(
    ("work", "aspect"),
    [
        (Work(width=0.5), "width"),
        (Work(epochs=3), "share of the budget"),
        (Work(precision="bf16"), "precision"),
    ],
)
def test_a_profile_that_treats_a_row_differently_shows(work: Work, aspect: str) -> None:
    made = config(recipes={"gat.gat": work.model_dump(exclude_none=True)})
    baseline, gat = of(made, "Baseline"), of(made, "Adv. training (GAT)")
    assert {name for name in baseline if baseline[name] != gat[name]} == {aspect}


def test_a_batch_counts_relative_to_the_recipes_own() -> None:
    made = scales(plan_of("robgan-cpu"))
    parent, child = (  # of 64 and of 128 images in the paper's own code
        made[("robgan", "figure6", f"CIFAR10: {row} fine-tune", "0", "accuracy", "paper")]
        for row in ("w/o", "w/")
    )
    assert parent == child
    assert parent["share of the batch size"] == {"1"}
    halved = of(config(recipes={"gat.gat": {"batch_size": 50}}), "Adv. training (GAT)")
    assert halved["share of the batch size"] != of(config(), "Baseline")["share of the batch size"]


BETTER = {"Rob-GAN (w/ FT)", "our model", "CIFAR10: w/ fine-tune", "gap: w/o augmentation"}
UNTOLD = {
    ("quick", f"rgan.best_{name}") for name in ("conditional", "unconditional_cifar10", "unconditional_stl10")
} | {("robgan-cpu", f"{paper}.accuracy_gap") for paper in ("robgan", "advgan")}
"""Claims whose rows have unequal shares of their budgets, or are of parts of two splits; profiles say why."""


def judged(profile: str) -> dict[str, list[Judgement]]:
    """Judge each comparison whose cells the profile plans, on invented numbers with its marks and scales."""
    plan = plan_of(profile)
    made = scales(plan)
    cells = [
        Cell(
            *cell.key, measured=60.0 if cell.row in BETTER else 40.0, measured_std=0.1, n_seeds=3,
            stand_ins=cell.stand_ins, runs=cell.runs,
        )
        for planned in plan.cells.values() for cell in planned if isinstance(cell, MeasuredCell) and cell.runs
    ]  # fmt: skip
    found: defaultdict[str, list[Judgement]] = defaultdict(list)
    for claim in all_claims(plan.config):
        for each in claim.all:
            with suppress(ReproError):  # a side that the profile leaves out
                found[claim.id] += judge_claims([claim.model_copy(update={"all": (each,)})], cells, made)
    return found


def real_data() -> list[str]:
    names = [path.stem for path in (CONFIG / "profiles").glob("*.yaml")]
    return sorted(name for name in names if load_config(CONFIG, name).profile.data == "real")


@pytest.mark.parametrize("profile", real_data())
def test_rows_that_a_claim_compares_are_given_the_same_share(profile: str) -> None:
    found = judged(profile)
    unequal = {
        (profile, name) for name, items in found.items() for item in items if "rows differ in" in item.reason
    }
    assert unequal == {each for each in UNTOLD if each[0] == profile}
    for _, name in unequal:
        assert name.split(".")[1].rpartition("_")[0] in (CONFIG / "profiles" / f"{profile}.yaml").read_text()


@pytest.mark.parametrize("profile", ["quick", "robgan-cpu"])
def test_rob_gans_claims_on_classifiers_can_be_told(profile: str) -> None:
    found = judged(profile)
    for name in (
        "robgan.robust_cifar10", "robgan.finetuning_helps_cifar10", "robgan.augmentation_shrinks_gap",
        "advgan.gain_under_attack_cifar10",
    ):  # fmt: skip
        words = {(item.word, item.direction) for item in found[name]}
        assert words == {("not comparable", "direction holds")}, name


def test_parts_of_two_splits_are_other_images_and_whole_splits_are_not() -> None:
    made = scales(plan_of("robgan-cpu"))
    seen = {
        (quantity, split): made[("robgan", "figure2", f"{row}: {split}", *column)]
        for quantity, row, column in (
            ("part", "accuracy", ("0.01", "accuracy", "paper")),
            ("whole", "local Lipschitz value", ("100", "local_lipschitz", "standard")),
        )
        for split in ("Train", "Test")
    }
    train, test = seen["part", "Train"], seen["part", "Test"]
    assert {aspect for aspect in train if train[aspect] != test[aspect]} == {"images measured"}
    assert seen["whole", "Train"] == seen["whole", "Test"]


def test_a_run_that_starts_from_another_is_made_with_both() -> None:
    plan = plan_of("smoke")
    key = ("robgan", "table1", "Rob-GAN (w/ FT)", "CIFAR10 delta=0", "accuracy", "standard")
    alone = ("robgan", "figure6", "CIFAR10: w/o fine-tune", "0", "accuracy", "paper")
    found = scales(plan)
    assert found[alone]["share of the budget"] < found[key]["share of the budget"]


def test_every_claim_is_about_cells_that_have_a_scale() -> None:
    plan = plan_of("smoke")
    named = {paper for paper, *_ in scales(plan)}
    assert named == {claim.paper for claim in all_claims(plan.config)}


def test_a_printed_metric_without_a_tolerance_is_refused_and_the_remedy_works() -> None:
    loaded = load_config(CONFIG, "smoke")
    declared = {name: value for name, value in loaded.settings.tolerances.items() if name != "kid"}

    def settings(**more: Tolerance) -> Config:
        changed = loaded.settings.model_copy(update={"tolerances": {**declared, **more}})
        return Config(loaded.folder, changed, loaded.profile, loaded.sheets)

    with pytest.raises(ReproError, match="no tolerance is declared for `kid_train`") as caught:
        check_paper_files(build_plan(settings()))
    assert "`kid_train: {relative: 0.05}`" in caught.value.remedy
    narrow = Tolerance(relative=0.05)
    check_paper_files(build_plan(settings(kid_train=narrow, kid_test=narrow)))
