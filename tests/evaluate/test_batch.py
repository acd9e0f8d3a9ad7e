"""Batches of evaluations over finished runs: values, marks, resuming, failures, and no trace in the runs."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from data_archives import write_cifar10
from repro.core import checkpoint, provenance
from repro.core.errors import ReproError
from repro.core.files import sha256_file
from repro.core.locks import only_process
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec, RunSpec
from repro.core.streams import Streams
from repro.data.load import load_images
from repro.evaluate import accuracy
from repro.evaluate.batch import evaluate_batch
from repro.evaluate.registry import needs
from repro.evaluate.result import read_result, write_result
from repro.evaluate.trained import load_trained
from repro.methods.gan_base import GanMethod
from repro.methods.registry import load_method
from repro.train.begin import new_run

CPU = torch.device("cpu")
SHARED = {"dataset": "cifar10", "source": "synthetic", "train_limit": 40, "seed": 0, "batch_size": 20}
CLASSIFIER = RunSpec(
    recipe="c",
    method="classifier",
    steps=3,
    width=0.25,
    snapshots=2,
    options={"network": "embedding"},
    **SHARED,
)  # type: ignore[arg-type]
GAN = RunSpec(recipe="g", method="gan", steps=2, width=0.03, snapshots=2, options={"n_dis": 1}, **SHARED)  # type: ignore[arg-type]
SMALL = {"splits": 2, "kid_subsets": 3}


def train(spec: RunSpec, layout: Layout, steps: int | None = None, *, ending: float | None = None) -> None:
    """Train as the loop does: a checkpoint at the end, snapshots of the two steps of the GAN.

    With ``ending`` all weights end as that.
    """
    data = load_images(spec.dataset, "train", source="synthetic", limit=spec.train_limit, root=None)
    streams = Streams(spec.seed)
    method = load_method(spec.method)(spec, data, streams, CPU)
    header = {"spec": spec.model_dump(mode="json"), "code": {}}
    for step in range(spec.steps if steps is None else steps):
        method.step(step)
        if spec.snapshots:
            path = layout.snapshot(spec.run_id, step + 1)
            checkpoint.save(path, method.snapshot_state(), {**header, "step": step + 1})
    if ending is not None:
        for module in method.modules.values():
            for parameter in module.parameters():
                parameter.data.fill_(ending)
    state = {"method": method.state_dict(), "streams": streams.state_dict()}
    step = spec.steps if steps is None else steps
    checkpoint.save(layout.checkpoint(spec.run_id), state, {**header, "step": step})


def test_a_run_on_a_part_of_a_sets_classes_is_loaded_with_as_many(tmp_path: Path) -> None:
    layout, name = Layout(tmp_path, "test"), CLASSIFIER.run_id
    whole = load_images("cifar10", "train", source="synthetic", limit=40, root=None)
    part = replace(whole, classes=whole.classes[:4], labels=whole.labels % 4)
    run = new_run(load_method("classifier"), part, CLASSIFIER, layout, device=CPU)
    state = {"method": run.state.method.state_dict()}
    checkpoint.save(layout.checkpoint(name), state, {**run.header, "step": CLASSIFIER.steps})
    network = load_trained(layout, name, CPU).method.classifier()
    assert network(torch.rand(2, 3, 32, 32)).shape == (2, 4)


def test_a_run_in_bfloat16_is_measured_in_float32(tmp_path: Path) -> None:
    layout, spec = Layout(tmp_path, "test"), RunSpec.model_validate(GAN.model_dump() | {"precision": "bf16"})
    train(spec, layout)
    method = load_trained(layout, spec.run_id, CPU).method
    assert isinstance(method, GanMethod)
    images = torch.rand(4, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        assert torch.equal(method.logits(images), method.D(images))
        method.precision = "bf16"
        assert not torch.equal(method.logits(images), method.D(images))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a results folder with two finished runs; nothing may write into their folders."""
    results = tmp_path_factory.mktemp("results")
    for spec in (CLASSIFIER, GAN):
        train(spec, Layout(results, "test"))
    return results / "test" / "runs"


