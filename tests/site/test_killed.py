"""`repro publish` and `repro collect` killed by SIGKILL around the exchange and at steps by chance.

Run as a script (by the test below) it forks a child for each step; the child kills itself when it gets there.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.core import folders
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.site.collect import collect
from repro.site.manifest import hashes
from repro.site.publish import publish

STEPS = ("open", "os.", "shutil.", "ctypes.")  # what Python tells its audit hooks about
COMMANDS = {"publish": publish, "collect": collect}


def in_child(act: Callable[[], object], step: int, log: Path) -> bool:
    """Do ``act`` in a child that is killed at its ``step``-th step, if it has so many; return whether it was.

    ``log`` then holds the steps of a child that was not, a line each.
    """
    child = os.fork()
    if child == 0:
        taken: list[str] = []

        def count(event: str, arguments: object) -> None:
            if event.startswith(STEPS):
                taken.append(f"{event} {arguments}")
                if len(taken) == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        act()
        log.write_text("\n".join(taken))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        assert os.waitstatus_to_exitcode(status) == 0
        return False
    return os.WTERMSIG(status) == signal.SIGKILL


def main(command: str, exchange: bool) -> None:
    """Replace the folder that profile ``tiny`` made by that of ``other``, killed at chosen steps."""
    if not exchange:
        folders._exchange = lambda one, other: False
    act, into = COMMANDS[command], Path("made", "folder")
    shutil.copytree("results/tiny", "results/other")
    changed = Path("results/other/audit.csv")
    changed.write_text(changed.read_text() + "\n")
    tiny, other = (Layout(Path("results"), name) for name in ("tiny", "other"))
    act(tiny, into)
    former = hashes(into)
    assert not in_child(lambda: act(other, into), 0, Path("steps"))
    new = hashes(into)
    assert new != former
    steps = Path("steps").read_text().splitlines()
    sign = "renameat2" if exchange else f"os.rename ('{into.resolve()}'"
    swap = next((number for number, line in enumerate(steps, 1) if sign in line), 0)
    assert swap, steps[-40:]
    chance = random.Random(5)
    chosen = {*range(swap - 3, swap + 6), *chance.sample(range(1, len(steps) + 1), 12)}
    seen = {"former": 0, "new": 0}
    for step in sorted(chosen):
        if hashes(into) != former:
            act(tiny, into)
        for left in into.parent.glob(".folder-*"):  # removing them takes steps of its own
            shutil.rmtree(left)
        assert in_child(lambda: act(other, into), step, Path("steps"))
        if not into.exists():  # without an exchange, between two renames: the next call puts it back
            assert not exchange
            with pytest.raises(ReproError), folders.replacing_folder(into, lambda folder: None):
                raise ReproError("this call fails", remedy="")
        found = hashes(into)
        assert found in (former, new), (step, set(found) ^ set(former))
        seen["new" if found == new else "former"] += 1
    for left in into.parent.glob(".folder-*"):  # of those killed before they had a lock: known by their age
        os.utime(left, (0, 0))
    act(tiny, into)
    assert [path.name for path in into.parent.iterdir()] == ["folder"], "leftovers of the killed"
    assert min(seen.values()) > 2, (seen, "killed both before and after the exchange")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("exchange", [True, False])
@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_killed_at_any_step_a_whole_folder_is_there(project: Path, command: str, exchange: bool) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    words = [sys.executable, __file__, command, *(["exchange"] if exchange else [])]
    done = subprocess.run(words, cwd=project, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


if __name__ == "__main__":
    main(sys.argv[1], "exchange" in sys.argv)
