"""DAT's figures in the plan: they share the tables' runs, and the toy data is no stand-in."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from repro.core.spec import snapshot_steps
from repro.plan.config import load_config
from repro.plan.plan import Plan, PlannedCell, build_plan

CONFIG = Path(__file__).parents[2] / "config"


@cache
def plan(profile: str) -> Plan:
    return build_plan(load_config(CONFIG, profile))


def cells(profile: str, artefact: str) -> list[PlannedCell]:
    return plan(profile).cells[f"dat/{artefact}"]


def runs(profile: str, artefact: str, row: str, column: str) -> set[tuple[str, ...]]:
    return {
        item.runs for item in cells(profile, artefact) if (item.cell.row, item.cell.column) == (row, column)
    }


@pytest.mark.parametrize(
    "name", ["figure1", "figure3", "figure4", "figure5", "figure8", "figure9", "figure11"]
)
@pytest.mark.parametrize("profile", ["smoke", "quick", "paper"])
def test_no_cell_is_pending(name: str, profile: str) -> None:
    assert {item.cell.status for item in cells(profile, name)} == {"live"}


@pytest.mark.parametrize("profile", ["smoke", "paper"])
def test_the_figures_take_the_tables_runs(profile: str) -> None:
    for row in ("SNGAN", "SNGAN-DAT", "SSGAN", "SSGAN-DAT", "InfoMaxGAN", "InfoMaxGAN-DAT"):
        assert runs(profile, "figure8", row, "50") == runs(profile, "table2", row, "CIFAR-10")
    for row in ("DCGAN", "SNGAN", "SSGAN", "InfoMaxGAN"):
        assert runs(profile, "figure1", row, "50") == runs(profile, "figure8", row, "50")
    assert runs(profile, "figure9", "(a) without DAT", "real images") == runs(
        profile, "figure8", "SNGAN", "50"
    )
    for row, column in (("(a) CIFAR10", "CIFAR-10"), ("(b) CIFAR100", "CIFAR-100"), ("(c) STL10", "STL-10")):
        assert runs(profile, "figure11", row, "SSGAN") == runs(profile, "table2", "SSGAN", column)
    assert runs(profile, "figure12", "(b) SSGAN-DAT", "LSUN-Bedroom") == runs(
        profile, "table2", "SSGAN-DAT", "LSUN-Bedroom"
    )
    assert runs(profile, "figure5", "WGAN", "0-GP") == runs(profile, "table3", "0-GP", "WGAN")


@pytest.mark.parametrize("profile", ["smoke", "paper"])
def test_the_sweep_meets_the_curves_where_its_settings_are_theirs(profile: str) -> None:
    for method in ("DCGAN", "DCGAN-DAT"):
        rate = runs(profile, "figure4", f"Learning Rate: {method}", "2e-4")
        betas = runs(profile, "figure4", f"(β1, β2): {method}", "(0.5, 0.999)")
        assert rate == betas == runs(profile, "figure8", method, "100")
    assert len({run for item in cells(profile, "figure4") for run in item.runs[:1]}) == 22


@pytest.mark.parametrize("profile", ["smoke", "quick", "paper"])
def test_every_point_of_the_curves_has_a_snapshot(profile: str) -> None:
    for item in cells(profile, "figure8"):
        run = plan(profile).runs[item.runs[0]]
        wanted = run.steps * int(item.cell.column) / 100
        nearest = min(snapshot_steps(run.steps, run.snapshots), key=lambda step: abs(step - wanted))
        assert abs(nearest - wanted) <= 0.5, (run.recipe, item.cell.column)


def test_the_curves_are_of_three_runs() -> None:
    assert {len(item.runs) for item in cells("paper", "figure8")} == {3}


@pytest.mark.parametrize("profile", ["smoke", "dat-cpu"])
def test_points_are_drawn_from_the_true_density_under_every_profile(profile: str) -> None:
    """No data set stands behind the toy GANs, so that none can be synthetic or a sample."""
    for item in cells(profile, "figure3"):
        for name in item.evaluations:
            evaluation = plan(profile).evaluations[name]
            assert evaluation.source == "real"
            assert evaluation.limit is None
            assert not {"synthetic_data", "sample_data"} & set(evaluation.stand_ins)


def test_the_two_mixtures_are_measured_apart() -> None:
    by_row: dict[str, set[str]] = {}
    for item in cells("paper", "figure3"):
        by_row.setdefault(item.cell.row, set()).update(item.evaluations)
    assert not by_row["balanced"] & by_row["imbalanced"]
    assert {len(names) for names in by_row.values()} == {
        3 + 6 * 3
    }  # three seeds of the truth and of six fits


def test_dat_cpu_trains_the_toys_in_full_and_ten_times() -> None:
    for item in cells("dat-cpu", "figure3"):
        assert not item.stand_ins
        if item.cell.recipe:
            assert {plan("dat-cpu").runs[run].steps for run in item.runs} == {10_000}
            assert len(item.runs) == 10
    options = [dict(item.cell.run_options) for item in cells("dat-cpu", "figure3")]
    assert {each.get("spread", "variance") for each in options} == {"variance", "standard_deviation"}


def test_a_profile_leaves_single_cells_out() -> None:
    live = {item.cell.column for item in cells("dat-cpu", "figure4") if item.cell.status == "live"}
    assert live == {"2e-4", "1e-3", "5e-3", "(0.5, 0.999)"}
    rest = [item.cell.reason for item in cells("dat-cpu", "figure4") if item.cell.status == "pending"]
    assert all("profile dat-cpu does not train" in reason for reason in rest)
    rows = {item.cell.row for item in cells("dat-cpu", "figure8") if item.cell.status == "live"}
    assert rows == {"DCGAN", "DCGAN-DAT"}


def test_every_reading_is_measured_at_the_same_weights() -> None:
    """The gradients are of table2's SNGAN and figure8's DCGAN, trained without DAT."""
    runs = {item.cell.row.partition(":")[0]: set[str]() for item in cells("paper", "figure_gradient")}
    for item in cells("paper", "figure_gradient"):
        runs[item.cell.row.partition(":")[0]].update(item.runs)
    of_tables = [("SNGAN", "table2", "SNGAN", "CIFAR-10"), ("DCGAN", "figure8", "DCGAN", "50")]
    for panel, artefact, row, column in of_tables:
        (wanted,) = {
            item.runs
            for item in cells("paper", artefact)
            if (item.cell.row, item.cell.column) == (row, column)
        }
        assert runs[panel] == set(wanted)
