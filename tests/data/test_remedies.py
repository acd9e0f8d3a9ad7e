"""Each remedy that a message about data sets advises is done as it says: it works, and loses no file."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from data_archives import (
    packed,
    random_images,
    write_cifar10,
    write_cifar100,
    write_class_folders,
    write_lsun,
    write_picture,
    write_stl10,
    write_tiny_imagenet,
    zipped,
)
from data_server import FileServer, serving
from repro.core.errors import ReproError
from repro.data import fetch as fetch_module
from repro.data.catalogue import CATALOGUE, dataset_info
from repro.data.check import check
from repro.data.dataset import DatasetInfo
from repro.data.fetch import fetch
from repro.data.fingerprint import fingerprint
from repro.data.readers.imagenet_classes import CLASSES_151_TO_293
from repro.data.sets import celeba, tiny_imagenet
from repro.data.sources import Archive

DOGS = list(CLASSES_151_TO_293[:3])


def write_celeba(folder: Path, n: int = 20) -> None:
    for k in range(1, n + 1):
        write_picture(folder / f"{k:06d}.jpg", 18, 22, (k, 0, 0))


def write_both_lsun(folder: Path) -> None:
    write_lsun(folder, 6)
    write_lsun(folder, 3, "val")


WRITERS: dict[str, Callable[[Path], object]] = {
    "cifar10": write_cifar10,
    "cifar100": write_cifar100,
    "stl10": write_stl10,
    "tiny_imagenet": lambda folder: write_tiny_imagenet(folder, train=1),
    "lsun_bedroom": write_both_lsun,
    "imagenet143_64": lambda folder: write_class_folders(folder, DOGS, 2),
    "imagenet143_128": lambda folder: write_class_folders(folder, DOGS, 2),
    "celeba": write_celeba,
}
FETCHED = ("cifar10", "cifar100", "stl10", "tiny_imagenet")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every set, small, in its release's folder."""
    folders = {}
    for name, write in WRITERS.items():
        folders[name] = tmp_path_factory.mktemp(name) / Path(dataset_info(name).folders[0]).name
        write(folders[name])
    return folders


@pytest.fixture(scope="module")
def server(made: dict[str, Path]) -> Iterator[FileServer]:
    with serving({f"{name}.tar.gz": packed(made[name]) for name in FETCHED}) as running:
        yield running


