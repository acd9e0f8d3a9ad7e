"""README's examples, word for word."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from papers_case import PROFILE, call, copied_package, repro_copied, run_copied
from repro.cli import app
from repro.core.paths import Layout
from repro.evaluate.result import read_result
from repro.plan.batches import make_batches
from repro.plan.config import load_config
from repro.plan.plan import build_plan

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_attack_example_runs() -> None:
    section = README.partition("## The attacks by themselves")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    check = "change = (attacked - images).flatten(1).norm(dim=1); assert 0.3 < change.max() < 0.5001"
    subprocess.run([sys.executable, "-c", found[1] + check], check=True)


def test_the_number_that_is_checked_is_printed_and_its_profile_plans_that_row_alone(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "check-one-number.md").read_text(encoding="utf-8")
    table, _, measuring = re.findall(r"```\w*\n(.*?)```", page, re.DOTALL)
    (profile,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    code, printed = call(*table.split()[1:], "--config", str(ROOT / "config"))
    assert code == 0
    assert "17.93 / 16.34 ± 2.33 ‡" in printed
    for site_page in re.findall(r"`(results/published/site/[^`]+)`", page):
        assert "How measured" in (ROOT / site_page).read_text(encoding="utf-8")
    config = Path(shutil.copytree(ROOT / "config", tmp_path / "config"))
    (config / "profiles" / "one-row.yaml").write_text(profile, encoding="utf-8")
    plan = build_plan(load_config(config, "one-row"))
    assert {(run.recipe, run.dataset, run.stand_ins) for run in plan.runs.values()} == {
        ("dat.dat_discriminator", "cifar10", ())
    }
    assert len(plan.runs) == 3
    assert next(iter(plan.runs.values())).steps == 10 * 10_000  # as the page says
    commands = [line.split() for line in measuring.splitlines()]
    known = get_command(app).commands  # type: ignore[attr-defined]
    assert all(words[0] == "snakemake" or words[1] in known for words in commands)
    code, printed = call(*commands[0][1:], "--config", str(config))
    assert code == 0
    assert "3 runs, 12 measurements, data: cifar10" in printed


def test_the_tolerances_are_those_that_are_used() -> None:
    found = load_config(ROOT / "config").settings.tolerances
    assert {name: found[name].absolute for name in ("accuracy", "is", "kid")} == {
        "accuracy": 1.0,
        "is": 0.2,
        "kid": 0.001,
    }
    assert found["fid"].relative == 0.05
    assert "(accuracy 1 point, IS 0.2, FID 5 %, KID 0.001; twice the printed ±" in README


@pytest.mark.parametrize("document", sorted(DOCUMENTS), ids=lambda path: path.name)
def test_links_of_documents_hold_in_a_clone(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, place = link.partition("#")
        target = document.parent / name if name else document
        assert "://" in link or target.exists(), link
        if place and "://" not in link:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert place in {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.slow
def test_a_row_of_ones_own_is_trained_and_measured(tmp_path: Path) -> None:
    section = README.partition("## Your own row")[2].partition("\n## ")[0]
    path = re.search(r"`src/repro/(methods/regularisers/\w+\.py)`", section)
    python = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    recipe, row = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert path
    assert python
    package = copied_package(tmp_path)
    (package / path[1]).write_text(python[1], encoding="utf-8")
    config = Path(shutil.copytree(ROOT / "config", tmp_path / "config"))
    profile = PROFILE.replace("name: tiny", "name: own").replace("{train: 2, evaluate: 3}", "{train: 1}")
    (config / "profiles" / "own.yaml").write_text(profile + "artefacts: [dat/table4]\n", encoding="utf-8")
    sheet = config / "papers" / "dat" / "sheet.yaml"
    text = sheet.read_text(encoding="utf-8")
    text = text.replace("\nevaluations:\n", f"\n{recipe}\nevaluations:\n", 1)
    table = text.index("\n  table4:\n")
    columns = text.index("    columns:\n", table)
    text = text[:columns] + row + text[columns:]
    bare = recipe.replace("    snapshots: 10 ", "    # ")
    sheet.write_text(text.replace(recipe, bare), encoding="utf-8")
    command = (
        "from repro.cli import main; import sys; sys.argv[1:] = ['validate', '--profile', 'own']; main()"
    )
    with pytest.raises(AssertionError, match=r"recipe dat\.sngan_drift leaves no snapshots"):
        run_copied(package, "-c", command)
    sheet.write_text(text, encoding="utf-8")
    plan = build_plan(load_config(config, "own"))
    own = [cell for cell in plan.cells["dat/table4"] if cell.row == "SNGAN + drift (ours)"]
    assert len(own) == len([cell for cell in plan.cells["dat/table4"] if cell.row == "SNGAN(Baseline)"]) > 0
    evaluations = dict.fromkeys(name for cell in own for name in cell.evaluations)
    specs = [plan.evaluations[name] for name in evaluations]
    trained = dict.fromkeys([spec.run for spec in specs] + [str(spec.extractor) for spec in specs])
    batches, told = make_batches(plan), ["--profile", "own"]
    commands = [["validate", *told], *(["train", *told, "--batch", batches.train_of[run]] for run in trained)]
    commands += [["evaluate", *told, "--batch", batches.evaluate_of[name]] for name in evaluations]
    repro_copied(package, *commands)
    layout = Layout(tmp_path / "results", "own")
    for cell in own:
        result = read_result(layout.evaluation(cell.evaluations[0]))
        assert result is not None
        assert result.values
