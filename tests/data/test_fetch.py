"""Fetching from a server on localhost: whole, interrupted, wrong, absent and damaged files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_archives import packed, write_cifar10, write_stl10, write_tiny_imagenet, zipped
from data_server import FileServer, serving
from repro.core.errors import ReproError
from repro.core.scratch import HELD
from repro.data import download as download_module
from repro.data.catalogue import CATALOGUE
from repro.data.fetch import fetch, fetch_archive
from repro.data.load import load_images
from repro.data.sources import Archive, archive_of

INFO = CATALOGUE["cifar10"]


def archive_at(server: FileServer, name: str, content: bytes) -> Archive:
    return Archive(server.url(name), name, "sha256", hashlib.sha256(content).hexdigest())


@pytest.fixture(scope="module")
def cifar(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("made") / "cifar-10-batches-py"
    write_cifar10(folder)
    return packed(folder)


@pytest.fixture
def server(cifar: bytes) -> Iterator[FileServer]:
    with serving({"cifar.tar.gz": cifar}) as running:
        yield running


def test_a_fetched_set_can_be_read_and_is_not_fetched_again(
    tmp_path: Path, server: FileServer, cifar: bytes
) -> None:
    root = tmp_path / "data"
    killed = root / ".downloads" / "unpacking-killed"
    killed.mkdir(parents=True)
    (killed / HELD).touch()
    folder = fetch_archive(INFO, archive_at(server, "cifar.tar.gz", cifar), root, progress=False)
    assert folder == root / "cifar10" / "cifar-10-batches-py"
    assert len(load_images("cifar10", "train", source="real", limit=None, root=root)) == 100
    assert [path.name for path in (root / ".downloads").iterdir() if path.name != ".lock"] == []
    assert fetch("cifar10", root, progress=False, url=server.url("cifar.tar.gz")) == folder
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["stl10", "tiny_imagenet"])
def test_the_other_archives_are_unpacked_where_their_reader_looks(tmp_path: Path, name: str) -> None:
    if name == "stl10":
        write_stl10(tmp_path / "stl10_binary")
        file, content = "stl10_binary.tar.gz", packed(tmp_path / "stl10_binary")
    else:
        write_tiny_imagenet(tmp_path / "tiny-imagenet-200", train=1)
        file, content = "tiny-imagenet-200.zip", zipped(tmp_path / "tiny-imagenet-200")
    with serving({file: content}) as server:
        fetch_archive(CATALOGUE[name], archive_at(server, file, content), tmp_path / "data", progress=True)
    assert len(load_images(name, "train", source="real", limit=5, root=tmp_path / "data")) == 5


def test_a_lost_connection_is_taken_up_again(tmp_path: Path, server: FileServer, cifar: bytes) -> None:
    server.hang_ups = [1000, 2000]
    fetch_archive(INFO, archive_at(server, "cifar.tar.gz", cifar), tmp_path, progress=False)
    assert [wanted for _, wanted in server.requests] == [None, "bytes=1000-", "bytes=3000-"]
    assert len(load_images("cifar10", "test", source="real", limit=None, root=tmp_path)) == 20


def test_a_stopped_download_continues_in_the_next_call(
    tmp_path: Path, server: FileServer, cifar: bytes
) -> None:
    archive = archive_at(server, "cifar.tar.gz", cifar)
    server.hang_ups = [1000] + [0] * (download_module.ATTEMPTS - 1)
    with pytest.raises(ReproError, match="could not be downloaded") as caught:
        fetch_archive(INFO, archive, tmp_path, progress=False)
    assert "continues where it stopped" in caught.value.remedy
    assert (tmp_path / ".downloads" / "cifar.tar.gz.part").read_bytes() == cifar[:1000]
    fetch_archive(INFO, archive, tmp_path, progress=False)
    assert server.requests[-1] == ("/cifar.tar.gz", "bytes=1000-")


def test_a_server_without_ranges_starts_over(tmp_path: Path, server: FileServer, cifar: bytes) -> None:
    server.ranges = False
    server.hang_ups = [1000]
    fetch_archive(INFO, archive_at(server, "cifar.tar.gz", cifar), tmp_path, progress=False)
    assert (tmp_path / "cifar10" / "cifar-10-batches-py" / "test_batch").exists()


@pytest.mark.parametrize("length", ["abc", "", "-5", "1e6", "12, 12"])
def test_a_length_that_is_no_number_is_as_good_as_none(
    tmp_path: Path, server: FileServer, cifar: bytes, length: str
) -> None:
    server.length = length
    fetch_archive(INFO, archive_at(server, "cifar.tar.gz", cifar), tmp_path, progress=True)
    assert (tmp_path / "cifar10" / "cifar-10-batches-py" / "test_batch").exists()


@pytest.mark.parametrize("length", ["0", "10"])
def test_a_length_that_is_too_small_gives_a_part_which_is_refused(
    tmp_path: Path, server: FileServer, cifar: bytes, length: str
) -> None:
    server.length = length
    with pytest.raises(ReproError, match="not the published file"):
        fetch_archive(INFO, archive_at(server, "cifar.tar.gz", cifar), tmp_path, progress=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "http://[::1",
        "https://host:abc/x",
        "ftp://host/x",
        "file:///etc/hosts",
        "http:///x",
        "http://host/ä",
    ],
)
def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ReproError, match="cannot download from") as caught:
        fetch_archive(INFO, Archive(url, "x.tar.gz", "sha256", "0" * 64), tmp_path, progress=False)
    assert "https://" in caught.value.remedy


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a b", "http://nowhere.invalid/x"])
def test_an_address_that_leads_nowhere_is_named(tmp_path: Path, url: str) -> None:
    with pytest.raises(ReproError, match="could not be downloaded"):
        fetch_archive(INFO, Archive(url, "x.tar.gz", "sha256", "0" * 64), tmp_path, progress=False)


def test_a_whole_part_needs_no_more_bytes(tmp_path: Path, server: FileServer, cifar: bytes) -> None:
    part = tmp_path / ".downloads" / "cifar.tar.gz.part"
    part.parent.mkdir()
    part.write_bytes(cifar)
    fetch_archive(INFO, archive_at(server, "cifar.tar.gz", cifar), tmp_path, progress=False)
    assert (tmp_path / "cifar10" / "cifar-10-batches-py" / "test_batch").exists()


def test_a_wrong_file_is_refused_and_nothing_else_is_removed(tmp_path: Path, server: FileServer) -> None:
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / "mine.txt").write_text("keep")
    (tmp_path / ".downloads").mkdir()
    (tmp_path / ".downloads" / "other.part").write_text("keep")
    with pytest.raises(ReproError, match="not the published file") as caught:
        fetch("cifar10", tmp_path, progress=False, url=server.url("cifar.tar.gz"))
    assert caught.value.where == str(tmp_path / ".downloads" / "cifar-10-python.tar.gz")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        ".lock",
        "mine.txt",
        "other.part",
    ]


@pytest.mark.parametrize("cut", [50, 5000])
@pytest.mark.parametrize("name", ["cifar.tar.gz", "cifar.zip"])
def test_a_damaged_archive_leaves_no_folder(tmp_path: Path, cifar: bytes, name: str, cut: int) -> None:
    broken = cifar[:cut]
    with (
        serving({name: broken}) as server,
        pytest.raises(ReproError, match="cannot be unpacked") as caught,
    ):
        fetch_archive(INFO, archive_at(server, name, broken), tmp_path, progress=False)
    assert caught.value.where == str(tmp_path / ".downloads" / name)
    assert not (tmp_path / "cifar10").exists()


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "sea.txt").write_text("blue")
    content = packed(tmp_path / "holiday")
    with (
        serving({"x.tar.gz": content}) as server,
        pytest.raises(ReproError, match="does not hold the folder"),
    ):
        fetch_archive(INFO, archive_at(server, "x.tar.gz", content), tmp_path / "data", progress=False)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lsun_bedroom", "bedroom_train_lmdb/data.mdb"),
        ("imagenet143_64", "imagenet/train"),
        ("imagenet143_128", "151 to 293"),
        ("celeba", "celeba/img_align_celeba"),
        ("gaussians", "drawn at run time"),
    ],
)
def test_sets_without_a_download_say_what_to_place_where(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ReproError) as caught:
        fetch(name, tmp_path, progress=False)
    assert words in caught.value.remedy


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "stl10", "tiny_imagenet"])
def test_archives_have_an_address_and_a_checksum(tmp_path: Path, name: str) -> None:
    archive = archive_of(CATALOGUE[name], tmp_path)
    assert archive.url.endswith(archive.filename)
    assert len(archive.digest) == 32
