"""A small table: flags from an audit onto every attacked cell of its run and no other; verdicts, claims."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from papers_case import PROFILE, SETTINGS, plan
from repro.compose.artefact import draw_artefact
from repro.compose.join import join_cells
from repro.core.files import atomic_write_json
from repro.core.paths import Layout
from repro.core.records import mixed_code
from repro.core.spec import EvaluationSpec, RunSpec
from repro.draw.tables import table_latex, table_markdown
from repro.evaluate.result import Result
from repro.plan.batches import make_batches
from repro.plan.plan import Plan
from small_result import composed, facts, leave_results, small_result

SHEET = """\
order: 1
name: GAT
title: "A test"
recipes:
  plain: &plain
    method: classifier
    workload: classifier
    dataset: cifar10
    budget: {epochs: 10, batch_size: 100}
    options: {network: embedding}
  other: {<<: *plain, options: {network: embedding, weight_decay: 0.1}}
evaluations:
  clean: {measure: accuracy}
  pgd:
    measure: robust_accuracy
    options: {radii: [0, 0.1]}
    conventions: {standard: {split: test}, published_code: {split: train, first: 200}}
  audit: {measure: auto_attack, options: {radii: [0.1]}}
artefacts:
  table1:
    kind: table
    title: "Attacked"
    source: "Table 1"
    rows:
      - {name: "Plain", recipe: plain}
      - {name: "Other", recipe: other}
    columns:
      - {name: "clean", metric: accuracy, evaluation: clean}
      - {name: "PGD 0", metric: accuracy, evaluation: pgd, value: "accuracy@0"}
      - {name: "PGD 0.1", metric: accuracy, evaluation: pgd, value: "accuracy@0.1"}
      - {name: "AutoAttack", metric: accuracy, evaluation: audit, value: "accuracy@0.1"}
