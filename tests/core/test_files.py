"""Files: written whole or not at all, read with the line of a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.core.errors import ReproError
from repro.core.files import atomic_write_json, read_json, replacing


def interrupted_write(path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "a" / "value.json"
    atomic_write_json(path, {"a": 1})
    assert path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(ValueError, match="JSON compliant"):
        atomic_write_json(path, {"a": float("nan")})
    with pytest.raises(KeyboardInterrupt):
        interrupted_write(path)
    assert read_json(path, remedy="none") == {"a": 1}
    assert [p.name for p in path.parent.iterdir()] == ["value.json"]


def test_damaged_json_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    path.write_text('{\n"a": 1,\n"b" 2}')
    with pytest.raises(ReproError, match="damaged") as caught:
        read_json(path, remedy="delete it")
    assert (caught.value.line, caught.value.remedy) == (3, "delete it")
    with pytest.raises(ReproError, match="missing"):
        read_json(tmp_path / "other.json", remedy="make it")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReproError):
        read_json(path, remedy="delete it")
