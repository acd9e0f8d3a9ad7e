"""Hostile archives cannot write outside their folder."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from repro.core.errors import ReproError
from repro.data.extract import extract

NAMES = [
    "../outside.txt",
    "a/../../outside.txt",
    "/tmp/outside.txt",
    "..",
    "a\\..\\..\\outside.txt",
    "C:/outside.txt",
]


def tar_with(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            content = b"evil" if member.isreg() else b""
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def unpack(archive: Path) -> Path:
    folder = archive.parent / "inside"
    folder.mkdir(exist_ok=True)
    extract(archive, folder)
    return folder


def outside(root: Path) -> list[str]:
    """Return what lies beside the archive and its folder."""
    return sorted(path.name for path in root.iterdir() if path.name not in ("inside", "x.tar.gz", "x.zip"))


@pytest.mark.parametrize("name", NAMES)
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    archive = tar_with(tmp_path / "x.tar.gz", entry("fine.txt"), entry(name))
    with pytest.raises(ReproError, match="outside the folder"):
        unpack(archive)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as container:
        container.writestr(name, "evil")
    with pytest.raises(ReproError, match="outside the folder"):
        unpack(tmp_path / "x.zip")
    assert outside(tmp_path) == []
    assert not Path("/tmp/outside.txt").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    through = [entry("door", kind, ".."), entry("door/outside.txt")]
    with pytest.raises(ReproError, match="'door' is a link or a device"):
        unpack(tar_with(tmp_path / "x.tar.gz", *through))
    assert outside(tmp_path) == []
    assert list((tmp_path / "inside").iterdir()) == []


def test_links_in_zip_files_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("door")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as container:
        container.writestr(link, "..")
        container.writestr("door/outside.txt", "evil")
    with pytest.raises(ReproError, match="link or a device"):
        unpack(tmp_path / "x.zip")
    assert outside(tmp_path) == []


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="twice"):
        unpack(tar_with(tmp_path / "x.tar.gz", entry("a.txt"), entry("a.txt")))


def test_permissions_in_the_archive_are_ignored(tmp_path: Path) -> None:
    member = entry("a/program")
    member.mode = 0o4777
    folder = unpack(tar_with(tmp_path / "x.tar.gz", member))
    assert (folder / "a" / "program").read_bytes() == b"evil"
    assert (folder / "a" / "program").stat().st_mode & (stat.S_ISUID | 0o111) == 0


def test_a_zip_whose_content_changed_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as container:
        container.writestr("a.txt", "original")
    path.write_bytes(path.read_bytes().replace(b"original", b"0riginal"))
    with pytest.raises(ReproError, match="cannot be unpacked"):
        unpack(path)


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.rar"
    path.write_bytes(b"")
    with pytest.raises(ReproError, match="neither"):
        unpack(path)