@pytest.fixture
def layout(runs: Path, tmp_path: Path) -> Layout:
    layout = Layout(tmp_path, "test")
    layout.root.mkdir()
    (layout.root / "runs").symlink_to(runs)
    return layout


def spec(measure: str, run: RunSpec | None = None, **fields: object) -> EvaluationSpec:
    content = {
        "measure": measure,
        "run": run.run_id if run else "none",
        "dataset": "cifar10",
        "source": "synthetic",
        "limit": 50,
        **fields,
    }
    return EvaluationSpec.model_validate(content)


FIDELITY = spec("fidelity", GAN, generated=30, extractor=CLASSIFIER.run_id, options=SMALL)
ALL = [
    spec("accuracy", CLASSIFIER),
    spec("robust_accuracy", CLASSIFIER, options={"radii": (0, 0.02), "steps": 2, "batch_size": 7}),
    spec("local_lipschitz", CLASSIFIER),
    FIDELITY,
    spec(
        "fidelity", GAN, generated=30, extractor=CLASSIFIER.run_id, options={**SMALL, "to_uint8": "min_max"}
    ),
    spec("curve", GAN, generated=30, extractor=CLASSIFIER.run_id, options=SMALL),
    spec("fidelity_real", extractor=CLASSIFIER.run_id, options=SMALL),
    spec("samples", GAN, options={"rows": 2, "columns": 3}),
]
MORE = [
    spec("robust_accuracy", CLASSIFIER, options={"radii": (0, 0.3), "steps": 2, "gap_split": "train"}),
    spec("accuracy", CLASSIFIER, options={"split": "train"}),
    spec("local_lipschitz", CLASSIFIER, options={"over_training": True}),
]


def evaluate(specs: list[EvaluationSpec], layout: Layout) -> dict[str, dict[str, object]]:
    evaluate_batch(specs, layout, layout.batch("evaluate", "b0"), device=CPU)
    return {s.evaluation_id: json.loads(layout.evaluation(s.evaluation_id).read_text()) for s in specs}


def test_every_measurement_from_checkpoint_to_result(layout: Layout) -> None:
    before = {path: sha256_file(path) for path in (layout.root / "runs").rglob("*.safetensors")}
    random = torch.get_rng_state()
    results = evaluate([*ALL, *MORE], layout)
    attacked = results[ALL[1].evaluation_id]
    seconds: dict[str, float] = attacked["attack_seconds"]  # type: ignore[assignment]
    assert seconds.keys() == {"network", "kernel"}
    assert 0 < sum(seconds.values()) <= attacked["device_seconds"] <= attacked["seconds"]  # type: ignore[operator]
    assert results[ALL[0].evaluation_id]["attack_seconds"] == {}
    accuracy, robust, lipschitz, fixed, min_max, curve, real, samples, gap, trained, by_share = (
        results[s.evaluation_id]["values"] for s in [*ALL, *MORE]
    )
    assert torch.equal(torch.get_rng_state(), random)
    assert {path: sha256_file(path) for path in (layout.root / "runs").rglob("*.safetensors")} == before

    assert robust["accuracy@0"] == accuracy["accuracy"] >= robust["accuracy@0.02"]  # type: ignore[index]
    assert lipschitz["local_lipschitz"] > 0  # type: ignore[index]
    assert set(fixed) == {
        "is",
        "is_std",
        "fid",
        "kid",
        "kid_std",
        "precision",
        "recall",
        "kid_subset_size",
        "generated",
        "reference",
    }  # type: ignore[call-overload]
    assert fixed["fid"] != min_max["fid"]  # type: ignore[index]
    assert fixed["kid_subset_size"] == 30  # type: ignore[index]
    # the last snapshot is the final generator, shown the same latents
    assert curve["fid@2"] == fixed["fid"]  # type: ignore[index]
    assert curve["is@1"] != curve["is@2"]  # type: ignore[index]
    assert (curve["is@50%"], curve["kid@100%"]) == (curve["is@1"], curve["kid@2"])  # type: ignore[index]
    assert real["fid"] < fixed["fid"]  # type: ignore[index]
    assert samples == {"images": 6.0}
    assert (gap["accuracy@0"], gap["accuracy_of_gap_split@0"]) == (accuracy["accuracy"], trained["accuracy"])  # type: ignore[index]
    for radius in ("0", "0.3"):
        above = gap[f"accuracy_of_gap_split@{radius}"] - gap[f"accuracy@{radius}"]  # type: ignore[index]
        assert gap[f"accuracy_gap@{radius}"] == above  # type: ignore[index]
    assert gap["accuracy_of_gap_split@0.3"] < trained["accuracy"]  # type: ignore[index]
    assert by_share["local_lipschitz@100%"] == lipschitz["local_lipschitz"]  # type: ignore[index]
    assert by_share["local_lipschitz@50%"] != lipschitz["local_lipschitz"]  # type: ignore[index]

    manifest = json.loads(layout.batch("evaluate", "b0").read_text())
    assert manifest == {
        s.evaluation_id: {"sha256": sha256_file(layout.evaluation(s.evaluation_id))} for s in [*ALL, *MORE]
    }


