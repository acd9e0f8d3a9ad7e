"""Claims: the Welch test against SciPy's, every verdict, and claims that cannot be read."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from repro.core.errors import ReproError
from repro.core.spec import OF_ATTACKS, Flag
from repro.judge.cells import Cell
from repro.judge.claims import CLAIM_COLUMNS, Claim, read_claims, render_claims
from repro.judge.judging import holm, judge_claims
from repro.judge.welch import welch_interval, welch_p

GAT = Cell(
    "gat", "table2", "GAT", "CIFAR-10", "accuracy", measured=80.3, measured_std=0.4, n_seeds=5, runs=("g",)
)
DROPOUT = replace(GAT, row="Dropout", measured=78.5, measured_std=0.6, runs=("d",))
BASELINE = replace(GAT, row="Baseline", measured=78.4, measured_std=0.6, runs=("b",))


def claim(*predicates: dict[str, object]) -> Claim:
    return Claim.model_validate({"id": "gat.c", "statement": "s", "all": predicates})


def predicate(
    left: str, relation: str, right: object, by: float = 0.0, column: str = "CIFAR-10"
) -> dict[str, object]:
    at = {"artefact": "table2", "row": left, "column": column, "metric": "accuracy"}
    return {
        "left": at,
        "relation": relation,
        "right": {"row": right} if isinstance(right, str) else right,
        "by": by,
    }


def word(made: Claim, *cells: Cell) -> str:
    return judge_claims([made], cells)[0].word


def test_welch_equals_scipy() -> None:
    random = np.random.default_rng(1)
    left, right = random.normal(1.0, 1.0, 7), random.normal(0.5, 3.0, 4)
    expected = scipy.stats.ttest_ind(left, right, equal_var=False, alternative="greater").pvalue
    sides = [(float(x.mean()), float(x.std(ddof=1)), len(x)) for x in (left, right)]
    assert welch_p(sides[0], sides[1]) == pytest.approx(expected, rel=1e-9)
    one = scipy.stats.ttest_1samp(left, 0.25, alternative="greater").pvalue
    assert welch_p(sides[0], (0.0, 0.0, 3), margin=0.25) == pytest.approx(one, rel=1e-9)


def test_the_interval_of_a_difference_equals_scipy() -> None:
    random = np.random.default_rng(2)
    left, right = random.normal(1.0, 1.0, 5), random.normal(0.5, 3.0, 3)
    expected = scipy.stats.ttest_ind(left, right, equal_var=False).confidence_interval(0.95)
    sides = [(float(x.mean()), float(x.std(ddof=1)), len(x)) for x in (left, right)]
    effect, low, high = welch_interval(sides[0], sides[1], 0.95)
    assert (effect, low, high) == pytest.approx((left.mean() - right.mean(), expected.low, expected.high))


def test_holm_by_hand() -> None:
    # Holm (1979): 0.01 * 4, 0.015 * 3, 0.03 * 2, and never below an earlier one
    adjusted = holm({"c": 0.03, "a": 0.01, "d": 0.055, "b": 0.015})
    assert adjusted == pytest.approx({"a": 0.04, "b": 0.045, "c": 0.06, "d": 0.06})
    assert holm({"a": 0.6, "b": 0.9}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_each_paper_is_a_family_of_its_own() -> None:
    mine = claim(predicate("GAT", "greater", "Dropout"))
    cells = [GAT, DROPOUT, *(replace(cell, paper="dat") for cell in (GAT, DROPOUT))]
    for found in judge_claims([mine, mine.model_copy(update={"id": "dat.c"})], cells):
        assert found.p_holm == found.p


def test_words() -> None:
    better = claim(predicate("GAT", "greater", "Dropout"))
    assert word(better, GAT, DROPOUT) == "supported"
    assert word(claim(predicate("GAT", "less", "Dropout")), GAT, DROPOUT) == "not supported"
    assert word(claim(predicate("Dropout", "greater", "Baseline")), DROPOUT, BASELINE) == "cannot be told"
    assert word(better, replace(GAT, n_seeds=2), DROPOUT) == "cannot be told"
    assert word(better, replace(GAT, stand_ins=("synthetic_data",)), DROPOUT) == "not comparable"
    assert word(better, replace(GAT, measured=None), DROPOUT) == "pending"
    assert word(better, GAT, replace(DROPOUT, diverged=1)) == "cannot be told"
    assert word(better, GAT, replace(DROPOUT, measured=None, n_seeds=0, diverged=5)) == "cannot be told"


def test_margin_and_fixed_number() -> None:
    assert word(claim(predicate("GAT", "greater", "Dropout", by=4.0)), GAT, DROPOUT) == "not supported"
    assert word(claim(predicate("GAT", "greater", 79.0)), GAT) == "supported"
    assert word(claim(predicate("GAT", "less", 79.0)), GAT) == "not supported"


@pytest.mark.parametrize(("by", "expected"), [(-4.0, "supported"), (-0.5, "not supported")])
def test_a_difference_is_bounded_from_above_by_a_negative_margin(by: float, expected: str) -> None:
    (found,) = judge_claims([claim(predicate("GAT", "less", "Dropout", by=by))], [GAT, DROPOUT])  # 1.8 apart
    assert found.word == expected
    assert f"GAT [CIFAR-10] less than Dropout [CIFAR-10] plus {-by:g}: " in found.reason
    (mirrored,) = judge_claims([claim(predicate("Dropout", "greater", "GAT", by=by))], [GAT, DROPOUT])
    assert (mirrored.word, mirrored.p) == (expected, pytest.approx(found.p))
    assert f"Dropout [CIFAR-10] greater than GAT [CIFAR-10] minus {-by:g}: " in mirrored.reason


def test_runs_that_never_passed_a_level_refute_a_smaller_number_alone() -> None:
    at = {"artefact": "figure8", "row": "Rob-GAN", "column": "small", "metric": "epochs"}
    within = claim({"left": at, "relation": "less", "right": 30.0})
    never = replace(
        GAT, artefact="figure8", row="Rob-GAN", column="small", metric="epochs",
        measured=350.0, measured_std=0.0, flags=("never_passed",),
    )  # fmt: skip
    (found,) = judge_claims([within], [never])
    assert (found.word, found.p, found.p_reverse, found.effect) == ("not supported", 1.0, 0.0, -320.0)
    for changes in (
        {"flags": ("seeds_alike",)},  # a count
        {"measured": 25.0},  # none passed within a shorter training, which says nothing of 30
        {"n_seeds": 2},
    ):
        assert word(within, replace(never, **changes)) == "cannot be told"
    assert word(within, replace(never, stand_ins=("reduced_budget",))) == "not comparable"


@pytest.mark.parametrize(
    ("never", "expected"), [("slow", "cannot be told"), ("quick", "not supported"), ("", "not supported")]
)
def test_runs_of_which_some_never_passed_a_level_may_have_taken_any_longer(never: str, expected: str) -> None:
    """Three times as long is refuted by 350 against 131, but not where the 350 are all that was waited."""
    at = {"artefact": "figure8", "row": "slow", "column": "small", "metric": "epochs"}
    longer = claim({"left": at, "relation": "greater", "right": {"row": "quick"}, "times": 3.0})
    sides = [
        replace(
            GAT, artefact="figure8", row=name, column="small", metric="epochs", measured=mean,
            measured_std=std, n_seeds=3, flags=("never_passed",) if name == never else (),
        )
        for name, mean, std in (("slow", 346.7, 5.8), ("quick", 131.0, 1.0))
    ]  # fmt: skip
    (found,) = judge_claims([longer], sides)
    assert found.word == expected
    mirrored = claim(
        {"left": {**at, "row": "quick"}, "relation": "less", "right": {"row": "slow"}, "times": 1 / 3}
    )
    assert word(mirrored, *sides) == expected
    wrong = claim({"left": at, "relation": "greater", "right": {"row": "quick"}})
    assert word(wrong, *sides) == ("cannot be told" if never == "quick" else "supported")


@pytest.mark.parametrize("other", [0.0, 0.6])
def test_identical_seeds_are_no_certainty(other: float) -> None:
    still = replace(GAT, measured_std=0.0), replace(DROPOUT, measured_std=other)
    (judged,) = judge_claims([claim(predicate("GAT", "greater", "Dropout"))], still)
    assert (judged.word, judged.p, judged.p_reverse) == ("cannot be told", None, None)
    assert "all 5 seeds of GAT [CIFAR-10] gave the same number" in judged.reason


def test_one_failed_comparison_sinks_the_chain() -> None:
    good, bad = predicate("GAT", "greater", "Dropout"), predicate("GAT", "less", "Dropout")
    assert word(claim(good, bad), GAT, DROPOUT) == "not supported"
    assert (
        word(claim(good, predicate("Dropout", "greater", "Baseline")), GAT, DROPOUT, BASELINE)
        == "cannot be told"
    )
    waiting = replace(BASELINE, measured=None)
    assert word(claim(good, predicate("Dropout", "greater", "Baseline")), GAT, DROPOUT, waiting) == "pending"
    assert (
        word(claim(bad, predicate("Dropout", "greater", "Baseline")), GAT, DROPOUT, waiting)
        == "not supported"
    )


def test_a_pending_claim_has_no_effect_of_a_part_of_it_but_what_its_family_counts() -> None:
    waiting = replace(BASELINE, measured=None)
    good, open_ = predicate("GAT", "greater", "Dropout"), predicate("Dropout", "greater", "Baseline")
    (part,) = judge_claims([claim(good)], [GAT, DROPOUT])
    assert part.effect is not None
    (judged,) = judge_claims([claim(good, open_)], [GAT, DROPOUT, waiting])
    assert judged.word == "pending"
    assert (judged.effect, judged.low, judged.high) == (None, None, None)
    assert (judged.p, judged.p_holm) == (None, None)
    assert judged.p_reverse == judged.p_reverse_holm == part.p_reverse  # it could have been refuted
    assert "effect +" in judged.reason  # each part is still told by itself
    reversed_ = [replace(cell, stand_ins=("reduced_width",)) for cell in (GAT, DROPOUT, waiting)]
    (judged,) = judge_claims([claim(predicate("GAT", "less", "Dropout"), open_)], reversed_)
    assert (judged.word, judged.direction) == ("pending", "direction reverses")
    assert judged.effect is not None
    assert judged.effect < 0  # of the part that makes it so


def test_families_can_be_corrected_again_from_claims_csv() -> None:
    waiting = replace(BASELINE, measured=None)
    whole = claim(predicate("GAT", "less", "Dropout"))
    parts = [
        claim(predicate("GAT", "greater", "Dropout"), predicate("Dropout", "greater", "Baseline", by=by))
        for by in (1.0, 2.0)
    ]
    family = [each.model_copy(update={"id": f"gat.{i}"}) for i, each in enumerate([whole, *parts])]
    lines = render_claims(judge_claims(family, [GAT, DROPOUT, waiting])).splitlines()
    rows = {row["id"]: row for row in csv.DictReader(lines)}
    again = holm({name: float(row["p_reverse"]) for name, row in rows.items() if row["p_reverse"]})
    assert len(again) == len(family)
    assert again == pytest.approx(
        {name: float(row["p_reverse_holm"]) for name, row in rows.items()}, rel=1e-3
    )


def test_the_standard_convention_is_meant_unless_said() -> None:
    paper = replace(GAT, convention="paper", measured=60.0)
    assert word(claim(predicate("GAT", "greater", "Dropout")), GAT, paper, DROPOUT) == "supported"
    only = claim(predicate("GAT", "less", "Dropout"))
    assert word(only, paper, replace(DROPOUT, convention="paper")) == "supported"


def test_two_conventions_are_compared_only_where_the_claim_names_them() -> None:
    asked = claim(predicate("GAT", "greater", "Dropout"))
    paper = replace(GAT, convention="paper")
    with pytest.raises(
        ReproError, match="compares GAT under the convention paper with Dropout under standard"
    ):
        word(asked, paper, DROPOUT, replace(DROPOUT, convention="paper"))
    named = predicate("GAT", "greater", {"row": "Dropout", "convention": "standard"})
    named["left"] |= {"convention": "paper"}  # type: ignore[operator]
    assert word(claim(named), paper, DROPOUT) == "supported"


@pytest.mark.parametrize("flag", sorted(OF_ATTACKS))
@pytest.mark.parametrize("side", [0, 1])
def test_what_a_better_attack_may_take_supports_nothing(flag: Flag, side: int) -> None:
    cells = [GAT, DROPOUT]
    assert word(claim(predicate("GAT", "greater", "Dropout")), *cells) == "supported"
    cells[side] = replace(cells[side], flags=(flag,))
    (found,) = judge_claims([claim(predicate("GAT", "greater", "Dropout"))], cells)
    assert (found.word, found.p) == ("cannot be told", None)
    assert f"a better attack may leave less ({flag})" in found.reason


def test_other_flags_are_named_in_the_reason() -> None:
    cells = (GAT, replace(DROPOUT, flags=("mode_collapse", "mixed_code")))
    (found,) = judge_claims([claim(predicate("GAT", "greater", "Dropout"))], cells)
    assert found.word == "supported"
    assert found.reason.endswith(", suspect: mixed_code, mode_collapse")


def test_a_claim_about_no_cell() -> None:
    with pytest.raises(ReproError, match=r"claim `gat.c` names no cell: gat / table2 / GAT / CIFAR-10"):
        judge_claims([claim(predicate("GAT", "greater", 1.0))], [DROPOUT])


def test_written_claims() -> None:
    lines = render_claims(
        judge_claims([claim(predicate("GAT", "greater", "Dropout"))], [GAT, DROPOUT])
    ).splitlines()
    assert lines[0] == ",".join(CLAIM_COLUMNS)
    row = dict(zip(CLAIM_COLUMNS, next(csv.reader(lines[1:])), strict=True))
    assert (row["verdict"], row["direction"], row["effect"]) == ("supported", "", "1.8")
    assert float(row["ci_low"]) < 1.8 < float(row["ci_high"])
    assert 0 < float(row["p"]) == float(row["p_holm"]) < 0.05 < float(row["p_reverse"])
    assert row["reason"].startswith("GAT [CIFAR-10] greater than Dropout [CIFAR-10]: 80.3 against 78.5, ")
    assert (row["stand_ins"], row["runs"]) == ("", "g+d")


GOOD = """\
- id: gat.a
  statement: "GAT beats dropout"
  all:
    - left: {artefact: table2, row: GAT, column: CIFAR-10, metric: accuracy}
      relation: greater
      right: {row: Dropout}
"""


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(f"# one claim\n{GOOD}")
    (read,) = read_claims(path, "gat")
    assert judge_claims([read], [GAT, DROPOUT])[0].word == "supported"
    with pytest.raises(ReproError, match="names no cell") as caught:
        judge_claims([read], [GAT])
    assert (caught.value.where, caught.value.line) == (str(path), 2)


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        (GOOD.replace("greater", "bigger"), "relation", 5),
        (GOOD.replace("row: GAT", "roww: GAT"), "roww", 4),
        (GOOD + GOOD, "the first on line 1", 7),
        ("- {", "not valid YAML", 2),
        ("claims: []\n", "list", 1),
        (GOOD.replace("gat.a", "dat.a"), r"'dat\.a' is not of this file's paper", 1),
    ],
)
def test_wrong_claims_name_their_line(tmp_path: Path, text: str, said: str, line: int) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    with pytest.raises(ReproError, match=said) as caught:
        read_claims(path, "gat")
    assert caught.value.line == line


def test_missing_claims(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="missing"):
        read_claims(tmp_path / "claims.yaml", "gat")
