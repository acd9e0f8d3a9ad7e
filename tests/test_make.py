"""The Makefile: what its targets run, what they refuse, what they never delete."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OUTER = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what the Makefile needs."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "auditor.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=folder, env=OUTER, capture_output=True, text=True, check=False)


def snakemake_lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return [line.partition("&& ")[2] for line in done.stdout.splitlines() if "snakemake" in line]


def test_figures_runs_exactly_the_documented_command(clone: Path) -> None:
    assert snakemake_lines(make(clone, "-n", "figures")) == ["snakemake --cores all figures/"]


def test_a_profile_is_passed_on(clone: Path) -> None:
    lines = snakemake_lines(make(clone, "-n", "figures", "PROFILE=quick"))
    assert lines == ["snakemake --cores all figures/ --config profile=quick"]


@pytest.mark.parametrize("changed", ["constraints.txt", "auditor.txt"])
def test_the_environment_is_made_again_only_when_versions_change(clone: Path, changed: str) -> None:
    stamp = clone / ".venv" / ".installed"
    stamp.parent.mkdir()
    stamp.touch()
    assert "pip install" not in make(clone, "-n", "test").stdout
    later = stamp.stat().st_mtime + 10
    os.utime(clone / changed, (later, later))
    assert "pip install" in make(clone, "-n", "test").stdout


@pytest.mark.parametrize("python", ["false", "no-such-python"])
def test_an_old_or_missing_python_is_refused_with_a_remedy(clone: Path, python: str) -> None:
    done = make(clone, "figures", f"PYTHON={python}")
    assert done.returncode != 0
    assert f"{python} is missing or older than Python 3.11; give another" in done.stderr
    assert not (clone / ".venv").exists()


def test_clean_keeps_published_and_costly_results(clone: Path) -> None:
    for folder in ("results/published/a", "results/quick/a", "results/smoke/a", "figures/a", "src", "tests"):
        (clone / folder).mkdir(parents=True)
    (clone / "benchmarks").mkdir()
    for target in ("clean", "distclean"):
        done = make(clone, target)
        assert done.returncode == 0, done.stderr
    assert (clone / "results/published/a").is_dir()
    assert (clone / "results/quick/a").is_dir()
    assert not (clone / "results/smoke").exists()
    assert not (clone / "figures").exists()


def test_help_lists_every_target(clone: Path) -> None:
    listed = make(clone).stdout
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    targets = {*phony.split()[1:]} - {"help"}
    assert len(targets) > 8
    assert [target for target in targets if f"  {target} " not in listed] == []