"""


SEEDED = SHEET.replace("workload: classifier", "workload: classifier\n    seeds: 3")
GAIN = '      - {name: "gain", metric: accuracy_gain, evaluation: clean, value: "accuracy", minus: plain}\n'
WHOLE = "name: tiny\ntitle: a test\ndata: real\nmax_seeds: 3\ndevice: cpu\n"
SEEDS = PROFILE.replace("max_seeds: 2", "max_seeds: 3")


def nothing(run: RunSpec) -> dict[str, float]:
    return {}


def results_of(
    opened: Plan, suspect: str = "none", more: Callable[[RunSpec], dict[str, float]] = nothing
) -> list[Result]:
    """Return what the measurements would write, and ``more`` of each run; ``suspect`` has two flags."""
    results = []
    for spec in opened.evaluations.values():
        result = _result(spec, spec.run == suspect)
        values = {**result.values, **more(opened.runs[spec.run])}
        results.append(result.model_copy(update={"values": values}))
    return results


def _result(spec: EvaluationSpec, suspect: bool) -> Result:
    audit = spec.measure == "auto_attack"
    return small_result(
        spec,
        values={"accuracy": 50.0, "accuracy@0": 50.0, "accuracy@0.1": 10.0},
        stand_ins=(),
        data=facts(1500, str(spec.options.get("split", "test"))),
        checkpoint_sha256="c0ffee",
        threat_model=None if spec.measure == "accuracy" else f"attacked by {spec.measure}",
        flags=("square_beats_gradients", "restarts_matter") if audit and suspect else (),
    )


def test_an_audit_marks_the_attacked_cells_of_its_run(tmp_path: Path) -> None:
    profile = PROFILE.replace("max_seeds: 2", "max_seeds: 1")
    opened = plan(tmp_path / "config", sheet=SHEET, profile=profile)
    layout = Layout(tmp_path / "results", "tiny")
    suspect = next(run.run_id for run in opened.runs.values() if run.recipe == "gat.plain")

    artefact, cells, texts = composed(opened, layout, results_of(opened, suspect))

    found = {(cell.row, cell.column): cell.flags for cell in cells}
    both = ("square_beats_gradients", "restarts_matter")
    assert {key: value for key, value in found.items() if value} == {
        ("Plain", "PGD 0.1"): both,
        ("Plain", "AutoAttack"): both,
    }
    assert any(",square_beats_gradients+restarts_matter" in text for text in texts.values())
    assert set(artefact.threat_models) == {
        "standard convention: attacked by robust_accuracy, on 1,500 test images",
        "published code convention: attacked by robust_accuracy, on 200 train images",
        "standard convention: attacked by auto_attack, on 1,500 test images",
    }
    limits = {spec.measure: spec.limit for spec in opened.evaluations.values() if spec.limit is not None}
    assert dict(artefact.images) == limits != {}
    markdown = table_markdown(artefact, cells, "tiny")
    (plain,) = [line for line in markdown.splitlines() if line.startswith("| Plain")]
    assert plain.count("⚑") == 3
    assert "⚑ suspect" in markdown.splitlines()[-1]
    assert "an attack that uses none is stronger" in markdown
    assert table_latex(artefact, cells, "tiny").count(r"$\blacktriangleright$") == 4


def test_a_training_that_went_wrong_marks_every_number_of_its_run(tmp_path: Path) -> None:
    opened = plan(tmp_path / "config", sheet=SHEET)
    layout = Layout(tmp_path / "results", "tiny")
    results = results_of(opened, more=lambda run: {"accuracy": 50.0 + run.seed})
    results += [
        _result(spec, suspect=False).model_copy(update={"flags": ("overfitting",)})
        for spec in opened.evaluations.values()
        if spec.measure == "accuracy" and opened.runs[spec.run].recipe == "gat.plain"
    ]
    _, cells, _ = composed(opened, layout, results)
    marked = {(cell.row, cell.column) for cell in cells if "overfitting" in cell.flags}
    assert ("Plain", "clean") in marked
    assert {row for row, _ in marked} == {"Plain"}


def test_printed_numbers_and_tolerances_reach_the_verdict(tmp_path: Path) -> None:
    opened = plan(tmp_path / "config", sheet=SEEDED, profile=WHOLE)
    layout = Layout(tmp_path / "results", "tiny")
    (tmp_path / "config/papers/gat/reported.csv").write_text(
        "paper,artefact,row,column,metric,value,std\n"
        "gat,table1,Plain,clean,accuracy,50.5,0.4\ngat,table1,Other,clean,accuracy,48.2,1.5\n"
    )
    results = results_of(opened, more=lambda run: {"accuracy": 50 + 0.1 * run.seed})
    _, cells, _ = composed(opened, layout, results)
    found = {c.row: (c.verdict, c.tolerance, c.reported_std) for c in cells if c.column == "clean"}
    assert found == {"Plain": ("reproduced", 1.0, 0.4), "Other": ("reproduced", 3.0, 1.5)}


def test_an_attacker_of_one_convention_or_of_all_is_named_once(tmp_path: Path) -> None:
    def models(conventions: str) -> tuple[str, ...]:
        sheet = SHEET.replace(SHEET[SHEET.index("    conventions:") : SHEET.index("  audit:")], conventions)
        folder = tmp_path / str(len(conventions))
        opened = plan(folder / "config", sheet=sheet)
        layout = Layout(folder / "results", "tiny")
        return composed(opened, layout, results_of(opened))[0].threat_models

    pgd, audit = (f"attacked by {name}, on 1,500 test images" for name in ("robust_accuracy", "auto_attack"))
    assert models("") == (pgd, audit)
    alike = "    conventions: {standard: {batch_size: 100}, paper: {batch_size: 250}}\n"
    assert models(alike) == (f"standard and paper convention: {pgd}", f"standard convention: {audit}")


def test_seeds_that_all_give_one_number_are_marked(tmp_path: Path) -> None:
    opened = plan(tmp_path / "config", sheet=SEEDED, profile=SEEDS)
    layout = Layout(tmp_path / "results", "tiny")
    artefact, cells, _ = composed(opened, layout, results_of(opened))
    marked = [cell for cell in cells if "seeds_alike" in cell.flags]
    assert marked == [cell for cell in cells if cell.n_seeds >= 3] != []
    assert "look whether they are used" in table_markdown(artefact, cells, "tiny")


@pytest.mark.parametrize("why", ["a picture's count", "another number differs"])
def test_seeds_that_were_used_are_not_marked(tmp_path: Path, why: str) -> None:
    counted = why == "a picture's count"
    sheet = SEEDED.replace("metric: accuracy", "metric: images") if counted else SEEDED
    opened = plan(tmp_path / "config", sheet=sheet, profile=SEEDS)
    layout = Layout(tmp_path / "results", "tiny")
    results = results_of(opened, more=lambda run: {"images": 500.0, "beside": 0.0 if counted else run.seed})
    _, cells, _ = composed(opened, layout, results)
    assert max(cell.n_seeds for cell in cells) == 3
    assert [cell for cell in cells if cell.flags] == []


def session(source: str, commit: str = "c0ffee") -> dict[str, object]:
    """Return what a run's record says of a session; an older one names no ``source``."""
    told = {"training_code": {"source": source, "torch": "2"}} if source else {}
    return {"step": 0, "code": {"version": "0.1.0", "commit": commit, "changed": False}, **told}


