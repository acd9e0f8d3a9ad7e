"""The check of what lies below a data root."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from data_archives import write_cifar10, write_stl10
from repro.core.errors import ReproError
from repro.data.catalogue import CATALOGUE
from repro.data.check import check, render
from repro.data.fingerprint import fingerprint

FOLDER = "cifar-10-batches-py"


def test_a_part_is_not_the_release(tmp_path: Path) -> None:
    write_cifar10(tmp_path / FOLDER)
    report = check("cifar10", tmp_path)
    assert report.canonical == "no"
    assert [(split.split, split.images, split.expected) for split in report.splits] == [
        ("train", 100, 50_000),
        ("test", 20, 10_000),
        ("train45k", 90, 45_000),
        ("validation5k", 10, 5_000),
    ]


def test_the_release_is_recognised_and_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = write_cifar10(tmp_path / FOLDER)
    right = fingerprint(torch.from_numpy(images), torch.from_numpy(labels))
    small = replace(CATALOGUE["cifar10"], splits={"train": 100}, fingerprints={"train": right})
    monkeypatch.setitem(CATALOGUE, "cifar10", small)
    report = check("cifar10", tmp_path)
    assert report.canonical == "yes"
    printout = io.StringIO()
    console = Console(file=printout, width=160)
    console.print(render(report))
    printed = printout.getvalue()
    assert "canonical release: yes" in printed
    assert right[:16] in printed
    monkeypatch.setitem(CATALOGUE, "cifar10", replace(small, fingerprints={}))
    assert check("cifar10", tmp_path).canonical == "not known"


def test_a_foreign_file_is_named_and_a_hidden_one_is_not_seen(tmp_path: Path) -> None:
    folder = tmp_path / "stl10_binary"
    write_stl10(folder)
    check("stl10", tmp_path)
    (folder / ".DS_Store").write_text("")
    check("stl10", tmp_path)
    (folder / "data_batch_6").write_text("")
    with pytest.raises(ReproError, match="data_batch_6 is no part") as caught:
        check("stl10", tmp_path)
    assert caught.value.where == str(folder / "data_batch_6")


@pytest.mark.parametrize("width", [20, 40, 160])
def test_a_terminal_of_ascii_shows_the_report(tmp_path: Path, width: int) -> None:
    write_cifar10(tmp_path / FOLDER)
    printout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console(file=printout, width=width).print(render(check("cifar10", tmp_path)))
    printout.flush()


def test_points_have_no_files(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="have no files"):
        check("gaussians", tmp_path)
