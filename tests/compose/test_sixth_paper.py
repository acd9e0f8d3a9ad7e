"""A sixth paper beside the others: planned, trained, drawn, judged and reported by unchanged code."""

from __future__ import annotations

import ast
import csv
import re
from contextlib import chdir
from pathlib import Path

import pytest

from dag_case import copy_checkout, snakemake
from papers_case import call, plan_of
from repro.compose.paper_files import all_claims, whole_ledger
from repro.plan.config import load_config
from repro.plan.plan import build_plan

ROOT = Path(__file__).parents[2]
FILES = {
    "sheet.yaml": """\
order: 6
name: "SN-GAN"
title: "Spectral Normalization for Generative Adversarial Networks"
recipes:
  standard_cnn: &recipe
    method: gan
    workload: gan
    dataset: cifar10
    budget: {steps: 100000, batch_size: 64}
    options: {network: dcgan, n_dis: 5}
  resnet: {<<: *recipe, options: {network: sngan, n_dis: 5}}   # ledger sngan.latents
evaluations:
  fidelity: {measure: fidelity, options: {reference_split: train}}
artefacts:
  table1:
    kind: table
    title: "Inception scores and FIDs with unsupervised image generation"
    source: "Table 2, Sec. 4.1"
    rows:
      - {name: "SN-GANs, Standard CNN", recipe: standard_cnn}
      - {name: "SN-GANs, ResNet", recipe: resnet}
    columns:
      - {name: "CIFAR-10", metric: is, evaluation: fidelity}
      - {name: "CIFAR-10", metric: fid, evaluation: fidelity}
""",
    "reported.csv": """\
paper,artefact,row,column,metric,value,std
sngan,table1,"SN-GANs, Standard CNN",CIFAR-10,is,7.42,.08
sngan,table1,"SN-GANs, Standard CNN",CIFAR-10,fid,29.3,
sngan,table1,"SN-GANs, ResNet",CIFAR-10,is,8.22,.05
sngan,table1,"SN-GANs, ResNet",CIFAR-10,fid,21.7,.21
""",
    "claims.yaml": """\
- id: sngan.resnet
  statement: "The ResNet does better than the standard CNN"
  source: "Sec. 4.1"
  all:
    - left: {artefact: table1, row: "SN-GANs, ResNet", column: CIFAR-10, metric: fid}
      relation: less
      right: {row: "SN-GANs, Standard CNN"}
""",
    "audit.yaml": """\
- id: sngan.gain
  statement: "The ResNet's FID is lower by 7.6"
  source: "Table 2"
  stated: 7.6
  compute:
    difference:
      - {cell: [sngan/table1, "SN-GANs, Standard CNN", CIFAR-10, fid]}
      - {cell: [sngan/table1, "SN-GANs, ResNet", CIFAR-10, fid]}
  decimals: 1
""",
    "ledger.yaml": """\
- id: sngan.latents
  source: "Sec. 4"
  text: "How many latents there are is not said."
  affects: [sngan/table1]
  choice: "128"
  option: {name: gan.latent_dim, values: [128, 100]}
  measured_by: null
""",
    "cost.yaml": "- {recipes: '*', baseline: standard_cnn}\n",
}
PROFILE = """\
name: sixth
title: the sixth paper alone
data: synthetic
limits: {train: 100, test: 50}
workloads:
  gan: {steps: 2, batch_size: 8, width: 0.125, seeds: 1}
  features: {steps: 3, batch_size: 16}
measuring: {images: 30, generated: 40}
batches: {train: 10, evaluate: 10}
device: cpu
artefacts: [sngan/table1]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout with six papers."""
    copy_checkout(tmp_path)
    own = tmp_path / "config" / "papers" / "sngan"
    own.mkdir()
    for name, text in FILES.items():
        (own / name).write_text(text, encoding="utf-8")
    (tmp_path / "config" / "profiles" / "sixth.yaml").write_text(PROFILE, encoding="utf-8")
    return tmp_path