def record_of(run: RunSpec, *sessions: dict[str, object]) -> dict[str, object]:
    return {"run_id": run.run_id, "spec": run.model_dump(mode="json"), "sessions": list(sessions)}


@pytest.mark.parametrize(
    ("sessions", "mixed"),
    [
        ([[session("a")], [session("a")], [session("a")]], False),
        ([[session("a")], [session("b")], [session("a")]], True),
        ([[session("a", "1")], [session("a", "2")], [session("a", "3")]], False),  # no training changed
        ([[session("", "1")], [session("", "2")], [session("", "1")]], True),
        ([[session("", "1")], [session("", "1")], [session("", "1")]], False),
        ([[session("a")], [session("a"), session("b")], [session("a")]], True),
        ([], False),  # results whose runs are elsewhere
    ],
)
def test_a_mean_over_seeds_of_different_code_is_marked(
    tmp_path: Path, sessions: list[list[dict[str, object]]], mixed: bool
) -> None:
    opened = plan(tmp_path / "config", sheet=SEEDED + GAIN, profile=SEEDS)
    layout = Layout(tmp_path / "results", "tiny")
    for run in opened.runs.values() if sessions else ():
        other = run.recipe != "gat.plain"  # trained later, by newer code: no seed of one recipe differs
        own = [session("c")] if other else sessions[run.seed]
        atomic_write_json(layout.record(run.run_id), record_of(run, *own))
    results = results_of(opened, more=lambda run: {"accuracy": 50.0 + run.seed**2})
    artefact, cells, texts = composed(opened, layout, results)
    marked = {(cell.row, cell.column) for cell in cells if "mixed_code" in cell.flags}
    plain = {(cell.row, cell.column) for cell in cells if cell.row == "Plain"}
    assert marked == (plain | {("Other", "gain")} if mixed else set())
    told = [table_markdown(artefact, cells, "tiny"), *texts.values()]
    assert ("trained by several versions of the code" in told[0]) == mixed
    assert any("mixed_code" in text for text in told[1:]) == mixed


def test_seeds_whose_parents_were_trained_by_different_code_are_marked() -> None:
    def run(name: str, seed: int, parent: RunSpec | None = None) -> RunSpec:
        return RunSpec(
            recipe=name, method="gan", dataset="cifar10", source="synthetic", seed=seed, steps=2,
            batch_size=2, options={"name": name}, parent=parent and parent.run_id,
        )  # fmt: skip

    parents = [run("parent", seed) for seed in range(2)]
    children = [run("child", parent.seed, parent) for parent in parents]

    def mixed(of_parents: str, of_children: str) -> bool:
        told = [*zip(parents, of_parents, strict=True), *zip(children, of_children, strict=True)]
        records = {spec.run_id: record_of(spec, session(code)) for spec, code in told}
        return mixed_code([spec.run_id for spec in children], records.__getitem__)

    assert mixed("ab", "cc")
    assert mixed("aa", "cd")
    assert not mixed("aa", "cc")  # what each starts from is of one code


