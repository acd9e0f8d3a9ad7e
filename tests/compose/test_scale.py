"""What cells were made with: rows of one plan are alike, and a profile that treats them differently shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.compose.paper_files import all_claims, check_paper_files
from repro.compose.scale import scales
from repro.core.errors import ReproError
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
    assert baseline["share of the budget"] == {"0.06"}  # 6 epochs of 100
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


def test_a_run_that_starts_from_another_is_made_with_both() -> None:
    plan = build_plan(load_config(CONFIG, "smoke"))
    key = ("robgan", "table1", "Rob-GAN (w/ FT)", "CIFAR10 delta=0", "accuracy", "standard")
    alone = ("robgan", "figure6", "CIFAR10: w/o fine-tune", "0", "accuracy", "paper")
    found = scales(plan)
    assert found[alone]["share of the budget"] < found[key]["share of the budget"]


def test_every_claim_is_about_cells_that_have_a_scale() -> None:
    plan = build_plan(load_config(CONFIG, "smoke"))
    named = {paper for paper, *_ in scales(plan)}
    assert named == {claim.paper for claim in all_claims(plan.config)}


def test_a_printed_metric_without_a_tolerance_is_refused_and_the_remedy_works() -> None:
    loaded = load_config(CONFIG, "smoke")
    # every metric that is measured and printed has one today; take a family's away
    import repro.judge.tolerances as tolerances

    without = {name: value for name, value in tolerances.DEFAULTS.items() if name != "kid"}
    patch = pytest.MonkeyPatch()
    patch.setattr(tolerances, "DEFAULTS", without)
    declared = {name: value for name, value in loaded.settings.tolerances.items() if name != "kid"}

    def settings(**more: object) -> Config:
        changed = loaded.settings.model_copy(update={"tolerances": {**declared, **more}})
        return Config(loaded.folder, changed, loaded.profile, loaded.sheets)

    try:
        with pytest.raises(ReproError, match="no tolerance is declared for `kid_train`") as caught:
            check_paper_files(build_plan(settings()))
        assert "`kid_train: {relative: 0.05}`" in caught.value.remedy
        check_paper_files(build_plan(settings(kid_train={"relative": 0.05}, kid_test={"relative": 0.05})))
    finally:
        patch.undo()