@pytest.fixture(autouse=True)
def _released_there(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the small sets be the releases: their archives on localhost, their numbers of pictures."""
    official = fetch_module.archive_of

    def archive_of(info: DatasetInfo, root: Path) -> Archive:
        if info.name not in FETCHED:
            return official(info, root)
        content = server.files[f"{info.name}.tar.gz"]
        url = server.url(f"{info.name}.tar.gz")
        return Archive(url, f"{info.name}.tar.gz", "sha256", hashlib.sha256(content).hexdigest())

    monkeypatch.setattr(fetch_module, "archive_of", archive_of)
    monkeypatch.setattr(tiny_imagenet, "TRAIN", 1)
    monkeypatch.setattr(tiny_imagenet, "VALIDATION", 200)
    monkeypatch.setattr(celeba, "PICTURES", 20)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def place(name: str, made: dict[str, Path], root: Path, folder: str | None = None) -> Path:
    target = root / (folder or dataset_info(name).folders[0])
    shutil.copytree(made[name], target)
    return target


def contents(folder: Path) -> set[str]:
    """Return what lies in files below a folder, wherever: nothing of it may be lost."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def do(remedy: str, root: Path) -> Path:
    """Do what a remedy says, to the letter; return the data root to go on with."""
    away = root.parent / "elsewhere"
    away.mkdir(exist_ok=True)
    if found := re.match(r"give (\S+) as the data root", remedy):
        return Path(found[1])
    if found := re.match(r"move everything in (\S+) to (\S+), then delete (\S+), which is empty$", remedy):
        move_all(list(Path(found[1]).iterdir()), Path(found[2]))
        Path(found[3]).rmdir()
    elif found := re.match(r"move (.+) from (\S+) to (\S+)$", remedy):
        named = [each for each in Path(found[2]).iterdir() if each.is_file() or each.name in found[1]]
        move_all(named, Path(found[3]))
    elif found := re.match(r"move (\S+) (?:out of|elsewhere)", remedy):
        shutil.move(found[1], away / Path(found[1]).name)
    else:
        assert re.match(r"run 'repro data fetch \w+'", remedy), remedy
    if found := re.search(r"run 'repro data fetch (\w+)'", remedy):
        fetch(found[1], root, progress=False)
    return root


def move_all(entries: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        assert not (folder / entry.name).exists()
        if entry != folder and entry not in folder.parents:
            shutil.move(entry, folder / entry.name)


def mend(name: str, root: Path, says: str) -> None:
    """Check, do what the error advises, and check again; every file is still somewhere."""
    before = contents(root.parent)
    with pytest.raises(ReproError, match=says) as caught:
        check(name, root)
    assert "remove" not in caught.value.remedy
    root = do(caught.value.remedy, root)
    check(name, root)
    assert before <= contents(root.parent) | contents(root.parent.parent / "elsewhere")


def spoil(kind: str, folder: Path) -> None:
    """Damage one file, or take one away."""
    name, _, what = kind.partition(" ")
    path = folder / name
    if what == "gone":
        shutil.move(path, folder.parents[2] / "elsewhere-before")
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "foreign":
        path.write_text("mine")
    else:
        path.write_bytes(path.read_bytes()[:-20] + b"\xff" * 20)


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("cifar10", "data_batch_3 gone", "data_batch_3 is missing"),
        ("cifar10", "batches.meta gone", "batches.meta is missing"),
        ("cifar10", "data_batch_2 empty", "data_batch_2 of CIFAR-10 is damaged"),
        ("cifar10", "data_batch_6 foreign", "data_batch_6 is no part"),
        ("cifar100", "meta gone", "meta is missing"),
        ("cifar100", "train empty", "train of CIFAR-100 is damaged"),
        ("stl10", "class_names.txt gone", "class_names.txt is missing"),
        ("stl10", "class_names.txt empty", "names 0 classes"),
        ("stl10", "class_names.txt bytes", "no text in UTF-8"),
        ("stl10", "train_X.bin empty", "no multiple"),
        ("stl10", "test_y.bin empty", "0 labels for 10 images"),
        ("tiny_imagenet", "wnids.txt gone", "wnids.txt is missing"),
        ("tiny_imagenet", "wnids.txt empty", "lists 0 classes"),
        ("tiny_imagenet", "val/val_annotations.txt gone", "val_annotations.txt is missing"),
        ("tiny_imagenet", "val/val_annotations.txt bytes", "no text in UTF-8"),
        ("tiny_imagenet", "val/images/val_3.JPEG gone", "val_3.JPEG is listed"),
        ("tiny_imagenet", "val/images/val_3.JPEG empty", "val_3.JPEG of Tiny-ImageNet-200 is damaged"),
        ("tiny_imagenet", "val/images/val_3000.JPEG foreign", "no line for it"),
        ("tiny_imagenet", "train/n00000005 gone", "train/n00000005 is missing"),
        ("tiny_imagenet", "train/n00000005/images gone", "train/n00000005/images is missing"),
        ("tiny_imagenet", "train/n00000005/images/notes.txt foreign", "notes.txt is no part"),
        ("tiny_imagenet", "train/notes.txt foreign", "notes.txt is no part"),
        ("lsun_bedroom", "bedroom_val_lmdb/notes foreign", ""),
        ("imagenet143_64", "train/notes.txt foreign", "only class folders"),
        ("imagenet143_64", "train/n02085620/notes.txt foreign", "only pictures"),
        ("celeba", "notes.txt foreign", "only pictures"),
    ],
)
def test_one_file_that_is_missing_damaged_or_foreign(
    made: dict[str, Path], root: Path, name: str, kind: str, says: str
) -> None:
    folder = place(name, made, root)
    spoil(kind, folder)
    if says:
        mend(name, root, says)
    assert len(check(name, root).splits) == len(CATALOGUE[name].splits)


