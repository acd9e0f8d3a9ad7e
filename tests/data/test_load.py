"""Loading by name: what is asked wrongly, and the cache of decoded pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import SafetensorError

from data_archives import write_class_folders, write_picture
from repro.core.errors import ReproError
from repro.data import load as load_module
from repro.data import memory
from repro.data.cache import cache_file, load_cached, save_cached
from repro.data.catalogue import CATALOGUE, dataset_info
from repro.data.check import check
from repro.data.fingerprint import fingerprint
from repro.data.image_set import ImageSet
from repro.data.load import load_images
from repro.data.readers.found import Found, balanced_subset, find_folder
from repro.data.state import folder_at_hand, folder_state


@pytest.mark.parametrize(
    ("name", "split", "message", "remedy"),
    [
        ("cifar", "train", "no data set 'cifar'", "cifar100"),
        ("cifar10", "val", "no split 'val'", "validation5k"),
        ("gaussians", "test", "no split 'test'", "none"),
    ],
)
def test_unknown_names_are_answered_with_the_known_ones(
    name: str, split: str, message: str, remedy: str
) -> None:
    with pytest.raises(ReproError, match=message) as caught:
        load_images(name, split, source="synthetic", limit=10, root=None)
    assert remedy in caught.value.remedy


def test_real_data_needs_a_root_that_holds_it(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="no data root") as caught:
        load_images("cifar10", "train", source="real", limit=None, root=None)
    assert "REPRO_DATA" in caught.value.remedy
    with pytest.raises(ReproError, match="not a folder"):
        load_images("cifar10", "train", source="real", limit=None, root=tmp_path / "absent")
    with pytest.raises(ReproError, match="cifar-10-batches-py") as caught:
        load_images("cifar10", "train", source="real", limit=None, root=tmp_path)
    assert "repro data fetch cifar10" in caught.value.remedy


def test_every_image_set_has_a_reader_a_place_and_a_list_of_files() -> None:
    for name, info in CATALOGUE.items():
        if not info.drawn:
            known = (info.read, info.splits, info.folders, info.tree, info.signs, info.needed)
            assert all(known), name
            assert info.archive or info.by_hand, name


def test_first_and_to_keep_images_with_labels() -> None:
    images = torch.arange(4 * 12, dtype=torch.uint8).view(4, 3, 2, 2)
    labels = torch.tensor([2, 0, 1, 3])
    data = ImageSet("cifar10", "train", "real", images, labels, (), fingerprint(images, labels), True)
    part = data.first(3).to("cpu")
    assert torch.equal(part.images, images[:3])
    assert part.fingerprint == fingerprint(images[:3], labels[:3])
    assert part.stand_ins == ("sample_data",)
    assert data.first(4) is data
    assert data.stand_ins == ()


def test_first_of_a_set_in_order_of_its_classes_is_of_all_of_them() -> None:
    images, labels = torch.arange(90 * 12).view(90, 3, 2, 2).byte(), torch.arange(3).repeat_interleave(30)
    ordered = ImageSet("cifar10", "test", "real", images, labels, (), fingerprint(images, labels), True)
    part = ordered.first(12)
    assert part.labels.bincount().tolist() == [4, 4, 4]
    assert part.fingerprint == fingerprint(part.images, part.labels) == ordered.first(12).fingerprint
    assert all(any(torch.equal(one, other) for other in images) for one in part.images)
    unlabelled = replace(ordered, labels=torch.zeros_like(labels))
    assert torch.equal(unlabelled.first(12).images, images[:12])


def test_balanced_subset_is_round_robin_over_unequal_classes() -> None:
    labels = [0] * 10 + [1] * 2 + [2] * 5
    chosen = balanced_subset(labels, 9)
    assert (
        sorted(labels[i] for i in chosen) == [0] * 4 + [1] * 2 + [2] * 3
        or sorted(labels[i] for i in chosen) == [0] * 3 + [1] * 2 + [2] * 4
    )
    assert list(balanced_subset(labels, None)) == list(range(17))


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_class_folders(tmp_path / "imagenet", ["n02085620", "n02130308"], 3)
    monkeypatch.setattr(load_module, "WORTH_IT", 1)
    return tmp_path


def load(root: Path) -> ImageSet:
    return load_images("imagenet143_64", "train", source="real", limit=None, root=root)


def test_the_cache_gives_the_same_set_and_notices_changed_files(folders: Path) -> None:
    first = load(folders)
    path = cache_file(folders, dataset_info("imagenet143_64"), "train", None)
    assert path.exists()
    made = path.stat().st_mtime_ns
    again = load(folders)
    assert torch.equal(first.images, again.images)
    assert (first.fingerprint, first.classes, first.complete) == (
        again.fingerprint,
        again.classes,
        again.complete,
    )
    assert path.stat().st_mtime_ns == made
    write_picture(folders / "imagenet" / "train" / "n02085620" / "new.png", 9, 9, (250, 0, 0))
    assert len(load(folders)) == 7
    assert len(load(folders)) == 7


def test_memory_is_asked_for_a_cached_set_too(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(folders)
    monkeypatch.setattr(memory, "available_bytes", lambda: 1000)
    with pytest.raises(ReproError, match="of memory"):
        load(folders)


def test_checking_opens_every_file_although_a_cache_is_there(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_module, "folder_state", lambda *_: "as before")  # decay of the disk is not seen
    load(folders)
    victim = folders / "imagenet" / "train" / "n02085620" / "n02085620_0.JPEG"
    victim.write_bytes(b"xx" + victim.read_bytes()[2:])
    load(folders)
    with pytest.raises(ReproError, match="damaged") as caught:
        check("imagenet143_64", folders)
    assert caught.value.where == str(victim)


@pytest.mark.parametrize("position", [0, 40, -1])
def test_a_damaged_cache_is_made_again(folders: Path, position: int) -> None:
    first = load(folders)
    path = cache_file(folders, dataset_info("imagenet143_64"), "train", None)
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(content)
    assert torch.equal(load(folders).images, first.images)
    info = dataset_info("imagenet143_64")
    assert load_cached(path, folder_state(folders / "imagenet", info), info, "train") is not None


def test_any_bytes_make_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/donn\xe9es"))  # Latin-1
    write_class_folders(root / "imagenet", ["n02085620"], 3)
    monkeypatch.setattr(load_module, "WORTH_IT", 1)
    first, again = load(root), load(root)
    assert torch.equal(first.images, again.images)
    assert check("imagenet143_64", root).splits[0].images == 3


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / ".cache").write_text("a file where the folder should be")
    found = Found(torch.zeros(1, 3, 2, 2, dtype=torch.uint8), torch.zeros(1, dtype=torch.int64), (), 1)
    save_cached(tmp_path / ".cache" / "x.safetensors", "state", found, "identity")
    assert [path.name for path in tmp_path.iterdir()] == [".cache"]


@pytest.mark.parametrize("suffix", [".JPG", ".jpeg", ".PNG", ".webp", ".bmp"])
def test_a_set_of_any_pictures_that_can_be_read_is_seen_when_it_changes(tmp_path: Path, suffix: str) -> None:
    info = dataset_info("imagenet143_64")
    write_class_folders(tmp_path / "imagenet", ["n02085620"], 1)
    for path in sorted((tmp_path / "imagenet").rglob("*.JPEG")):
        Image.open(path).save(path.with_suffix(suffix), format="PNG")
        path.unlink()
    assert len(load(tmp_path)) == 1
    assert folder_at_hand(info, tmp_path) == tmp_path / "imagenet"


def test_a_cache_that_cannot_be_written_or_looked_for_is_no_cache(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise SafetensorError("I/O error: no space left on device")

    monkeypatch.setattr("repro.data.cache.save_file", full)
    first = load(folders)
    path = cache_file(folders, dataset_info("imagenet143_64"), "train", None)
    assert not path.exists()

    def private(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "exists", private)
    assert load_cached(path, "state", dataset_info("imagenet143_64"), "train") is None
    monkeypatch.undo()
    assert torch.equal(load(folders).images, first.images)


def test_empty_and_unreadable_folders_are_named(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = folders / "celeba" / "img_align_celeba"
    empty.mkdir(parents=True)
    with pytest.raises(ReproError, match="holds no pictures") as caught:
        load_images("celeba", "train", source="real", limit=None, root=folders)
    assert caught.value.where == str(empty)
    closed, listed = folders / "imagenet" / "train" / "n02085620", type(folders).iterdir

    def iterdir(self: Path) -> Iterator[Path]:
        if self == closed:
            raise PermissionError(13, "Permission denied", str(self))
        return listed(self)

    monkeypatch.setattr(type(folders), "iterdir", iterdir)
    with pytest.raises(ReproError, match="cannot be read: Permission denied") as caught:
        load(folders)
    assert caught.value.where == str(closed)


@pytest.mark.parametrize(("limit", "free"), [("max", None), ("3000", 1500), ("1000", 0)])
def test_a_containers_memory_is_what_it_has_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, free: int | None
) -> None:
    (tmp_path / "limit").write_text(f"{limit}\n")
    (tmp_path / "taken").write_text("2000\n")
    (tmp_path / "memory.stat").write_text("anon 1500\nactive_file 300\ninactive_file 200\n")
    monkeypatch.setattr(memory, "_GROUPS", ((str(tmp_path), "limit", "taken", ""),))
    found = memory.available_bytes()
    assert found == free if free is not None else found > 3000


def test_what_another_reader_made_is_not_taken_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = dataset_info("tiny_imagenet")
    found = Found(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.tensor([0, 1]), ("a", "b"), 2)
    path = tmp_path / "cached.safetensors"
    save_cached(path, "state", found, fingerprint(found.images, found.labels))
    assert load_cached(path, "state", info, "train") is not None
    monkeypatch.setattr("repro.data.cache.readers", lambda: "another")
    assert load_cached(path, "state", info, "train") is None


def test_links_that_lead_nowhere_or_round_are_part_of_a_folders_state(tmp_path: Path) -> None:
    (tmp_path / "picture").write_text("x")
    before = folder_state(tmp_path, dataset_info("cifar10"))
    for name, to in (("itself", "itself"), ("round", "."), ("again", "."), ("gone", "nowhere")):
        (tmp_path / name).symlink_to(to)
        after = folder_state(tmp_path, dataset_info("cifar10"))
        assert after != before
        before = after


def test_more_classes_than_the_set_has_are_refused(tmp_path: Path) -> None:
    pixels, labels = torch.zeros(3, 3, 64, 64, dtype=torch.uint8), torch.arange(3)
    found = Found(pixels, labels, ("a", "b", "c"), 3)
    whole = dataset_info("tiny_imagenet")
    info = replace(whole, classes=2, read=lambda *_: found, folders=("here",), signs=("*",))
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "picture").write_text("x")
    with pytest.raises(ReproError, match="has 3 classes, not 2"):
        load_module.read_files(info, "train", None, tmp_path, use_cache=False)


def test_points_have_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="have no files"):
        find_folder(tmp_path, dataset_info("gaussians"))
