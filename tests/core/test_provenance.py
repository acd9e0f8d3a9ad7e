"""The commit in the provenance: the right one whatever the environment says, or why there is none."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

from repro.core import provenance


def git(folder: Path, *arguments: str) -> str:
    author = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "core.hooksPath=/dev/null")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *author, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout with the tracked file that the provenance looks for."""
    return make(tmp_path / "checkout")


def make(folder: Path) -> Path:
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "provenance.py").write_text(f"# {folder.name}\n")
    git(folder, "add", "provenance.py")
    git(folder, "commit", "-qm", "a file")
    return folder


def test_commit_and_changes_are_told(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    assert provenance._git(checkout) == {"commit": commit, "changed": False}
    (checkout / "new.txt").write_text("not tracked")
    assert provenance._git(checkout) == {"commit": commit, "changed": False}
    (checkout / "provenance.py").write_text("# changed\n")
    assert provenance._git(checkout) == {"commit": commit, "changed": True}


def test_code_that_git_does_not_track_is_a_change(checkout: Path) -> None:
    room = checkout / "src" / "repro" / "core"
    room.mkdir(parents=True)
    (room / "provenance.py").write_text("")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "where it lies in this repository")
    assert not provenance._git(room)["changed"]
    (room.parent / "mine.py").write_text("METHOD = None\n")
    assert provenance._git(room)["changed"]


def test_what_a_hook_sets_for_another_repository_is_ignored(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make(tmp_path / "other")
    expected = provenance._git(checkout)
    for name, value in (
        ("GIT_DIR", other / ".git"),
        ("GIT_WORK_TREE", other),
        ("GIT_INDEX_FILE", other / ".git" / "index"),
        ("GIT_OBJECT_DIRECTORY", other / ".git" / "objects"),
        ("GIT_CEILING_DIRECTORIES", tmp_path),
        ("GIT_PREFIX", "elsewhere/"),
    ):
        monkeypatch.setenv(name, str(value))
        assert provenance._git(checkout) == expected


def why(folder: Path) -> str:
    found = provenance._git(folder)
    assert set(found) == {"commit", "no_commit"}
    assert found["commit"] is None
    return str(found["no_commit"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_files_of_another_user_are_named_as_the_reason(checkout: Path) -> None:
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, 54321, 54321)
    assert "dubious ownership" in why(checkout)


def test_other_reasons_are_named_too(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain").mkdir()
    assert "not a git repository" in why(tmp_path / "plain")
    (checkout / "sub").mkdir()
    assert "does not track it" in why(checkout / "sub")
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    (empty / "provenance.py").write_text("")
    git(empty, "add", "provenance.py")
    assert "HEAD" in why(empty)  # there is no commit yet
    monkeypatch.setenv("PATH", str(tmp_path / "plain"))
    assert "No such file" in why(checkout)


def test_the_training_code_is_that_of_the_rooms_that_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def source() -> str:
        monkeypatch.setattr(provenance, "_AT_START", provenance._hashes())  # as in a process that begins now
        return provenance.training_code()["source"]

    for room in ("core", "methods", "methods/regularisers", "report"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "a.py").write_text("a = 1\n")
    before = source()
    monkeypatch.setattr(provenance, "_PACKAGE", tmp_path)
    first = source()
    (tmp_path / "report" / "a.py").write_text("a = 2\n")
    assert source() == first != before
    (tmp_path / "methods" / "regularisers" / "a.py").write_text("a = 2\n")
    assert source() != first
    monkeypatch.undo()
    assert source() == before


def test_provenance_is_json_and_names_the_essentials() -> None:
    found = json.loads(json.dumps(provenance.provenance(torch.device("cpu"))))
    assert found["packages"]["torch"] == torch.__version__
    assert found["device"]["name"]
    assert found["threads"] == torch.get_num_threads()
    assert found["settings"]["deterministic"] is True
    assert bool(found["code"]["commit"]) != bool(found["code"].get("no_commit"))  # the one or why not