def test_fetching_puts_back_what_is_missing_and_leaves_the_rest(made: dict[str, Path], root: Path) -> None:
    folder = place("cifar10", made, root)
    (folder / "data_batch_3").unlink()
    (folder / "test_batch").write_text("mine")
    assert fetch("cifar10", root, progress=False) == folder
    assert (folder / "data_batch_3").read_bytes() == (made["cifar10"] / "data_batch_3").read_bytes()
    assert (folder / "test_batch").read_text() == "mine"
    assert fetch("cifar10", root, progress=False) == folder


def test_another_release_in_the_folder(
    made: dict[str, Path], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = random_images(120, 32)[:100], np.arange(100) % 10
    right = fingerprint(torch.from_numpy(images), torch.from_numpy(labels))
    small = replace(CATALOGUE["cifar10"], splits={"train": 100}, fingerprints={"train": right})
    monkeypatch.setitem(CATALOGUE, "cifar10", small)
    write_cifar10(root / "cifar10" / "cifar-10-batches-py", seed=1)
    mend("cifar10", root, "not those of the release")
    assert check("cifar10", root).canonical == "yes"


def test_more_images_than_the_release_has(
    made: dict[str, Path], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(CATALOGUE["cifar10"], splits={"train": 100}, fingerprints={})
    monkeypatch.setitem(CATALOGUE, "cifar10", small)
    write_cifar10(root / "cifar-10-batches-py", per_batch=30)
    mend("cifar10", root, "150 images, the release has 100")
    monkeypatch.setitem(CATALOGUE, "celeba", replace(CATALOGUE["celeba"], splits={"train": 17}))
    place("celeba", made, root)
    with pytest.raises(ReproError, match="18 images, the release has 17") as caught:
        check("celeba", root)
    folder = root / "celeba" / "img_align_celeba"
    assert caught.value.remedy == f"move what does not belong to the release out of {folder}"
    (folder / "000020.jpg").rename(root / "away.jpg")
    (folder / "000019.jpg").rename(root / "away-too.jpg")
    check("celeba", root)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("where", ["nested", "flat", "root", "renamed", "other"])
def test_a_folder_too_many_or_too_few(made: dict[str, Path], root: Path, name: str, where: str) -> None:
    """The error shows both trees and says what to move; done so, the set is found."""
    expected = Path(dataset_info(name).folders[0])
    target = {
        "nested": expected / expected.name,
        "flat": expected.parent,
        "root": Path(),
        "renamed": expected.with_name("old"),
        "other": Path("imagenet/ILSVRC/Data/CLS-LOC"),
    }[where]
    shutil.copytree(made[name], root / target, dirs_exist_ok=True)
    with pytest.raises(ReproError, match="wrong folder") as caught:
        check(name, root)
    assert f"expected: {root}/" in caught.value.message
    assert f"found:    {root}" in caught.value.message
    mend(name, root, "wrong folder")


@pytest.mark.parametrize("name", ["cifar10", "celeba", "imagenet143_64"])
def test_the_folder_of_one_set_given_as_data_root(made: dict[str, Path], root: Path, name: str) -> None:
    folder = place(name, made, root, dataset_info(name).folders[-1 if name != "imagenet143_64" else 0])
    with pytest.raises(ReproError, match="wrong folder") as caught:
        check(name, folder)
    assert do(caught.value.remedy, folder) == root
    check(name, root)


@pytest.mark.parametrize("part", ["train", "val"])
def test_pictures_that_are_not_sorted_by_class(made: dict[str, Path], root: Path, part: str) -> None:
    """ImageNet's validation archive has no class folders."""
    folder = place("imagenet143_64", made, root) / part
    for picture in sorted(folder.rglob("*.JPEG")):
        picture.rename(folder / picture.name)
    for name in DOGS:
        (folder / name).rmdir()
    with pytest.raises(ReproError, match=f"{part} of ImageNet-143 .* pictures where class folders") as caught:
        check("imagenet143_64", root)
    assert caught.value.remedy == f"sort the pictures in {folder} into one folder for each class"
    for picture in sorted(folder.glob("*.JPEG")):
        (folder / picture.name[:9]).mkdir(exist_ok=True)
        picture.rename(folder / picture.name[:9] / picture.name)
    check("imagenet143_64", root)


def test_lsun_unpacked_one_folder_too_deep(made: dict[str, Path], root: Path) -> None:
    folder = place("lsun_bedroom", made, root) / "bedroom_train_lmdb"
    (folder / "bedroom_train_lmdb").mkdir()
    (folder / "data.mdb").rename(folder / "bedroom_train_lmdb" / "data.mdb")
    mend("lsun_bedroom", root, "data.mdb is missing")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("imagenet143_64", "val"),
        ("imagenet143_128", "train"),
        ("lsun_bedroom", "bedroom_val_lmdb"),
        ("lsun_bedroom", "bedroom_train_lmdb"),
    ],
)
def test_a_renamed_part_of_a_set_placed_by_hand(
    made: dict[str, Path], root: Path, name: str, part: str
) -> None:
    """Both commands say what belongs where, show what is there instead, and advise to remove nothing."""
    folder = place(name, made, root)
    (folder / part).rename(folder / "validation")
    for command in (check, fetch):
        with pytest.raises(ReproError) as caught:
            command(name, root)
        hint = f"if {folder}/validation is it, rename it to {part}; otherwise put "
        assert caught.value.remedy.startswith(hint)
        assert "remove" not in caught.value.remedy
        assert str(folder) in caught.value.remedy
    with pytest.raises(ReproError, match=r"found:(.|\n)*validation/"):
        check(name, root)
    (folder / "validation").rename(folder / part)
    check(name, root)
    assert fetch(name, root) == folder


