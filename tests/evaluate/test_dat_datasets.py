"""DAT's tables on STL-10, Tiny-ImageNet and LSUN: from files of the published formats to marked numbers."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from data_archives import write_lsun, write_stl10, write_tiny_imagenet
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec
from repro.data.load import load_images
from repro.evaluate.batch import evaluate_batch
from repro.evaluate.context import Context, Shared
from repro.evaluate.result import read_result
from repro.plan.config import load_config
from repro.plan.plan import Plan, build_plan
from repro.plan.profile import Profile
from repro.train.run import train_run

CONFIG = Path(__file__).parents[2] / "config"
CPU = torch.device("cpu")
TINY = Profile.model_validate(
    {
        "name": "tiny",
        "title": "a test",
        "data": "real",
        "workloads": {
            "gan": {"steps": 1, "batch_size": 8, "width": 0.03, "snapshots": 1},
            "features": {"steps": 1, "batch_size": 8, "width": 0.1},
        },
        "measuring": {"generated": 20},
        "artefacts": ["dat/table1", "dat/table2"],
    }
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return build_plan(replace(load_config(CONFIG, "paper"), profile=TINY))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with a few files of each set in its published layout."""
    folder = tmp_path_factory.mktemp("data")
    write_stl10(folder / "stl10_binary", train=20, test=12, unlabeled=12)
    write_tiny_imagenet(folder / "tiny-imagenet-200", train=1)
    write_lsun(folder / "lsun_bedroom", 12)
    write_lsun(folder / "lsun_bedroom", 12, "val")
    return folder


SETS = [
    ("stl10", "fidelity_unlabeled", "unlabeled", 48, "stl10"),
    ("tiny_imagenet", "fidelity_train", "train", 64, "tiny_imagenet"),
    ("lsun_bedroom", "fidelity_train", "train", 64, "tiny_imagenet"),
]


@pytest.mark.parametrize(("dataset", "evaluation", "split", "side", "lender"), SETS)
def test_a_part_of_the_real_set_is_trained_on_measured_and_marked(
    plan: Plan, root: Path, tmp_path: Path, dataset: str, evaluation: str, split: str, side: int, lender: str
) -> None:
    cells = [
        cell
        for cell in plan.cells["dat/table2"]
        if (cell.row, cell.convention) == ("SNGAN", "paper") and plan.runs[cell.runs[0]].dataset == dataset
    ]
    assert len(cells) == (4 if dataset == "lsun_bedroom" else 5)
    declared = plan.config.evaluations[f"dat.{evaluation}"]
    asked = {**declared.options, **declared.conventions["paper"]}
    (spec,) = {
        spec.evaluation_id: spec
        for spec in (plan.evaluations[cell.evaluations[0]] for cell in cells)
        if spec.measure == declared.measure and asked.items() <= spec.options.items()
    }.values()
    assert spec.options["reference_split"] == split
    assert spec.extractor is not None
    run, extractor = plan.runs[spec.run], plan.runs[spec.extractor]
    assert extractor.dataset == lender
    layout = Layout(tmp_path, "tiny")
    for each in (extractor, run):
        train_run(each, layout, device=CPU, data_root=root, progress=False)
    evaluate_batch([spec], layout, tmp_path / "manifest.json", device=CPU, data_root=root)
    result = read_result(layout.evaluation(spec.evaluation_id))
    assert result is not None
    assert result.values["generated"] == 20
    assert result.values["reference"] == (200 if dataset == "tiny_imagenet" else 12)
    assert {"sample_data", "embedded_features", "reduced_budget", "reduced_width"} <= set(result.stand_ins)
    assert run.options.get("train_split", "train") == split
    assert run.options["decay"] == ("none" if dataset == "tiny_imagenet" else "linear")


def test_the_tables_share_their_runs(plan: Plan) -> None:
    table1 = {run for item in plan.cells["dat/table1"] for run in item.runs}
    assert len({run.rpartition("-s")[0] for run in table1}) == 5
    assert table1 == {
        run for item in plan.cells["dat/table2"] if item.row == "SNGAN-DAT" for run in item.runs
    }


def test_a_whole_split_counts_against_the_split_that_the_column_names(plan: Plan) -> None:
    """100,000 unlabelled images are STL-10's whole training set, not its 5,000 labelled ones."""
    paper = build_plan(replace(load_config(CONFIG, "paper"), profile=replace_limits(train=50_000)))
    runs = [run for run in paper.runs.values() if run.recipe == "dat.sngan"]
    limited = {run.dataset for run in runs if "sample_data" in run.stand_ins}
    assert limited == {"stl10", "tiny_imagenet", "lsun_bedroom"}


def replace_limits(**limits: int) -> Profile:
    return Profile.model_validate({**TINY.model_dump(), "limits": limits})


def test_an_unknown_lender_of_features_is_an_error_with_its_line(tmp_path: Path) -> None:
    copy = tmp_path / "config"
    shutil.copytree(CONFIG, copy)
    text = (CONFIG / "config.yaml").read_text(encoding="utf-8")
    assert "lsun_bedroom: tiny_imagenet" in text
    (copy / "config.yaml").write_text(
        text.replace("lsun_bedroom: tiny_imagenet", "lsun_bedroom: tinyimagenet")
    )
    with pytest.raises(ReproError, match="tinyimagenet") as caught:
        load_config(copy, "smoke")
    assert caught.value.where == str(copy / "config.yaml")
    assert caught.value.line


def test_as_many_images_as_the_paper_takes_are_no_stand_in(tmp_path: Path) -> None:
    images = load_images("stl10", "unlabeled", source="synthetic", limit=10, root=None)
    part = replace(images, source="real")
    marks = {}
    for wanted in (None, 10, 11):
        options = {"reference_split": "unlabeled", "reference_images": wanted}
        spec = EvaluationSpec(measure="fidelity", run="r", dataset="stl10", source="real", options=options)
        shared = Shared(Layout(tmp_path, "p"), CPU, None, None)
        shared._images["stl10", "unlabeled", "real", wanted] = part
        context = Context(spec, shared, tmp_path)
        assert len(context.images("unlabeled", wanted)) == 10
        marks[wanted] = context.all_stand_ins()
        part_of_disk = replace(part, of_sample=True)
        shared._images["stl10", "unlabeled", "real", wanted] = part_of_disk
        context.images("unlabeled", wanted)
        assert context.all_stand_ins() == ("sample_data",)
    assert marks == {None: ("sample_data",), 10: (), 11: ("sample_data",)}


def test_the_profiles_limit_still_binds(tmp_path: Path) -> None:
    options = {"reference_split": "test", "reference_images": 50_000}
    spec = EvaluationSpec(
        measure="fidelity", run="r", dataset="stl10", source="synthetic", limit=6, options=options
    )
    context = Context(spec, Shared(Layout(tmp_path, "p"), CPU, None, None), tmp_path)
    assert len(context.images("test", at_most=50_000)) == 6
    assert context.all_stand_ins() == ("synthetic_data",)


def test_classes_are_not_asked_of_a_split_without(tmp_path: Path) -> None:
    spec = EvaluationSpec(
        measure="accuracy", run="r", dataset="stl10", source="synthetic", options={"split": "unlabeled"}
    )
    context = Context(spec, Shared(Layout(tmp_path, "p"), CPU, None, None), tmp_path)
    with pytest.raises(ReproError, match=r"stl10 \(unlabeled\) has no classes, which accuracy needs"):
        context.labelled("unlabeled")
