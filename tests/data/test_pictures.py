"""Readers of folders and databases of pictures: Tiny-ImageNet, ImageNet-143, CelebA, LSUN."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest
import torch
from PIL import Image

from data_archives import write_class_folders, write_lsun, write_picture, write_tiny_imagenet
from repro.core.errors import ReproError
from repro.data.catalogue import CATALOGUE
from repro.data.image_set import ImageSet
from repro.data.load import load_images
from repro.data.memory import require_memory
from repro.data.readers.decode import centre_square, pixels, sngan_square
from repro.data.readers.imagenet import FIRST, LAST, choose_classes
from repro.data.readers.imagenet_classes import CLASSES_151_TO_293
from repro.data.readers.lmdb_whole import require_whole
from repro.data.sets.celeba import split_files


def load(name: str, root: Path, split: str = "train", limit: int | None = None) -> ImageSet:
    return load_images(name, split, source="real", limit=limit, root=root)


def red_levels(data: ImageSet) -> torch.Tensor:
    return data.images[:, 0].flatten(1).float().mean(1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tiny")
    write_tiny_imagenet(root / "tiny_imagenet" / "tiny-imagenet-200")
    return root


@pytest.mark.parametrize("split", ["train", "test"])
def test_tiny_imagenet_labels_follow_sorted_wordnet_ids(tiny: Path, split: str) -> None:
    data = load("tiny_imagenet", tiny, split)
    assert data.images.shape == (400 if split == "train" else 200, 3, 64, 64)
    assert data.classes[0] == "n00000000"
    assert len(data.classes) == 200
    assert (red_levels(data) - data.labels).abs().max() < 3
    assert not data.complete


def test_tiny_imagenet_limit_takes_one_of_each_class(tiny: Path) -> None:
    assert load("tiny_imagenet", tiny, limit=200).labels.tolist() == list(range(200))


def test_tiny_imagenet_names_the_line_of_a_mistake(tmp_path: Path) -> None:
    folder = tmp_path / "tiny-imagenet-200"
    write_tiny_imagenet(folder, train=1)
    (folder / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn00000000\nval_1.JPEG n00000001\n")
    with pytest.raises(ReproError) as caught:
        load("tiny_imagenet", tmp_path, "test")
    assert caught.value.line == 2


def test_imagenet_takes_classes_151_to_293_of_all_1000() -> None:
    info, ours = CATALOGUE["imagenet143_64"], CLASSES_151_TO_293
    assert len(ours) == info.classes == LAST - FIRST + 1
    assert list(ours) == sorted(set(ours))
    before = [f"n01{k:06d}" for k in range(FIRST)]
    after = [f"n03{k:06d}" for k in range(999 - LAST)]
    assert choose_classes([*before, *ours, *after], Path("train"), info) == ours
    assert choose_classes(list(ours), Path("train"), info) == ours
    assert choose_classes(list(ours[5:8]), Path("train"), info) == ours[5:8]
    with pytest.raises(ReproError, match="500 of the 500 class folders"):
        choose_classes([f"n{k:08d}" for k in range(500)], Path("train"), info)
    with pytest.raises(ReproError, match="1000 of the 1000 class folders"):
        choose_classes([f"n{k:08d}" for k in range(1000)], Path("train"), info)
    with pytest.raises(ReproError, match="dogs is no WordNet id"):
        choose_classes(["dogs"], Path("train"), info)


def test_imagenette_is_not_imagenet143(tmp_path: Path) -> None:
    imagenette = ["n01440764", "n02102040", "n02979186", "n03000684", "n03028079"]  # a springer is among them
    write_class_folders(tmp_path / "imagenet", imagenette, 1)
    for split in ("train", "test"):
        with pytest.raises(ReproError, match=r"4 of the 5 class folders .*n02085620 to n02130308") as caught:
            load("imagenet143_64", tmp_path, split)
    assert "move these folders out" in caught.value.remedy
    for part in ("train", "val"):
        for name in set(imagenette) - {"n02102040"}:
            (tmp_path / "imagenet" / part / name).rename(tmp_path / f"{part}-{name}")
    assert load("imagenet143_64", tmp_path).classes == ("n02102040",)


@pytest.mark.parametrize("size", [64, 128])
def test_imagenet_reads_both_sizes_and_marks_a_part(tmp_path: Path, size: int) -> None:
    names = [CLASSES_151_TO_293[k] for k in (7, 3, 5)]
    write_class_folders(tmp_path / "imagenet", names, 2)
    for split in ("train", "test"):
        data = load(f"imagenet143_{size}", tmp_path, split)
        assert data.images.shape == (6, 3, size, size)
        assert data.classes == tuple(sorted(names))
        assert data.stand_ins == ("sample_data",)


def test_imagenet_wants_the_same_classes_in_both_splits(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "imagenet", ["n02085620", "n02085782"], 1)
    (tmp_path / "imagenet" / "val" / "n02085782").rename(tmp_path / "imagenet" / "val" / "n02085936")
    with pytest.raises(ReproError, match="val/n02085782 is missing"):
        load("imagenet143_64", tmp_path, "test")


def test_celeba_splits_by_file_number_and_samples_by_tenths(tmp_path: Path) -> None:
    info = CATALOGUE["celeba"]
    whole = [Path(f"{k:06d}.jpg") for k in (1, 162_770, 162_771, 182_637, 182_638, 202_599)]
    assert split_files(whole, info, "train") == whole[:2]
    assert split_files(whole, info, "test") == whole[4:]
    unfinished = whole[:4]  # an unpacking that stopped among the validation files
    assert split_files(unfinished, info, "train") == whole[:2]
    assert split_files(unfinished, info, "test") == []
    for k in range(1, 21):
        write_picture(tmp_path / "celeba" / "img_align_celeba" / f"{k:06d}.jpg", 18, 22, (k, 0, 0))
    train, test = load("celeba", tmp_path), load("celeba", tmp_path, "test")
    assert (len(train), len(test)) == (18, 2)
    assert train.images.shape[1:] == (3, 64, 64)
    assert train.classes == ()
    assert not train.labels.any()
    write_picture(tmp_path / "celeba" / "img_align_celeba" / "me.jpg", 18, 22, (0, 0, 0))
    with pytest.raises(ReproError, match="six-digit"):
        load("celeba", tmp_path)
    (tmp_path / "celeba" / "img_align_celeba" / "me.jpg").rename(
        tmp_path / "celeba" / "img_align_celeba" / "162771.jpg"
    )
    assert len(load("celeba", tmp_path)) == 20
    with pytest.raises(ReproError, match=r"182638\.jpg is missing"):
        load("celeba", tmp_path, "test")


def test_lsun_reads_the_first_images_of_the_database(tmp_path: Path) -> None:
    write_lsun(tmp_path / "lsun_bedroom", 30)
    write_lsun(tmp_path / "lsun_bedroom", 5, "val")
    data = load("lsun_bedroom", tmp_path, limit=12)
    assert data.images.shape == (12, 3, 64, 64)
    assert (red_levels(data) - torch.arange(12)).abs().max() < 4
    assert len(load("lsun_bedroom", tmp_path)) == 30
    assert len(load("lsun_bedroom", tmp_path, "test")) == 5


def test_a_database_that_is_none_is_named(tmp_path: Path) -> None:
    write_lsun(tmp_path / "lsun_bedroom", 3)
    (tmp_path / "lsun_bedroom" / "bedroom_train_lmdb" / "data.mdb").write_bytes(b"x" * 10_000)
    with pytest.raises(ReproError, match=r"data.mdb .*damaged"):
        load("lsun_bedroom", tmp_path)
    with pytest.raises(ReproError, match=r"bedroom_val_lmdb .*missing"):
        load("lsun_bedroom", tmp_path, "test")


READ_EACH = """
import sys
from pathlib import Path
from repro.core.errors import ReproError
from repro.data.load import load_images

