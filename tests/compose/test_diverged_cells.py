"""Seeds that diverged, from results to cells, tables and searches: counted, never averaged away."""

from __future__ import annotations

from pathlib import Path

import pytest

from papers_case import PROFILE, SHEET, plan
from repro.core.divergence import Divergence
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec
from repro.draw.tables import table_latex, table_markdown
from repro.evaluate.result import Result
from repro.judge.cells import Cell
from repro.plan.batches import make_batches
from repro.plan.plan import Plan
from repro.search.results import adopt, draw
from small_result import composed, leave_results, small_result

LOST = Divergence(quantity="d_loss", step=3, last_good_step=0, reason="d_loss is not finite")
SEARCH = """\
searches:
  rate:
    {recipe: twin, option: dropout, values: [0.1, 0.2], start: 0.2, seeds: 2, evaluation: test_accuracy,
     value: accuracy}
artefacts:
"""


def results_of(opened: Plan, lost: set[tuple[str, int]]) -> list[Result]:
    """Return what the measurements would write: 50 % and the seed; nothing of the runs in ``lost``."""
    results = []
    for spec in opened.evaluations.values():
        run = opened.runs[spec.run]
        results.append(_result(spec, run.seed, (run.recipe, run.seed) in lost))
    return results


def _result(spec: EvaluationSpec, seed: int, lost: bool) -> Result:
    return small_result(
        spec,
        values={} if lost else {"accuracy": 50.0 + seed, "is": 5.0},
        diverged=LOST if lost else None,
    )


def shown(tmp_path: Path, lost: set[tuple[str, int]]) -> tuple[dict[tuple[str, str], Cell], str, str]:
    """Return the cells of the small table by row and column, and the table as Markdown and LaTeX."""
    own = (
        "options: {network: embedding}\n  gan:"  # of the recipe twin, which then shares no run with baseline
    )
    sheet = SHEET.replace("recipe: later}", 'pending: "later"}').replace(
        own, own.replace("embedding", "embedding, weight_decay: 0.1")
    )
    profile = PROFILE.replace("max_seeds: 2", "max_seeds: 3\nmin_seeds: 3")
    opened = plan(tmp_path / "config", sheet=sheet, profile=profile)
    layout = Layout(tmp_path / "results", "tiny")
    artefact, cells, _ = composed(opened, layout, results_of(opened, lost))
    found = {(cell.row, cell.column): cell for cell in cells if cell.convention == "standard"}
    return found, table_markdown(artefact, cells, "tiny"), table_latex(artefact, cells, "tiny")


def test_some_of_several_seeds(tmp_path: Path) -> None:
    cells, markdown, latex = shown(tmp_path, {("gat.twin", 1)})
    twin = cells["left: Other", "CIFAR-10"]
    assert (twin.verdict, twin.diverged, twin.n_seeds, twin.measured) == ("diverged", 1, 2, 51.0)
    assert twin.stand_ins == ("synthetic_data", "reduced_budget", "changed_batch_size", "reduced_width")
    assert len(twin.runs) == 3
    gain = cells["left: Other", "gain"]  # each seed less the baseline's: of two seeds
    assert (gain.verdict, gain.diverged, gain.n_seeds, gain.measured) == ("diverged", 1, 2, 0.0)
    plain = cells["left: Baseline", "CIFAR-10"]
    assert (plain.verdict, plain.diverged, plain.n_seeds) == ("not comparable", 0, 3)
    assert "51.00 ± 1.41 ∞ 1/3" in markdown
    assert "∞ diverged: " in markdown
    assert r"$\infty$ 1/3" in latex


def test_all_seeds_and_those_of_the_other_side(tmp_path: Path) -> None:
    cells, markdown, _ = shown(tmp_path, {("gat.baseline", seed) for seed in range(3)})
    plain = cells["left: Baseline", "CIFAR-10"]
    assert (plain.verdict, plain.diverged, plain.n_seeds, plain.measured) == ("diverged", 3, 0, None)
    assert plain.stand_ins == ("synthetic_data", "reduced_budget", "changed_batch_size", "reduced_width")
    assert cells["left: Other", "gain"].diverged == 3
    assert cells["left: Other", "CIFAR-10"].verdict == "not comparable"
    assert "50.0 / diverged ∞ 3/3" in markdown
    assert "nan" not in markdown


@pytest.mark.parametrize("everything", [False, True])
def test_a_value_with_a_diverged_seed_never_wins_a_search(tmp_path: Path, everything: bool) -> None:
    sheet = SHEET.replace("recipe: later}", 'pending: "later"}').replace("artefacts:\n", SEARCH, 1)
    opened = plan(tmp_path / "config", sheet=sheet, profile=PROFILE + "searches: {steps: 3}\n")
    batches, layout = make_batches(opened), Layout(tmp_path / "results", "tiny")
    lost = [
        _result(candidate.evaluations[0], 0, lost=True)
        for candidate in opened.searches["gat/rate"].candidates
        if everything or candidate.value == 0.1
    ]
    leave_results(layout, batches, [*results_of(opened, set()), *lost])
    paths = draw(opened, batches, layout, "gat/rate")
    lines = [line.split(",") for line in paths[0].read_text().splitlines()[1:]]
    assert [line[2] for line in lines] == ["diverged", "diverged" if everything else "50.5000"]
    assert [line[5] for line in lines] == ["", "" if everything else "yes"]
    assert set(adopt(opened, batches, layout).values()) == (set() if everything else {0.2})
