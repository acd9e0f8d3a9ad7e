"""`repro new`: what it lays out is valid and planned at once, comments stay, nothing is overwritten."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from papers_case import SHEET, call, copied_package, repro_copied, run_copied, write_config
from repro.cli.scaffold.files import new_method
from repro.cli.scaffold.row import new_row
from repro.compose.paper_files import all_audited, all_reported
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.judge.audit import audit
from repro.plan.cells import MeasuredCell
from repro.plan.config import Config, load_config
from repro.plan.plan import build_plan
from repro.verify.validate import validate_plan

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "config", tmp_path / "config"))


def valid(config: Path) -> Config:
    opened = load_config(config, "smoke")
    validate_plan(build_plan(opened))
    return opened


def files(folder: Path) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()}


def test_a_new_paper_is_valid_and_planned_after_the_others(config: Path) -> None:
    before = build_plan(load_config(config, "smoke"))
    title = 'The "Good" \\sigma-GAN: <its> 𝓕amous authors\' & ours'
    code, printed = call("new", "paper", "sngan", "--title", title, "--config", str(config))
    assert code == 0, printed
    opened = valid(config)
    assert list(opened.sheets) == [*before.config.sheets, "sngan"]
    assert opened.sheets["sngan"].title == title
    after = build_plan(opened)
    assert list(after.cells) == [*before.cells, "sngan/table1"]
    assert {cell.metric for cell in after.cells["sngan/table1"]} == {"is", "fid"}
    assert all(cell.evaluations for cell in after.cells["sngan/table1"])


def test_the_examples_in_a_new_papers_files_are_valid_too(config: Path) -> None:
    call("new", "paper", "sngan", "--config", str(config))
    folder = config / "papers" / "sngan"
    code, printed = call("new", "row", "Ours", "--of", "sngan_table1", "--config", str(config))
    assert (code, printed.splitlines()[0]) == (0, str(folder / "sheet.yaml"))
    for name in ("claims.yaml", "audit.yaml", "ledger.yaml"):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        example = [line.removeprefix("# ") for line in lines if line.startswith(("# - ", "#   "))]
        assert len(example) > 4
        (folder / name).write_text("\n".join(example) + "\n", encoding="utf-8")
    with (folder / "reported.csv").open("a", encoding="utf-8") as file:
        file.write("sngan,table1,Baseline,CIFAR-10,fid,20,\nsngan,table1,Ours,CIFAR-10,fid,18,\n")
    opened = valid(config)
    (row,) = [row for row in audit(all_reported(opened), all_audited(opened)) if row.paper == "sngan"]
    assert row.verdict == "consistent"


@pytest.mark.parametrize(
    ("name", "words"), [("gat", "exists"), ("Sn_GAN", "cannot be called"), ("suite", "cannot")]
)
def test_a_paper_that_exists_or_cannot_be_is_refused(config: Path, name: str, words: str) -> None:
    before = files(config)
    code, printed = call("new", "paper", name, "--config", str(config))
    assert (code, words in printed, "remedy: choose another name" in printed) == (2, True, True), printed
    assert files(config) == before


@pytest.mark.parametrize(
    ("artefact", "like", "panel"),
    [
        ("dat/table4", "SNGAN-DAT (Discriminator only)", None),
        ("advgan/table1", None, None),  # its recipes are another paper's
        ("robgan/figure6", None, "CIFAR10"),  # a panel among several
    ],
)
def test_a_new_row_is_valid_and_all_else_stays(
    config: Path, artefact: str, like: str | None, panel: str | None
) -> None:
    opened = load_config(config, "smoke")
    paper = artefact.partition("/")[0]
    before = opened.sheet_path(paper).read_text(encoding="utf-8").splitlines()
    assert new_row(opened, artefact, "Ours (new)", like=like, panel=panel) == f"{paper}.ours_new"
    kept = iter(opened.sheet_path(paper).read_text(encoding="utf-8").splitlines())
    assert all(line in kept for line in before), "each old line is there, in the old order"
    again = valid(config)
    plan = build_plan(again)
    cells = plan.cells[artefact]
    added = [cell for cell in cells if cell.row.endswith("Ours (new)")]
    assert [cell for cell in cells if cell not in added] == build_plan(opened).cells[artefact]
    assert any(isinstance(cell, MeasuredCell) for cell in added)
    with pytest.raises(ReproError, match="has a row 'Ours"):
        new_row(again, artefact, "Ours (new)", panel=panel)
    assert new_row(again, artefact, "Another", panel=panel) == f"{paper}.another"


@pytest.mark.parametrize(
    ("artefact", "options", "words", "remedy"),
    [
        ("dat/table9", {}, "no artefact 'dat/table9'", "dat/table4"),
        ("dat/table4", {"like": "Nobody"}, "no row 'Nobody'", "SNGAN(Baseline)"),
        ("gat/figure2", {}, "no row with a recipe", "by hand"),
        ("dat/figure7", {"panel": "nowhere"}, "no panel 'nowhere'", "panels"),
        (
            "gat/figure3",
            {},
            "no list of their own",
            'by hand: - {name: "Ours"',
        ),  # two panels share them by an alias
    ],
)
def test_a_row_without_a_place_is_refused(
    config: Path, artefact: str, options: dict[str, str], words: str, remedy: str
) -> None:
    before = files(config)
    with pytest.raises(ReproError) as caught:
        new_row(load_config(config, "smoke"), artefact, "Ours", **options)
    assert words in caught.value.message
    assert remedy in caught.value.remedy
    assert files(config) == before


def test_a_row_may_be_called_by_a_number_but_its_recipe_may_not(config: Path) -> None:
    for name in ("2/255", "1e-3"):
        assert new_row(load_config(config, "smoke"), "dat/table4", name).startswith("dat.")
        (made,) = [
            row for panel in valid(config).sheets["dat"].artefacts["table4"].panels for row in panel.rows
            if row.name == name
        ]  # fmt: skip
        assert made.recipe
    before = files(config)
    with pytest.raises(ReproError) as caught:
        new_row(load_config(config, "smoke"), "dat/table4", "100")
    assert caught.value.where == str(config / "papers" / "dat" / "sheet.yaml")
    assert caught.value.remedy == "choose another name"
    assert files(config) == before
    assert new_row(load_config(config, "smoke"), "dat/table4", "100 steps") == "dat.100_steps"


@pytest.mark.slow
def test_a_new_method_trains_at_once_and_is_clean(tmp_path: Path) -> None:
    package = copied_package(tmp_path)
    (path,) = new_method("logit_drift", package / "methods")
    sheet = SHEET.replace("method: gan", "method: logit_drift").replace(
        "network: sngan", "network: dcgan, weight: 0.5"
    )
    write_config(tmp_path / "config", sheet=sheet)
    plan = build_plan(load_config(tmp_path / "config"))
    name = next(name for name, spec in plan.runs.items() if spec.method == "logit_drift")
    repro_copied(package, ["validate"], ["train", "--run", name])
    assert '"d_auxiliary"' in Layout(tmp_path / "results", "tiny").log(name).read_text()
    for check in (["check"], ["format", "--check"]):
        run_copied(package, "-m", "ruff", *check, "--config", str(ROOT / "pyproject.toml"), str(path))
    with pytest.raises(ReproError, match="nothing is overwritten"):
        new_method("logit_drift", package / "methods")
    with pytest.raises(ReproError, match="cannot be called 'Drift'"):
        new_method("Drift", package / "methods")
