"""Small data sets in the published formats, written by the tests that read them."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from pathlib import Path

import lmdb
import numpy as np
from numpy.typing import NDArray
from PIL import Image

CIFAR10_CLASSES = [f"class{k}" for k in range(10)]


def random_images(n: int, side: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (n, 3, side, side), dtype=np.uint8)


def write_pickle(path: Path, **record: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps({key.encode(): value for key, value in record.items()}, protocol=2))


def write_cifar10(
    folder: Path, per_batch: int = 20, seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Write six batches; return the images and labels of the five training batches."""
    images = random_images(6 * per_batch, 32, seed)
    labels = np.arange(6 * per_batch) % 10
    names = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
    for k, name in enumerate(names):
        part = slice(k * per_batch, (k + 1) * per_batch)
        write_pickle(folder / name, data=images[part].reshape(per_batch, -1), labels=labels[part].tolist())
    write_pickle(folder / "batches.meta", label_names=[name.encode() for name in CIFAR10_CLASSES])
    return images[: 5 * per_batch], labels[: 5 * per_batch]


def write_cifar100(folder: Path, train: int = 200, test: int = 100) -> None:
    for name, n in (("train", train), ("test", test)):
        rows = random_images(n, 32, seed=n).reshape(n, -1)
        write_pickle(folder / name, data=rows, fine_labels=[k % 100 for k in range(n)])
    write_pickle(folder / "meta", fine_label_names=[f"fine{k}".encode() for k in range(100)])


def write_stl10(folder: Path, train: int = 20, test: int = 10, unlabeled: int = 12) -> NDArray[np.uint8]:
    """Write the binary files; return the training images as (N, 3, 96, 96) in row order."""
    folder.mkdir(parents=True)
    sizes = {"train": train, "test": test, "unlabeled": unlabeled}
    images = {split: random_images(n, 96, seed=n) for split, n in sizes.items()}
    for split, pixels in images.items():
        pixels.transpose(0, 1, 3, 2).tofile(folder / f"{split}_X.bin")
    for split in ("train", "test"):
        (np.arange(sizes[split]) % 10 + 1).astype(np.uint8).tofile(folder / f"{split}_y.bin")
    (folder / "class_names.txt").write_text("\n".join(f"kind{k}" for k in range(10)) + "\n")
    return images["train"]


def write_picture(
    path: Path, width: int, height: int, colour: tuple[int, int, int], mode: str = "RGB"
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), colour).convert(mode).save(path, quality=95)


def write_tiny_imagenet(folder: Path, classes: int = 200, train: int = 2, validation: int = 1) -> list[str]:
    """Write class folders of plain pictures whose red level is the label; return the WordNet ids by label."""
    names = [f"n{k:08d}" for k in range(classes)]
    folder.mkdir(parents=True)
    (folder / "wnids.txt").write_text("\n".join(reversed(names)) + "\n")
    lines = []
    for label, name in enumerate(names):
        for k in range(train):
            mode = "L" if label == 0 and k else "RGB"
            write_picture(
                folder / "train" / name / "images" / f"{name}_{k}.JPEG", 64, 64, (label, 0, 0), mode
            )
        (folder / "train" / name / f"{name}_boxes.txt").write_text("")
        for k in range(validation):
            file = f"val_{label * validation + k}.JPEG"
            write_picture(folder / "val" / "images" / file, 64, 64, (label, 0, 0))
            lines.append(f"{file}\t{name}\t0\t0\t62\t62")
    (folder / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    return names


def write_class_folders(folder: Path, names: list[str], pictures: int, side: int = 20) -> None:
    for part in ("train", "val"):
        for label, name in enumerate(names):
            for k in range(pictures):
                colour = (label % 256, 0, 0)
                write_picture(folder / part / name / f"{name}_{k}.JPEG", side, side + 4, colour)


def write_lsun(folder: Path, n: int, split: str = "train") -> None:
    path = folder / f"bedroom_{split}_lmdb"
    path.mkdir(parents=True)
    picture = path / "picture.webp"
    with lmdb.open(str(path), map_size=1 << 24) as database, database.begin(write=True) as view:
        for k in range(n):
            write_picture(picture, 80, 70, (k, 0, 0))
            view.put(f"{k:040d}".encode(), picture.read_bytes())
    picture.unlink()


def packed(folder: Path) -> bytes:
    """Return ``folder`` as a .tar.gz whose top level is its name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(folder, folder.name)
    return buffer.getvalue()


def zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as container:
        for path in sorted(folder.rglob("*")):
            container.write(path, path.relative_to(folder.parent))
    return buffer.getvalue()
