"""Results of two machines joined: what is finished comes over, contradictions are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dag_case import copy_workflow, snakemake
from papers_case import call
from repro.core import checkpoint
from repro.core.files import atomic_write_json, sha256_file
from repro.core.paths import Layout
from repro.evaluate.result import read_result, write_result

A, B, JOINED = (Layout(Path(name), "tiny") for name in ("a", "b", "joined"))


@pytest.fixture
def machines(project: Path) -> list[str]:
    """The finished runs of a small project, shared out over two results folders; return all ids."""
    runs = sorted(path.name for path in Path("results/tiny/runs").iterdir())
    for layout, others in ((A, runs[::2]), (B, runs[1::2])):
        shutil.copytree("results/tiny", layout.root)
        for name in others:
            shutil.rmtree(layout.run(name))
        for path in sorted((layout.root / "evaluations").glob("*.json")):
            result = read_result(path)
            if result is not None and {result.spec.run, result.spec.extractor} & set(others):
                path.unlink()
    return runs


def merge(*words: str) -> tuple[int, str]:
    return call("merge", "a", "b", "--results", "joined", *words)


@pytest.mark.slow
def test_what_two_machines_did_is_not_done_again(machines: list[str], project: Path) -> None:
    A.record(machines[1]).unlink()  # its training was stopped, as if
    code, printed = merge()
    assert code == 0, printed
    assert f"not finished, left where it is: a/tiny/runs/{machines[1]}" in printed
    trained = [name for name in machines if name != machines[1]]
    assert {name: sha256_file(JOINED.record(name)) for name in trained} == {
        name: sha256_file(Path("results/tiny/runs") / name / "run.json") for name in trained
    }
    code, again = merge()
    assert code == 0
    assert "0 runs and 0 evaluations copied" in again

    shutil.copytree(f"results/tiny/runs/{machines[1]}", B.run(machines[1]), dirs_exist_ok=True)
    assert merge()[0] == 0
    copy_workflow(project)
    before = {path: path.stat().st_mtime_ns for path in JOINED.root.glob("runs/*/run.json")}
    assert len(before) == len(machines)
    snakemake(project, "figures/gat/table1.png", "--config", "results=joined")
    assert {path: path.stat().st_mtime_ns for path in JOINED.root.glob("runs/*/run.json")} == before
    assert (JOINED.root / "cells/gat/table1.csv").read_text() == Path(
        "results/tiny/cells/gat/table1.csv"
    ).read_text()


def test_other_numbers_other_networks_and_other_images_are_refused(machines: list[str]) -> None:
    shutil.copytree(B.run(machines[0]), A.run(machines[0]))
    paths = sorted((B.root / "evaluations").glob("accuracy-*.json"))
    assert len(paths) == 2
    kept, result = paths[0].read_bytes(), read_result(paths[0])
    assert result is not None
    (facts,) = result.data
    strange = facts.model_copy(update={"fingerprint": "0" * 64})
    write_result(paths[0], result.model_copy(update={"data": (strange,)}))
    code, printed = merge()
    assert (code, "it is of cifar10 test" in printed) == (2, True), printed
    paths[0].write_bytes(kept)
    for path in paths:
        result = read_result(path)
        assert result is not None
        shutil.copy(path, A.root / "evaluations")
        write_result(path, result.model_copy(update={"values": {"accuracy": 99.0}}))
    code, printed = merge()
    assert (code, "2 contradictions" in printed) == (2, True), printed
    assert all(f"{path}: " in printed for path in paths), printed
    paths.pop().unlink()  # the remedy
    code, printed = merge()
    assert (code, "contradictions" in printed, "they differ in values" in printed) == (2, False, True), (
        printed
    )
    paths.pop().unlink()

    loaded = checkpoint.load(B.checkpoint(machines[0]))
    record = json.loads(B.record(machines[0]).read_text())
    sha256 = checkpoint.save(B.checkpoint(machines[0]), loaded.state, loaded.header | {"note": "another"})
    atomic_write_json(B.record(machines[0]), record | {"checkpoint_sha256": sha256})
    code, printed = merge()
    assert (code, "they differ in checkpoint" in printed) == (2, True), printed

    atomic_write_json(B.record(machines[0]), record | {"data": record["data"] | {"fingerprint": "0" * 64}})
    shutil.copy(A.checkpoint(machines[0]), B.checkpoint(machines[0]))
    code, printed = merge()
    assert (code, "it is of cifar10 train" in printed) == (2, True), printed
    assert not JOINED.root.exists()

    code, printed = call("merge", "nowhere", "--results", "joined")
    assert (code, "there are no results of profile tiny" in printed) == (2, True), printed
