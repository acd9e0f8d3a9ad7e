"""Evaluations without a run (real images against real images) and curves by share of the training."""

from __future__ import annotations

import pytest

from papers_case import plan_of
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.evaluate.snapshots import percentages
from repro.jobs.measured import Measured
from repro.plan.batches import make_batches
from repro.plan.cells import MeasuredCell
from repro.plan.plan import Plan
from small_result import leave_results, small_result


def cells_in(plan: Plan, artefact: str, row: str) -> list[MeasuredCell]:
    return [cell for cell in plan.cells[artefact] if cell.row == row and isinstance(cell, MeasuredCell)]


def test_real_data_is_measured_once_and_shared_by_both_tables() -> None:
    plan = plan_of("smoke")
    cells = [
        item
        for table in ("rgan/table1", "rgan/table2")
        for item in cells_in(plan, table, "Real data")
        if item.column == "CIFAR-10"
    ]
    assert [(item.column, item.metric) for item in cells] == [
        ("CIFAR-10", "is"),
        ("CIFAR-10", "fid"),
    ] * 2
    assert len({item.evaluations for item in cells}) == 1
    assert all(not item.runs for item in cells)
    (name,) = cells[0].evaluations
    spec = plan.evaluations[name]
    assert (spec.measure, spec.run, spec.dataset, spec.source) == (
        "fidelity_real",
        "real",
        "cifar10",
        "synthetic",
    )
    assert spec.generated is None
    assert cells[0].stand_ins == spec.stand_ins == ("synthetic_data", "embedded_features")


def test_its_batch_needs_the_extractor_alone() -> None:
    plan = plan_of("smoke")
    batches = make_batches(plan)
    (name,) = cells_in(plan, "rgan/table1", "Real data")[0].evaluations
    extractor = plan.evaluations[name].extractor
    assert extractor is not None
    batch = batches.evaluate[batches.evaluate_of[name]]
    assert batch.name == "real-000"
    assert batch.needs == (batches.train_of[extractor],)


def test_with_inception_it_needs_nothing_and_full_splits_are_no_stand_in() -> None:
    plan = plan_of("paper")
    item = cells_in(plan, "rgan/table1", "Real data")[0]
    batches = make_batches(plan)
    assert item.stand_ins == ()
    assert len(item.evaluations) == len(set(item.evaluations)) == 3
    assert [plan.evaluations[name].seed for name in item.evaluations] == [0, 1, 2]
    assert batches.evaluate[batches.evaluate_of[item.evaluations[0]]].needs == ()


@pytest.mark.parametrize(
    ("snapshots", "steps", "count", "expected"),
    [
        ((1, 2, 4, 5, 6, 7, 8, 10, 11, 12), 12, 10, {"10": 1, "30": 4, "50": 6, "100": 12}),
        ((20_000, 200_000), 200_000, 10, {"10": 20_000, "100": 200_000}),
        ((1, 2, 3), 3, 10, {"20": 1, "30": 1, "50": 1, "100": 3}),
        ((4, 8), 8, 2, {"50": 4, "100": 8}),
        ((1, 2), 2, 3, {"33.3333": 1, "66.6667": 1, "100": 2}),
    ],
)
def test_snapshots_by_share_of_the_training(
    snapshots: tuple[int, ...], steps: int, count: int, expected: dict[str, int]
) -> None:
    found = percentages(snapshots, steps, count)
    assert expected.items() <= found.items()
    assert all(abs(step - steps * float(share) / 100) <= 0.51 for share, step in found.items())


def test_a_share_without_a_snapshot_is_left_out() -> None:
    assert "10" not in percentages((1, 2, 3), 3, 10)
    assert set(percentages((20_000, 200_000), 200_000, 10)) == {"10", "100"}


def test_the_panel_of_dcgan_is_live_and_cheap() -> None:
    plan = plan_of("smoke")
    for row in ("(c) DCGAN vs RGAN: Baseline", "(c) DCGAN vs RGAN: RGAN"):
        items = cells_in(plan, "rgan/figure2", row)
        assert [item.column for item in items] == [str(share) for share in range(10, 101, 10)]
        assert [item.value for item in items] == [f"is@{share}%" for share in range(10, 101, 10)]
        (name,) = {name for item in items for name in item.evaluations}
        spec = plan.evaluations[name]
        assert (spec.measure, spec.options["metrics"]) == ("curve", ("is",))
        assert plan.runs[spec.run].snapshots == 10
        assert spec.generated == plan.config.profile.measuring.generated


def test_a_missing_point_of_a_curve_is_pending_but_a_wrong_name_is_an_error(layout: Layout) -> None:
    plan = plan_of("smoke")
    batches = make_batches(plan)
    items = cells_in(plan, "rgan/figure2", "(c) DCGAN vs RGAN: Baseline")
    (name,) = items[0].evaluations
    batch = batches.evaluate[batches.evaluate_of[name]]

    def leave(values: dict[str, float]) -> None:
        leave_results(
            layout, batches, [small_result(plan.evaluations[m], values=values) for m in batch.members]
        )

    leave({"is@12": 2.5, "is@100%": 2.5})
    measured = Measured(layout, batches)
    assert measured.values(items[0]) == []
    assert measured.values(items[-1]) == [2.5]
    leave({"is@12": 2.5, "fid@100%": 2.5})
    with pytest.raises(ReproError, match="no value 'is@100%'"):
        Measured(layout, batches).values(items[-1])
