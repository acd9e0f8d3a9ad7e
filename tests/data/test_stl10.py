"""The STL-10 reader: column order, halving, labels from 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data_archives import write_stl10
from repro.core.errors import ReproError
from repro.data.load import load_images


def test_images_are_halved_as_pillow_does(tmp_path: Path) -> None:
    originals = write_stl10(tmp_path / "stl10" / "stl10_binary")
    data = load_images("stl10", "train", source="real", limit=None, root=tmp_path)
    assert data.images.shape == (20, 3, 48, 48)
    assert data.labels.tolist() == [k % 10 for k in range(20)]
    assert data.classes[3] == "kind3"
    for original, image in zip(originals, data.images, strict=True):
        picture = Image.fromarray(original.transpose(1, 2, 0)).resize((48, 48), Image.Resampling.BILINEAR)
        expected = torch.from_numpy(np.asarray(picture).transpose(2, 0, 1).astype(np.int16))
        assert (image.to(torch.int16) - expected).abs().max() <= 1


def test_unlabelled_images_have_no_classes(tmp_path: Path) -> None:
    write_stl10(tmp_path / "stl10_binary")
    data = load_images("stl10", "unlabeled", source="real", limit=7, root=tmp_path)
    assert (len(data), data.classes, data.labels.unique().tolist()) == (7, (), [0])


def test_truncated_images_are_named(tmp_path: Path) -> None:
    write_stl10(tmp_path / "stl10_binary")
    path = tmp_path / "stl10_binary" / "train_X.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ReproError, match=r"train_X.bin .*multiple"):
        load_images("stl10", "train", source="real", limit=None, root=tmp_path)


def test_label_zero_is_refused(tmp_path: Path) -> None:
    write_stl10(tmp_path / "stl10_binary")
    np.zeros(10, np.uint8).tofile(tmp_path / "stl10_binary" / "test_y.bin")
    with pytest.raises(ReproError, match="labels run from 0"):
        load_images("stl10", "test", source="real", limit=None, root=tmp_path)
