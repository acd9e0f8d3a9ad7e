"""DAT's figures in the plan: they share the tables' runs, and the toy data is no stand-in."""

from __future__ import annotations

import pytest

from papers_case import plan_of
from repro.core.spec import snapshot_steps
from repro.plan.cells import MeasuredCell, PendingCell, PlannedCell

KINDS = MeasuredCell, PendingCell


def cells(profile: str, artefact: str) -> list[PlannedCell]:
    return plan_of(profile).cells[f"dat/{artefact}"]


def runs(profile: str, artefact: str, row: str, column: str) -> set[tuple[str, ...]]:
    return {cell.runs for cell in cells(profile, artefact) if (cell.row, cell.column) == (row, column)}


@pytest.mark.parametrize(
    "name", ["figure1", "figure3", "figure4", "figure5", "figure8", "figure9", "figure11"]
)
@pytest.mark.parametrize("profile", ["smoke", "quick", "paper"])
def test_no_cell_is_pending(name: str, profile: str) -> None:
    assert {type(cell) for cell in cells(profile, name)} == {MeasuredCell}


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
        run = plan_of(profile).runs[item.runs[0]]
        wanted = run.steps * int(item.column) / 100
        nearest = min(snapshot_steps(run.steps, run.snapshots), key=lambda step: abs(step - wanted))
        assert abs(nearest - wanted) <= 0.5, (run.recipe, item.column)


def test_the_curves_are_of_three_runs() -> None:
    assert {len(item.runs) for item in cells("paper", "figure8")} == {3}


@pytest.mark.parametrize("profile", ["smoke", "dat-toy"])
def test_points_are_drawn_from_the_true_density_under_every_profile(profile: str) -> None:
    """No data set stands behind the toy GANs, so that none can be synthetic or a sample."""
    for item in cells(profile, "figure3"):
        for name in item.evaluations:
            evaluation = plan_of(profile).evaluations[name]
            assert evaluation.source == "real"
            assert evaluation.limit is None
            assert not {"synthetic_data", "sample_data"} & set(evaluation.stand_ins)


def test_the_two_mixtures_are_measured_apart() -> None:
    by_row: dict[str, set[str]] = {}
    for item in cells("paper", "figure3"):
        by_row.setdefault(item.row, set()).update(item.evaluations)
    assert not by_row["balanced"] & by_row["imbalanced"]
    assert {len(names) for names in by_row.values()} == {
        3 + 6 * 3
    }  # three seeds of the truth and of six fits


def test_dat_toy_trains_the_mixtures_in_full_and_ten_times() -> None:
    spreads = set()
    for item in cells("dat-toy", "figure3"):
        assert isinstance(item, MeasuredCell)
        assert not item.stand_ins
        specs = [plan_of("dat-toy").runs[run] for run in item.runs]
        assert [spec.steps for spec in specs] == ([] if item.column == "real samples" else 10 * [10_000])
        spreads |= {spec.options["spread"] for spec in specs}
    assert spreads == {"variance", "standard_deviation"}


def test_a_profile_leaves_single_cells_out() -> None:
    of = {kind: [c for c in cells("dat-cpu", "figure4") if isinstance(c, kind)] for kind in KINDS}
    assert {item.column for item in of[MeasuredCell]} == {"2e-4", "1e-3", "5e-3", "(0.5, 0.999)"}
    assert {item.reason for item in of[PendingCell]} == {"profile dat-cpu leaves such cells out"}
    table3 = plan_of("rgan-cpu").cells["rgan/table3"]
    other = {item.reason for item in table3 if isinstance(item, PendingCell)}
    assert "profile rgan-cpu does not train rgan.wgan_gp on cifar10" in other
    measured = {item.row for item in cells("dat-cpu", "figure8") if isinstance(item, MeasuredCell)}
    assert measured == {"DCGAN", "DCGAN-DAT"}


def test_every_reading_is_measured_at_the_same_weights() -> None:
    """The gradients are of table2's SNGAN and figure8's DCGAN, trained without DAT."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for item in cells("paper", "figure_gradient"):
        found.setdefault(item.row.partition(":")[0], set()).add(item.runs)
    assert found["SNGAN"] == runs("paper", "table2", "SNGAN", "CIFAR-10")
    assert found["DCGAN"] == runs("paper", "figure8", "DCGAN", "50")