def test_a_class_head_of_a_discriminator_is_measured_over_the_training(tmp_path: Path) -> None:
    layout, short = Layout(tmp_path, "test"), {"attacker": False}
    run = RunSpec(
        recipe="r", method="robgan", steps=2, width=0.03, snapshots=2, options=short, **SHARED  # type: ignore[arg-type]
    )  # fmt: skip
    train(run, layout)
    asked = [spec("local_lipschitz", run), spec("local_lipschitz", run, options={"over_training": True})]
    at_end, by_share = (result["values"] for result in evaluate(asked, layout).values())
    assert by_share["local_lipschitz@100%"] == at_end["local_lipschitz"]  # type: ignore[index]
    assert by_share["local_lipschitz@50%"] != at_end["local_lipschitz"]  # type: ignore[index]


def test_marks_and_notes_of_a_result(layout: Layout) -> None:
    results = evaluate([ALL[1], FIDELITY, ALL[-1]], layout)
    robust, fidelity, samples = results.values()
    assert robust["stand_ins"] == ["synthetic_data", "reduced_width"]
    assert fidelity["stand_ins"] == ["synthetic_data", "embedded_features", "reduced_width"]
    assert "2 steps of 0.004" in str(robust["threat_model"])
    assert str(robust["threat_model"]).startswith("radii 0, 0.02 in [0, 1]; ")
    assert fidelity["threat_model"] is None
    assert fidelity["checkpoint_sha256"] == checkpoint.load(layout.checkpoint(GAN.run_id)).sha256
    assert samples["pictures"] == ["grid.png"]
    with Image.open(layout.evaluation(ALL[-1].evaluation_id).with_suffix("") / "grid.png") as picture:
        assert picture.size == (3 * 34 + 2, 2 * 34 + 2)


def test_the_same_evaluation_twice_gives_the_same_values(layout: Layout) -> None:
    chosen = [ALL[1], FIDELITY, ALL[-1]]
    first = evaluate(chosen, layout)
    for s in chosen:
        layout.evaluation(s.evaluation_id).unlink()
    second = evaluate(list(reversed(chosen)), layout)
    for name, result in first.items():
        assert second[name]["values"] == result["values"]
        assert second[name]["pictures_sha256"] == result["pictures_sha256"]


def test_another_seed_gives_other_samples(layout: Layout) -> None:
    other = FIDELITY.model_copy(update={"seed": 1})
    other = EvaluationSpec.model_validate(other.model_dump())
    results = evaluate([FIDELITY, other], layout)
    assert results[FIDELITY.evaluation_id]["values"] != results[other.evaluation_id]["values"]


