"""The CIFAR reader: both layouts, canonical or not, GAT's split, hostile and damaged files."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from data_archives import write_cifar10, write_cifar100, write_pickle
from repro.core.errors import ReproError
from repro.data.catalogue import CATALOGUE
from repro.data.fingerprint import fingerprint, image_digests
from repro.data.image_set import ImageSet
from repro.data.load import load_images, read_files

FOLDER = "cifar-10-batches-py"


def load(root: Path, split: str = "train", limit: int | None = None, name: str = "cifar10") -> ImageSet:
    return load_images(name, split, source="real", limit=limit, root=root)


@pytest.mark.parametrize("folder", [f"cifar10/{FOLDER}", FOLDER])
def test_pixels_labels_and_class_names_are_those_written(tmp_path: Path, folder: str) -> None:
    images, labels = write_cifar10(tmp_path / folder)
    data = load(tmp_path)
    assert data.fingerprint == fingerprint(torch.from_numpy(images), torch.from_numpy(labels))
    assert data.images.shape == (100, 3, 32, 32)
    assert data.classes == tuple(f"class{k}" for k in range(10))
    assert not data.complete
    assert data.stand_ins == ("sample_data",)
    assert len(load(tmp_path, "test")) == 20


def test_cifar100_has_fine_labels(tmp_path: Path) -> None:
    write_cifar100(tmp_path / "cifar-100-python")
    data = load(tmp_path, name="cifar100")
    assert len(data.classes) == 100
    assert data.labels.bincount().tolist() == [2] * 100
    assert len(load(tmp_path, "test", name="cifar100")) == 100


def test_a_reordered_copy_gives_the_same_images_in_the_same_order(tmp_path: Path) -> None:
    images, labels = write_cifar10(tmp_path / "a" / FOLDER)
    write_cifar10(tmp_path / "b" / FOLDER)
    order = np.random.default_rng(5).permutation(100)
    for k in range(5):
        part = order[20 * k : 20 * (k + 1)]
        rows = images[part].reshape(20, -1)
        write_pickle(tmp_path / "b" / FOLDER / f"data_batch_{k + 1}", data=rows, labels=labels[part].tolist())
    for split in ("train", "train45k", "validation5k"):
        a, b = load(tmp_path / "a", split), load(tmp_path / "b", split)
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.labels, b.labels)


def test_gat_split_divides_the_training_images_nine_to_one(tmp_path: Path) -> None:
    write_cifar10(tmp_path / FOLDER)
    whole, train, validation = (load(tmp_path, split) for split in ("train", "train45k", "validation5k"))
    assert (len(train), len(validation)) == (90, 10)
    parts = [digest for part in (train, validation) for digest in image_digests(part.images, part.labels)]
    assert sorted(parts) == sorted(image_digests(whole.images, whole.labels))


def test_a_limit_is_balanced_repeatable_and_nested(tmp_path: Path) -> None:
    write_cifar10(tmp_path / FOLDER)
    part = load(tmp_path, limit=30)
    assert part.labels.bincount().tolist() == [3] * 10
    assert part.fingerprint == load(tmp_path, limit=30).fingerprint
    larger = load(tmp_path, limit=50)
    assert set(image_digests(part.images, part.labels)) < set(image_digests(larger.images, larger.labels))


def test_a_whole_set_must_have_the_fingerprint_of_the_release(tmp_path: Path) -> None:
    images, labels = write_cifar10(tmp_path / FOLDER)
    right = fingerprint(torch.from_numpy(images), torch.from_numpy(labels))
    info = replace(CATALOGUE["cifar10"], splits={"train": 100}, fingerprints={"train": right})
    assert read_files(info, "train", None, tmp_path).complete
    assert not read_files(info, "train", 50, tmp_path).complete
    write_cifar10(tmp_path / FOLDER, seed=1)
    for limit in (None, 50):
        with pytest.raises(ReproError, match="not those of the release"):
            read_files(info, "train", limit, tmp_path)


def test_more_images_than_published_are_an_error(tmp_path: Path) -> None:
    write_cifar10(tmp_path / FOLDER)
    with pytest.raises(ReproError, match=r"100 images, the release has 80"):
        read_files(replace(CATALOGUE["cifar10"], splits={"train": 80}), "train", None, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        pickle.dumps([1, 2]),
        pickle.dumps({b"data": 1, b"labels": [0]}),
        pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": 2**31 - 1}),
        pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}),
        pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, b"2"]}),
        pickle.dumps({b"data": np.zeros((2, 3071), np.uint8), b"labels": [1, 2]}),
    ],
    ids=["empty", "text", "list", "number", "no labels", "one label", "word", "narrow"],
)
def test_damaged_batch_is_named(tmp_path: Path, content: bytes) -> None:
    write_cifar10(tmp_path / FOLDER)
    (tmp_path / FOLDER / "data_batch_2").write_bytes(content)
    with pytest.raises(ReproError, match=r"data_batch_2 .*damaged"):
        load(tmp_path)


def test_truncated_batch_is_named(tmp_path: Path) -> None:
    write_cifar10(tmp_path / FOLDER)
    path = tmp_path / FOLDER / "test_batch"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ReproError, match=r"test_batch .*damaged"):
        load(tmp_path, "test")


def test_labels_out_of_range_are_refused(tmp_path: Path) -> None:
    write_cifar10(tmp_path / FOLDER)
    rows = np.zeros((2, 3072), np.uint8)
    write_pickle(tmp_path / FOLDER / "test_batch", data=rows, labels=[0, 10])
    with pytest.raises(ReproError, match="labels run from 0 to 10"):
        load(tmp_path, "test")


def test_class_names_that_are_numbers_are_refused_unbuilt(tmp_path: Path) -> None:
    write_cifar10(tmp_path / FOLDER)
    write_pickle(tmp_path / FOLDER / "batches.meta", label_names=[2**31 - 1] * 10)
    with pytest.raises(ReproError, match="no class names"):
        load(tmp_path)


class Touch:
    """A pickle that makes a file when it is loaded by a trusting reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    write_cifar10(tmp_path / FOLDER)
    trace = tmp_path / "trace"
    hostile = pickle.dumps({b"data": Touch(trace), b"labels": []})
    (tmp_path / FOLDER / "test_batch").write_bytes(hostile)
    with pytest.raises(ReproError, match="damaged"):
        load(tmp_path, "test")
    assert not trace.exists()
    pickle.loads(hostile)
    assert trace.exists()  # the same bytes do run where they are trusted
