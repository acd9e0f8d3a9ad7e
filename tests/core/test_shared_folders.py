"""Folders that processes, users and machines share: locks, modes of files, what killed processes leave."""

from __future__ import annotations

import errno
import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import torch

from repro.core import checkpoint, scratch
from repro.core.errors import ReproError
from repro.core.files import atomic_write_json, remove_leftovers, replacing
from repro.core.folders import without_links
from repro.core.jsonl import StepLog
from repro.core.locks import only_process
from repro.core.scratch import scratch_folder

NO_LOCKS = [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL]
HOLD = """
import errno, fcntl, os, pathlib, signal, sys
from repro.core import files, locks, scratch
folder, number, end = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if number:
    def flock(*_):
        raise OSError(number, os.strerror(number))
    fcntl.flock = flock
with locks.only_process(folder, "it"), files.replacing(folder / "value.json") as part:
    part.write_text("half")
    with scratch.scratch_folder(folder, "kept-") as kept:
        (kept / "data").write_text("needed")
        print("held", flush=True)
        if end == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        sys.stdin.readline()
    part.write_text("whole")
"""


def holder(folder: Path, *, number: int = 0, end: str = "wait") -> subprocess.Popen[str]:
    """Start a process that holds the folder's lock and writes in it; it is killed, or ends when told."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(number), end],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    if end == "kill":
        process.wait()
    return process


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make a file system without locks of all; the argument is how it says so."""

    def refuse(number: int) -> None:
        def flock(*_: object) -> NoReturn:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(fcntl, "flock", flock)

    return refuse