def test_finished_results_are_kept_and_changed_ones_measured_anew(layout: Layout) -> None:
    accuracy, samples = ALL[0], ALL[-1]
    files = [layout.evaluation(s.evaluation_id) for s in (accuracy, samples)]
    evaluate([accuracy, samples], layout)
    written = [file.stat().st_mtime_ns for file in files]
    evaluate([accuracy, samples], layout)
    assert [file.stat().st_mtime_ns for file in files] == written

    found = read_result(files[0])
    assert found is not None
    write_result(
        files[0], found.model_copy(update={"checkpoint_sha256": "0" * 64, "values": {"accuracy": 99.0}})
    )
    (files[1].with_suffix("") / "grid.png").write_bytes(b"scribbled over")
    results = evaluate([accuracy, samples], layout)
    assert results[accuracy.evaluation_id]["values"] == found.values
    assert files[1].stat().st_mtime_ns != written[1]


VERDICTS = {"samples": 5, "steps": 2, "checked": 0}
OTHERS = [
    spec("adversarial_share", GAN, options=VERDICTS),
    spec("adversarial_share", GAN, options={**VERDICTS, "threshold": "midpoint"}),
    spec("flip_iterations", GAN, options={"images": 5, "largest": 2, "examples": 0}),
    spec("fidelity_conventions", GAN, generated=30, extractor=CLASSIFIER.run_id, options={"kid_subsets": 2}),
    spec("gradient_effect", GAN, options={"batches": 2}),
    spec("auto_attack", CLASSIFIER, limit=5, options={"steps": 2, "queries": 2}),
    spec("input_noise", GAN, generated=30, extractor=CLASSIFIER.run_id, options={"splits": 2, "draws": 2}),
    *(
        spec("tsne", GAN, generated=30, extractor=CLASSIFIER.run_id, options={"points": 10, "pair": pair})
        for pair in ("noise", "images")
    ),
]


def test_results_on_real_images_are_kept_until_the_images_change(layout: Layout, tmp_path: Path) -> None:
    synthetic = [s.model_dump() for s in (*ALL, *MORE, *OTHERS)]
    asked = [EvaluationSpec.model_validate({**fields, "source": "real"}) for fields in synthetic]
    files = [layout.evaluation(s.evaluation_id) for s in asked]
    written = []
    for root, seed in (("one", 0), ("copy", 0), ("other", 1)):
        write_cifar10(tmp_path / root / "cifar-10-batches-py", seed=seed)
        manifest = layout.batch("evaluate", "b0")
        evaluate_batch(asked, layout, manifest, device=CPU, data_root=tmp_path / root)
        written.append([file.stat().st_mtime_ns for file in files])
    assert written[0] == written[1]
    kept = [s for s, was, now in zip(asked, *written[1:], strict=True) if was == now]
    assert {s.measure for s in kept} == {"adversarial_share", "input_noise", "samples", "tsne"}
    assert [s.options for s in kept if s.measure == "adversarial_share"] == [VERDICTS]
    assert [s.options["pair"] for s in kept if s.measure == "tsne"] == ["noise"]


def test_a_measurement_reads_all_that_its_options_name(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accuracy, "measure", lambda *_: {"accuracy": 1.0})
    with pytest.raises(ReproError, match=r"accuracy leaves out images that its options' `reads` name"):
        evaluate(ALL[:1], layout)
    assert not layout.evaluation(ALL[0].evaluation_id).exists()


def test_a_result_that_no_measurement_wrote_is_refused_and_kept(layout: Layout) -> None:
    accuracy = ALL[0]
    file = layout.evaluation(accuracy.evaluation_id)
    evaluate([accuracy], layout)
    whole = file.read_text()
    content = json.loads(whole)
    better = json.dumps({**content, "values": {"accuracy": 99.0}})
    by_hand = json.dumps({name: value for name, value in content.items() if name != "sha256"})
    for text in (better, by_hand, '{"half a', "[]"):
        file.write_text(text)
        with pytest.raises(ReproError, match=r"result|damaged") as caught:
            evaluate([accuracy], layout)
        assert str(file) in str(caught.value)
        assert file.read_text() == text
    file.write_text(json.dumps(content, sort_keys=True))  # only laid out anew
    assert evaluate([accuracy], layout)[accuracy.evaluation_id] == content