def test_differences_that_only_rounding_tells_apart_are_one_number(tmp_path: Path) -> None:
    opened = plan(tmp_path / "config", sheet=SEEDED + GAIN, profile=SEEDS)
    layout = Layout(tmp_path / "results", "tiny")
    plain, other = (40.0, 38.6, 41.2), (40.2, 38.8, 41.4)
    results = results_of(
        opened, more=lambda run: {"accuracy": (plain if run.recipe == "gat.plain" else other)[run.seed]}
    )
    _, cells, _ = composed(opened, layout, results)
    found = {cell.row: cell for cell in cells if cell.column == "gain"}["Other"]
    assert (found.measured, found.measured_std, found.flags) == (pytest.approx(0.2), 0.0, ())


def test_a_profile_that_makes_a_measurement_cheaper_marks_it(tmp_path: Path) -> None:
    cheaper = PROFILE.replace("generated: 40}", "generated: 40, options_of: {auto_attack: {steps: 2}}}")
    full = plan(tmp_path / "full", sheet=SHEET)
    less = plan(tmp_path / "less", sheet=SHEET, profile=cheaper)

    def audits(opened: Plan) -> list[EvaluationSpec]:
        return [spec for spec in opened.evaluations.values() if spec.measure == "auto_attack"]

    assert {spec.options.get("steps") for spec in audits(full)} == {None}
    assert {spec.options.get("steps") for spec in audits(less)} == {2}
    assert all("reduced_budget" in spec.stand_ins for spec in audits(less))
    others = [spec for spec in less.evaluations.values() if spec.measure != "auto_attack"]
    assert {spec.evaluation_id for spec in others} <= full.evaluations.keys()


NARROW = f"{WHOLE}recipes:\n  gat.other: {{width: 0.5}}\n"
AT = "artefact: table1, metric: accuracy"
CLAIMS = f"""\
- id: gat.attacked
  statement: "An attack lowers accuracy"
  source: "Table 1"
  all:
    - {{left: {{{AT}, row: Plain, column: "PGD 0.1"}}, relation: less, right: {{column: clean}}}}
- id: gat.other
  statement: "The other is better"
  source: "Table 1"
  all:
    - {{left: {{{AT}, row: Other, column: clean}}, relation: greater, right: {{row: Plain}}}}
"""


@pytest.mark.parametrize("least", [3, 4])
def test_claims_are_judged_by_runs_scales_and_the_suites_rules(tmp_path: Path, least: int) -> None:
    settings = SETTINGS + f"claims: {{seeds: {least}}}\n"
    opened = plan(tmp_path / "config", sheet=SEEDED, profile=NARROW, settings=settings)
    (tmp_path / "config/papers/gat/claims.yaml").write_text(CLAIMS)
    layout, batches = Layout(tmp_path / "results", "tiny"), make_batches(opened)
    results = results_of(
        opened,
        more=lambda run: {
            "accuracy": 50.0 + 5 * run.seed,
            "accuracy@0.1": 49.0 + 5 * run.seed + 0.01 * run.seed**2,
        },
    )
    leave_results(layout, batches, results)
    draw_artefact(opened, batches, layout, "gat/table1")
    join_cells(opened, layout)
    found = {row["id"]: row for row in csv.DictReader((layout.root / "claims.csv").open())}
    assert (
        "the rows differ in stand-ins (reduced_width / none), width (0.5 / 1)" in found["gat.other"]["reason"]
    )
    attacked = found["gat.attacked"]
    if least == 4:
        assert "fewer than 4 seeds" in attacked["reason"]
    else:
        assert "run by run" in attacked["reason"]
        assert float(attacked["p"]) < 0.001  # spreads of 5 points between the runs play no part
        assert attacked["verdict"] == "supported"