@pytest.fixture
def umask() -> Iterator[Callable[[int], object]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize("mask", [0o002, 0o022, 0o027, 0o077])
def test_what_is_written_is_for_whom_the_umask_says(
    tmp_path: Path, mask: int, umask: Callable[[int], object]
) -> None:
    umask(mask)
    folder = tmp_path / "new" / "folder"
    atomic_write_json(folder / "value.json", {})
    atomic_write_json(folder / "value.json", {"again": 1})
    checkpoint.save(folder / "weights.safetensors", {"w": torch.zeros(3)}, {})
    with StepLog(folder / "metrics.jsonl") as log:
        log.write({"step": 1})
    for path in (*folder.iterdir(), folder, folder.parent):
        everything = 0o777 if path.is_dir() else 0o666
        assert path.stat().st_mode & 0o777 == everything & ~mask, path


def test_a_lock_is_for_whom_its_folder_is(tmp_path: Path, umask: Callable[[int], object]) -> None:
    for mode in (0o775, 0o755, 0o700, 0o777):
        folder = tmp_path / f"{mode:o}"
        folder.mkdir()
        folder.chmod(mode)
        umask(0o077)
        with only_process(folder, "it"):
            assert (folder / ".lock").stat().st_mode & 0o777 == mode & 0o666


def as_user(number: int, act: Callable[[], object]) -> int:
    """Return 0 if ``act`` ends well in a process of another user of group 60000."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(60_000, 60_000, 60_000)
            os.setresuid(number, number, number)
            os.umask(0o002)
            act()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two other users")
def test_a_second_member_of_the_group_goes_on_with_the_first_ones_folder() -> None:
    with tempfile.TemporaryDirectory() as parent:  # pytest's own folders are closed to others
        shared = Path(parent) / "the group's own"
        shared.mkdir()
        os.chown(shared, 50_001, 60_000)
        Path(parent).chmod(0o755)
        shared.chmod(0o2775)

        def work(value: int) -> None:
            with only_process(shared / "run", "the run"):
                atomic_write_json(shared / "run" / "value.json", value)
                with StepLog(shared / "run" / "metrics.jsonl") as log:
                    log.write({"step": value})

        assert as_user(50_001, lambda: work(1)) == 0
        assert as_user(50_002, lambda: work(2)) == 0
        assert as_user(50_001, lambda: work(3)) == 0
        assert (shared / "run" / "value.json").read_text() == "3\n"

        lock = shared / "run" / ".lock"
        os.chown(lock, 50_001, 60_000)
        lock.chmod(0o644)  # as older versions made it

        command = f"chmod -R g+w {shlex.quote(str(shared / 'run'))}"

        def refused() -> None:
            with pytest.raises(ReproError, match="begun by another user") as caught:
                work(4)
            assert f"`{command}`" in caught.value.remedy
            assert f"delete {lock}" in caught.value.remedy

        assert as_user(50_002, refused) == 0
        subprocess.run(command, shell=True, check=True)
        assert as_user(50_002, lambda: work(4)) == 0
        os.chown(lock, 50_001, 60_000)
        lock.chmod(0o644)
        assert as_user(50_002, lock.unlink) == 0
        assert as_user(50_002, lambda: work(5)) == 0


@pytest.mark.parametrize("number", NO_LOCKS)
def test_without_locks_a_marker_keeps_others_out_and_the_dead_hold_nothing(
    tmp_path: Path, number: int, no_locks: Callable[[int], None]
) -> None:
    no_locks(number)
    (tmp_path / ".lock").touch()  # copied from a file system that has locks
    living = holder(tmp_path, number=number)
    with pytest.raises(ReproError, match=rf"another process \({living.pid} on .+\) works on it"):
        enter(tmp_path)
    living.communicate("go on\n")
    assert living.returncode == 0
    enter(tmp_path)
    holder(tmp_path, number=number, end="kill")
    enter(tmp_path)


def test_without_locks_the_marker_of_another_machine_can_be_deleted(
    tmp_path: Path, no_locks: Callable[[int], None]
) -> None:
    no_locks(errno.ENOSYS)
    marker = tmp_path / ".lock.process"
    marker.write_text("123\nanother-machine\n")
    with pytest.raises(ReproError, match=r"another process \(123 on another-machine\)") as caught:
        enter(tmp_path)
    assert f"if there is no such process any more, delete {marker}" in caught.value.remedy
    marker.unlink()
    enter(tmp_path)
    assert not marker.exists()


def test_a_lock_says_who_holds_it(tmp_path: Path) -> None:
    for _ in range(2):
        living = holder(tmp_path)
        with pytest.raises(ReproError, match=rf"another process \({living.pid} on .+\) works on it"):
            enter(tmp_path)
        living.communicate("go on\n")
        enter(tmp_path)


def enter(folder: Path) -> None:
    with only_process(folder, "it"):
        pass


def names(folder: Path) -> list[str]:
    return sorted(path.name.split("-")[0] for path in folder.iterdir() if path.name != ".lock")


def test_the_next_write_removes_what_the_dead_left_and_nothing_of_the_living(tmp_path: Path) -> None:
    holder(tmp_path, end="kill")
    assert names(tmp_path) == [".part", "kept"]
    living = holder(tmp_path)
    assert names(tmp_path) == [".part", "kept"]  # its own; those of the dead went
    for name in ("value.json", "other.json"):
        atomic_write_json(tmp_path / name, {})
    with scratch_folder(tmp_path, "kept-"):
        assert names(tmp_path) == [".part", "kept", "kept", "other.json", "value.json"]
    assert next(tmp_path.glob("kept-*/data")).read_text() == "needed"
    living.communicate("go on\n")
    assert living.returncode == 0
    assert names(tmp_path) == ["other.json", "value.json"]
    assert (tmp_path / "value.json").read_text() == "whole"


def test_somebodys_own_hidden_folder_stays_however_old(tmp_path: Path) -> None:
    for name in ("kept-old", "kept-my-0123456789ab"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / "kept-notes.txt").touch()
    os.utime(tmp_path / "kept-notes.txt", (0, 0))
    dead = tmp_path / "kept-0123456789ab"
    dead.mkdir()
    os.utime(dead, (0, 0))
    with scratch_folder(tmp_path, "kept-"):
        assert not dead.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "kept-my-0123456789ab",
        "kept-notes.txt",
        "kept-old",
    ]


@pytest.mark.parametrize("locks", [True, False])
def test_what_nobody_can_be_asked_about_is_kept_for_a_day(
    tmp_path: Path, locks: bool, no_locks: Callable[[int], None]
) -> None:
    if not locks:
        no_locks(errno.ENOSYS)
    (tmp_path / ".part-0123456789ab").mkdir()  # killed between making it and locking it
    atomic_write_json(tmp_path / "value.json", {})
    assert names(tmp_path) == [".part", "value.json"]
    for path in tmp_path.glob(".part-*"):
        os.utime(path, (0, 0))
    atomic_write_json(tmp_path / "value.json", {})
    assert names(tmp_path) == ["value.json"]
    (tmp_path / ".part-value.json.abc").touch()
    (tmp_path / ".part-0123456789ab").mkdir()
    remove_leftovers(tmp_path)  # whoever holds the folder's lock need not ask
    assert names(tmp_path) == ["value.json"]


def test_links_are_not_followed_when_leftovers_are_removed(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "folder"
    for path in (elsewhere, folder):
        path.mkdir()
    (elsewhere / "kept").touch()
    (folder / ".part-link").symlink_to(elsewhere)
    remove_leftovers(folder)
    atomic_write_json(folder / "value.json", {})
    assert (elsewhere / "kept").exists()
    assert names(folder) == ["value.json"]


def test_a_folder_whose_maker_was_overtaken_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, overtaken = fcntl.flock, []

    def slow(handle: int, how: int) -> None:
        if not overtaken:  # between the making and the locking another process finds it unlocked
            overtaken.append(handle)
            shutil.rmtree(next(tmp_path.glob(".part-*")))
        flock(handle, how)

    monkeypatch.setattr(scratch.fcntl, "flock", slow)
    with replacing(tmp_path / "value.json") as part:
        part.write_text("whole")
    assert (tmp_path / "value.json").read_text() == "whole"
    assert overtaken


def test_a_private_folder_is_closed_to_others(tmp_path: Path) -> None:
    with scratch_folder(tmp_path, "a-", private=True) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_signals_leave_no_litter(tmp_path: Path) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        pytest.skip("SIGINT is ignored in this session, and so by what it starts")
    process = holder(tmp_path)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert names(tmp_path) == []


def test_a_link_is_replaced_by_typing_what_the_remedy_says(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "o'clock $(touch made) & more"
    for path in (elsewhere, folder):
        path.mkdir()
    (elsewhere / "cells.csv").write_text("cells")
    (folder / "gat").symlink_to(elsewhere)
    with pytest.raises(ReproError, match="symbolic link") as caught:
        without_links(folder, folder / "gat" / "cells.csv")
    commands = caught.value.remedy.partition(": ")[2].removesuffix("; or delete it")
    subprocess.run(commands, shell=True, check=True, cwd=tmp_path)
    assert without_links(folder, folder / "gat" / "cells.csv").read_text() == "cells"
    assert sorted(tmp_path.iterdir()) == sorted([elsewhere, folder])