def test_a_failure_does_not_stop_the_others(layout: Layout) -> None:
    bad = [
        spec("accuracy", GAN),
        spec("fidelity", GAN, options=SMALL),
        spec("accuracy", CLASSIFIER, options={"split": "nowhere"}),
        spec("sharpness", CLASSIFIER),
        spec("accuracy", CLASSIFIER.model_copy(update={"seed": 7})),
        spec("samples", GAN, options={"classes": 0}),
    ]
    bad[4] = EvaluationSpec.model_validate({**bad[4].model_dump(), "run": "classifier-cifar10-0000000000-s7"})
    with pytest.raises(ReproError, match="6 of 7 evaluations failed") as error:
        evaluate_batch([*bad, ALL[0]], layout, layout.batch("evaluate", "b0"), device=CPU)
    for s, reason in zip(
        bad,
        [
            "no classifier",
            "names none",
            "nowhere",
            "no measurement 'sharpness'",
            "missing",
            "knows no classes",
        ],
        strict=True,
    ):
        line = error.value.message.partition(s.evaluation_id)[2].splitlines()[0]
        assert reason in line
    assert layout.evaluation(ALL[0].evaluation_id).is_file()
    assert not layout.batch("evaluate", "b0").exists()


def test_two_processes_never_measure_the_same(layout: Layout) -> None:
    held, free = ALL[0], ALL[2]
    with only_process(layout.locks, "it", name=f"{held.evaluation_id}.lock"):
        with pytest.raises(ReproError, match=rf"another process .*works on evaluation {held.evaluation_id}"):
            evaluate([held, free], layout)
        assert layout.evaluation(free.evaluation_id).is_file()
        assert not layout.evaluation(held.evaluation_id).exists()
    assert len(evaluate([held, free], layout)) == 2


@pytest.mark.parametrize(
    ("how", "flags"),
    [
        ({"steps": 30, "step_size": "radius/8"}, ()),
        ({"steps": 1, "step_size": 1e-4}, ("planted_missed",)),
    ],
)
def test_an_attack_that_misses_what_was_planted_is_flagged(
    layout: Layout, how: dict[str, Any], flags: tuple[str, ...]
) -> None:
    options = {"radii": (0, 0.2), "planted": 8, "planted_inner": 49, **how}
    measured = spec("robust_accuracy", CLASSIFIER, options=options)
    evaluate([measured], layout)
    found = read_result(layout.evaluation(measured.evaluation_id))
    assert found is not None
    assert found.values["planted_images@0.2"] == 8
    assert (found.values["planted_found@0.2"] >= 95) == (not flags)
    assert 0 <= found.values["planted_random@0.2"] <= 100
    assert found.flags == flags


def test_what_a_killed_measurement_left_is_removed(layout: Layout) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from repro.core import files\n"
        "result, picture = map(Path, sys.argv[1:])\n"
        "with files.replacing(result), files.replacing(picture):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    samples = ALL[-1]
    result = layout.evaluation(samples.evaluation_id)
    targets = [str(result), str(result.with_suffix("") / "grid.png")]
    subprocess.run([sys.executable, "-c", code, *targets], check=False)
    left = [*result.parent.glob(".part-*"), *result.with_suffix("").iterdir()]
    assert len(left) == 2
    evaluate([samples], layout)
    assert not any(path.exists() for path in left)
    found = read_result(result)
    assert found is not None
    assert found.pictures == ("grid.png",)


def test_an_unfinished_run_is_not_measured(tmp_path: Path) -> None:
    layout = Layout(tmp_path, "test")
    train(CLASSIFIER, layout, steps=1)
    with pytest.raises(ReproError, match="step 1 of 3"):
        load_trained(layout, CLASSIFIER.run_id, CPU)


def test_a_run_in_the_wrong_folder_is_refused(runs: Path, tmp_path: Path) -> None:
    layout = Layout(tmp_path, "test")
    layout.checkpoint("classifier-cifar10-0000000000-s0").parent.mkdir(parents=True)
    source = runs / CLASSIFIER.run_id / "checkpoint.safetensors"
    layout.checkpoint("classifier-cifar10-0000000000-s0").write_bytes(source.read_bytes())
    with pytest.raises(ReproError, match=f"is of run {CLASSIFIER.run_id}"):
        load_trained(layout, "classifier-cifar10-0000000000-s0", CPU)


