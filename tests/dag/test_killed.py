"""Snakemake killed without a chance to end its jobs: what the README says to do works while they live on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dag_case import copy_workflow, run_snakemake, snakemake, start_snakemake
from papers_case import PROFILE, SETTINGS, call, write_config
from repro.core.manifest import read_manifest
from repro.core.paths import Layout

BATCH = "gat-0-000"
LAYOUT = Layout(Path("results"), "tiny")
MANIFEST = LAYOUT.batch("train", BATCH)
LOG = LAYOUT.root / "logs" / "train" / f"{BATCH}.log"


@pytest.fixture
def orphan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A training that was stopped in its midst, after its Snakemake had been killed; its process."""
    write_config(tmp_path / "config", profile=PROFILE.replace("steps: 4", "steps: 400"), settings=SETTINGS)
    copy_workflow(tmp_path)
    monkeypatch.chdir(tmp_path)
    started = start_snakemake(tmp_path, str(MANIFEST))
    lock = LAYOUT.locks / f"train-{BATCH}.lock"
    until(lambda: lock.is_file() and bool(lock.read_text()) and any((LAYOUT.root / "runs").glob("*")))
    process = int(lock.read_text().split()[0])
    os.kill(process, signal.SIGSTOP)
    started.kill()
    started.wait()
    assert not MANIFEST.is_file()
    return process


def until(holds: Callable[[], bool]) -> None:
    start = time.monotonic()
    while not holds():
        assert time.monotonic() - start < 120
        time.sleep(0.05)


def trained(process: int) -> None:
    """Check that the batch is trained and its records are those of one training."""
    members = read_manifest(MANIFEST)
    assert len(members) == 2
    code, printed = call("verify")
    assert code == 0, printed
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert "Nothing to be done" in snakemake(Path(), str(MANIFEST))


@pytest.mark.slow
def test_the_next_snakemake_waits_for_the_jobs_of_a_killed_one(orphan: int) -> None:
    code, printed = run_snakemake(Path(), str(MANIFEST))
    assert code != 0
    assert "--unlock" in printed
    snakemake(Path(), "--unlock")
    again = start_snakemake(Path(), str(MANIFEST))
    until(lambda: LOG.is_file() and f"another process ({orphan} on " in LOG.read_text())
    assert "which works on batch" in LOG.read_text()
    assert again.poll() is None
    os.kill(orphan, signal.SIGCONT)
    printed, _ = again.communicate(timeout=120)
    assert again.returncode == 0, printed + LOG.read_text()
    trained(orphan)


@pytest.mark.slow
def test_what_a_killed_snakemake_left_incomplete_is_done_again_unasked(orphan: int) -> None:
    os.kill(orphan, signal.SIGCONT)
    until(MANIFEST.is_file)
    snakemake(Path(), "--unlock")
    code, printed = run_snakemake(Path(), "--workflow-profile", "none", str(MANIFEST))
    assert code != 0
    assert "--rerun-incomplete" in printed  # the question that profiles/default answers
    snakemake(Path(), str(MANIFEST))
    trained(orphan)