def test_a_half_copied_database_is_to_be_got_again(made: dict[str, Path], root: Path) -> None:
    path = place("lsun_bedroom", made, root) / "bedroom_train_lmdb" / "data.mdb"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReproError, match=r"of the .* bytes that its own header tells") as caught:
        check("lsun_bedroom", root)
    assert caught.value.remedy.startswith(f"move {path} out of the folder; then put data.mdb back in")
    path.rename(root / "half")
    path.write_bytes(whole)
    check("lsun_bedroom", root)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("name", FETCHED)
def test_an_archive_in_the_data_root_needs_no_network(
    made: dict[str, Path], root: Path, server: FileServer, name: str, beside: bool
) -> None:
    place_ = root / name if beside else root
    place_.mkdir(exist_ok=True)
    archive = place_ / f"{name}.tar.gz"
    archive.write_bytes(server.files[archive.name])
    asked = len(server.requests)
    fetch(name, root, progress=False)
    assert len(server.requests) == asked
    assert archive.exists()  # it is the user's
    check(name, root)


def test_a_wrong_archive_in_the_data_root(made: dict[str, Path], root: Path) -> None:
    (root / "cifar10.tar.gz").write_bytes(b"half of it")
    with pytest.raises(ReproError, match="not the published file") as caught:
        fetch("cifar10", root, progress=False)
    do(caught.value.remedy, root)
    fetch("cifar10", root, progress=False)
    check("cifar10", root)


def test_without_a_network_the_file_can_be_got_elsewhere(root: Path, server: FileServer) -> None:
    for url, says in (
        ("http://127.0.0.1:9/x", "could not be downloaded"),
        (server.url("absent"), "answers 404"),
    ):
        with pytest.raises(ReproError, match=says) as caught:
            fetch("cifar10", root, progress=False, url=url)
        assert "put cifar10.tar.gz, got elsewhere, into the data root" in caught.value.remedy
    (root / "cifar10.tar.gz").write_bytes(server.files["cifar10.tar.gz"])
    fetch("cifar10", root, progress=False, url=url)
    check("cifar10", root)


def test_celeba_is_unpacked_from_the_archive_that_its_page_gives(
    made: dict[str, Path], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ReproError, match="cannot be fetched automatically") as caught:
        fetch("celeba", root, progress=False)
    assert "place it in the data root and run 'repro data fetch celeba'" in caught.value.remedy
    content = zipped(made["celeba"])
    official = fetch_module.hand_placed_archive(CATALOGUE["celeba"])
    assert official is not None
    known = replace(official, digest=hashlib.md5(content).hexdigest())
    monkeypatch.setattr(fetch_module, "hand_placed_archive", lambda info: known)
    (root / "img_align_celeba.zip").write_bytes(content)
    folder = fetch("celeba", root, progress=False)
    check("celeba", root)
    (folder / "000007.jpg").unlink()
    fetch("celeba", root, progress=False)
    assert (folder / "000007.jpg").exists()