def test_best_snapshot_is_the_lowest_point_of_the_curve(layout: Layout) -> None:
    curve = ALL[5]
    best = spec(
        "fidelity",
        GAN,
        generated=30,
        extractor=CLASSIFIER.run_id,
        options={**SMALL, "checkpoint": "best_snapshot"},
    )
    results = evaluate([curve, best], layout)
    points, chosen = results[curve.evaluation_id]["values"], results[best.evaluation_id]["values"]
    assert chosen["fid"] == min(points["fid@1"], points["fid@2"])  # type: ignore[index]
    assert points[f"fid@{chosen['step']:g}"] == chosen["fid"]  # type: ignore[index]


def test_each_number_of_real_images_is_one_that_is_declared(layout: Layout) -> None:
    metrics = ("is", "fid", "kid", "prc")
    asked = [
        spec("fidelity_real", extractor=CLASSIFIER.run_id, options={**SMALL, "metrics": chosen})
        for chosen in (metrics, *((metric,) for metric in metrics))
    ]
    whole, *single = (set(result["values"]) for result in evaluate(asked, layout).values())  # type: ignore[call-overload]
    assert whole == set().union(*single) == set(needs("fidelity_real").values or ())


def test_a_curve_of_scores_without_real_images_reads_none(layout: Layout) -> None:
    options = {**SMALL, "metrics": ("is", "prc")}
    asked = spec("curve", GAN, generated=30, extractor=CLASSIFIER.run_id, options=options)
    assert evaluate([asked], layout)[asked.evaluation_id]["data"] == []


def test_the_inception_score_alone_is_the_same_number(layout: Layout) -> None:
    alone = spec(
        "curve", GAN, generated=30, extractor=CLASSIFIER.run_id, options={**SMALL, "metrics": ("is",)}
    )
    results = evaluate([alone, FIDELITY], layout)
    curve, whole = results[alone.evaluation_id]["values"], results[FIDELITY.evaluation_id]["values"]
    assert set(curve) == {"is@1", "is@2", "is@50%", "is@100%"}  # type: ignore[call-overload]
    assert curve["is@100%"] == whole["is"]  # type: ignore[index]


@pytest.mark.parametrize("asked", [*ALL[:3], ALL[7]], ids=lambda asked: asked.measure)
def test_a_network_that_is_not_finite_is_not_measured(asked: EvaluationSpec, tmp_path: Path) -> None:
    layout = Layout(tmp_path, "test")
    train(CLASSIFIER if asked.run == CLASSIFIER.run_id else GAN, layout, ending=float("nan"))
    with pytest.raises(ReproError, match=r"NaN or infinity|not finite"):
        evaluate([asked], layout)
    assert not layout.evaluation(asked.evaluation_id).exists()


@pytest.mark.parametrize("when", ["before", "while it measures"])
def test_a_measurement_of_code_that_changed_is_refused(
    layout: Layout, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation, manifest = spec("accuracy", CLASSIFIER), layout.root / "batch.json"
    measure = accuracy.measure

    def edited(*arguments: Any) -> dict[str, float]:
        if when == "before":
            pytest.fail("measured all the same")
        change()
        return measure(*arguments)

    def change() -> None:  # what was imported on demand is not as it was when the process began
        monkeypatch.setitem(sys.modules, "repro.evaluate.late", accuracy)
        monkeypatch.setitem(provenance._AT_START, "evaluate/late.py", "what it was")

    monkeypatch.setattr(accuracy, "measure", edited)
    if when == "before":
        change()
    with pytest.raises(ReproError, match="the code changed while this process ran"):
        evaluate_batch([evaluation], layout, manifest, device=CPU)
    assert not layout.evaluation(evaluation.evaluation_id).exists()
    monkeypatch.undo()
    evaluate_batch([evaluation], layout, manifest, device=CPU)
    assert layout.evaluation(evaluation.evaluation_id).exists()