def test_it_is_planned_beside_the_others_and_changes_nothing_of_theirs(folder: Path) -> None:
    five, six = plan_of("smoke"), build_plan(load_config(folder / "config", "smoke"))
    assert list(six.cells) == [*five.cells, "sngan/table1"]
    assert {name: six.cells[name] for name in five.cells} == five.cells
    assert five.runs.items() <= six.runs.items()
    assert five.evaluations.items() <= six.evaluations.items()
    assert [len(cell.evaluations) for cell in six.cells["sngan/table1"]] == [1] * 4
    new = {run.recipe for name, run in six.runs.items() if name not in five.runs}
    assert new == {"sngan.standard_cnn", "sngan.resnet"}
    assert [claim.id for claim in all_claims(six.config)][-1] == "sngan.resnet"
    assert "sngan.latents" in [item.id for item in whole_ledger(six.config)]


@pytest.mark.slow
def test_it_is_trained_drawn_judged_and_reported_by_the_dag(folder: Path) -> None:
    snakemake(folder, "figures/", "--config", "profile=sixth")
    figures = folder / "figures"

    def rows(name: str) -> list[dict[str, str]]:
        with (figures / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    cells = rows("cells.csv")
    assert [(cell["paper"], cell["metric"]) for cell in cells] == [("sngan", "is"), ("sngan", "fid")] * 2
    assert [cell["reported"] for cell in cells] == ["7.42", "29.3", "8.22", "21.7"]
    assert all(cell["measured"] and cell["verdict"] == "not comparable" for cell in cells)
    assert [(row["id"], row["verdict"]) for row in rows("claims.csv")] == [("sngan.resnet", "not comparable")]
    assert {row["id"]: row["verdict"] for row in rows("audit.csv")}["sngan.gain"] == "consistent"
    costs = {row["recipe"]: row for row in rows("cost.csv")}
    assert costs["sngan.resnet"]["baseline"] == "sngan.standard_cnn"
    assert float(costs["sngan.resnet"]["relative"]) > 0
    assert (figures / "sngan" / "table1.png").stat().st_size > 1000
    assert "| SN-GANs, ResNet | 8.22" in (figures / "sngan" / "table1.md").read_text(encoding="utf-8")
    index, page = ((figures / name).read_text(encoding="utf-8") for name in ("index.html", "sngan.html"))
    for name in ("claims/sngan.resnet.html", "audit/sngan.gain.html", "ledger/sngan.latents.html"):
        assert (figures / name).is_file(), name
    assert 'href="claims/sngan.resnet.html"' in index
    assert "<h1>SN-GAN</h1>" in page
    assert "Spectral Normalization for Generative Adversarial Networks" in page
    with chdir(folder):
        code, printed = call("verify", "--profile", "sixth")
    assert code == 0, printed


def words_of(path: Path) -> set[str]:
    """Return the words of a file; of a Python file only those of its strings, comments aside."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        strings = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
        text = "\n".join(value for value in strings if isinstance(value, str))
    return set(re.findall(r"(?<![\w-])[a-z0-9]+(?![\w-])", text))  # not those of profiles such as `gat-cpu`


def test_a_list_of_papers_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('PAPERS = ("gat", "dat")  # robgan\n')
    (tmp_path / "Snakefile").write_text('paper="robgan|advgan",\n')
    assert words_of(tmp_path / "a.py") == {"gat", "dat"}
    assert {"robgan", "advgan"} <= words_of(tmp_path / "Snakefile")


def test_no_shared_file_lists_the_papers() -> None:
    """An example in a help text names one paper; methods and attacks have their papers' names for them."""
    papers = set(load_config(ROOT / "config").sheets)
    package = ROOT / "src" / "repro"
    own = [package / name for name in ("draw/figures", "methods", "attacks", "models")]
    shared = [path for path in package.rglob("*.py") if not any(map(path.is_relative_to, own))]
    templates = [path for folder in package.rglob("templates") for path in folder.rglob("*.*")]
    assert {".html", ".md"} <= {path.suffix for path in templates}
    shared += [*templates, *(ROOT / "workflow").rglob("*.smk")]
    shared += [ROOT / "Snakefile", ROOT / "Makefile"]
    assert len(shared) > 100
    assert [path for path in shared if len(words_of(path) & papers) > 1] == []