for root in map(Path, sys.argv[1:]):
    print(root.name, end=": ", flush=True)  # before it is opened, which may end the process
    try:
        load_images("lsun_bedroom", "train", source="real", limit=None, root=root)
        print("was read")
    except ReproError as error:
        print(error.message.splitlines()[0])
"""


def test_half_copied_databases_are_refused_and_kill_nothing(tmp_path: Path) -> None:
    """Mapped, each of them (a hole in the pictures apart) ends the process: in one of their own."""
    write_lsun(tmp_path, 400)
    whole = (tmp_path / "bedroom_train_lmdb" / "data.mdb").read_bytes()
    roots = []
    for kind in ("cut", "hole"):
        for share in (0.001, 0.3, 0.6, 0.99):
            roots.append(tmp_path / f"{kind} at {share}")
            path = roots[-1] / "lsun_bedroom" / "bedroom_train_lmdb" / "data.mdb"
            path.parent.mkdir(parents=True)
            kept = int(len(whole) * share)
            path.write_bytes(whole[:kept] + bytes(len(whole) - kept if kind == "hole" else 0))
    ended = subprocess.run([sys.executable, "-c", READ_EACH, *roots], capture_output=True, text=True)
    said = ended.stdout.splitlines()
    assert ended.returncode == 0, f"{ended.returncode} at the last of {said}: {ended.stderr}"
    for root, line in zip(roots, said, strict=True):
        assert line.startswith(f"{root.name}: ")
        assert "data.mdb of LSUN-Bedroom is damaged" in line or "cannot be decoded" in line, line


def test_each_page_of_the_tree_is_looked_at(tmp_path: Path) -> None:
    write_lsun(tmp_path, 2000)
    path = tmp_path / "bedroom_train_lmdb" / "data.mdb"
    require_whole(path)
    whole = path.read_bytes()
    heads = [whole[start : start + 12] for start in range(0, len(whole), 4096)]
    in_tree = [page for page, head in enumerate(heads) if head == page.to_bytes(8, "little") + b"\0\0\2\0"]
    assert len(in_tree) > 20
    noticed = 0
    for page in in_tree:
        path.write_bytes(whole[: page * 4096] + bytes(4096) + whole[(page + 1) * 4096 :])
        try:
            require_whole(path)
        except ValueError:
            noticed += 1
    with lmdb.open(str(path.parent), readonly=True, lock=False) as database:
        assert noticed == database.stat()["leaf_pages"]


def deep_picture(folder: Path, name: str) -> Path:
    """A ramp of 16-bit levels, dark to light."""
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16)[None].repeat(64, 0)
    path = folder / "celeba" / "img_align_celeba" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ramp).save(path)
    return path


def test_a_grey_picture_of_16_bits_keeps_its_levels(tmp_path: Path) -> None:
    deep_picture(tmp_path, "000001.png")
    image = load("celeba", tmp_path).images[0]
    expected = torch.linspace(0, 255, 64).expand(3, 64, 64)
    assert (image.float() - expected).abs().max() <= 1


@pytest.mark.parametrize("mode", ["F", "I"])
def test_pixels_without_a_fixed_range_are_refused(tmp_path: Path, mode: str) -> None:
    path = deep_picture(tmp_path, "000001.png")
    Image.new(mode, (8, 8), 1000).save(path, "TIFF")
    with pytest.raises(ReproError, match=f"mode {mode}"):
        load("celeba", tmp_path)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"])
def test_pictures_of_8_bits_become_what_pillow_makes_of_them(tmp_path: Path, mode: str) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    picture = Image.fromarray(levels).convert(mode)
    expected = torch.from_numpy(np.array(picture.convert("RGB")).transpose(2, 0, 1))
    assert torch.equal(torch.tensor(pixels(picture, CATALOGUE["celeba"], centre_square)), expected)


def test_centre_square_cuts_the_middle() -> None:
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 10:20] = 200
    square = np.asarray(centre_square(Image.fromarray(pixels), 5))
    assert square.shape == (5, 5, 3)
    assert (square == 200).all()
    assert sngan_square(Image.new("RGB", (600, 300)), 64).size == (64, 64)


def test_more_than_memory_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    info = CATALOGUE["lsun_bedroom"]
    monkeypatch.setattr("repro.data.memory.available_bytes", lambda: 2**30)
    require_memory(1000, info, "train")
    with pytest.raises(ReproError, match=r"34.7 GiB") as caught:
        require_memory(info.splits["train"], info, "train")
    assert "limit" in caught.value.remedy
