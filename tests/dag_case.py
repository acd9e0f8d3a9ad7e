"""A checkout's workflow in a folder of its own, and Snakemake run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORKFLOW = ("Snakefile", "environment.yml", "workflow", "profiles")


def copy_workflow(folder: Path) -> None:
    """Copy all that Snakemake reads but the configuration."""
    for path in (ROOT / name for name in WORKFLOW):
        (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)


def copy_checkout(folder: Path) -> None:
    """Copy all that Snakemake reads."""
    copy_workflow(folder)
    shutil.copytree(ROOT / "config", folder / "config")


def start_snakemake(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start Snakemake in ``folder``; what it prints, on stderr too, can be read."""
    return _start(folder, sys.executable, "-m", "snakemake", "--cores", "2", *words)


def run_repro(folder: Path, *words: str) -> tuple[int, str]:
    """Run `repro` in ``folder``; return its exit status and what it printed."""
    process = _start(folder, "repro", *words)
    printed, _ = process.communicate()
    return process.returncode, printed


def _start(folder: Path, *command: str) -> subprocess.Popen[str]:
    """Start a command with the package that ``folder`` has a copy of, else with the checkout's."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    source = next(each / "src" for each in (folder, ROOT) if (each / "src").is_dir())
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def run_snakemake(folder: Path, *words: str) -> tuple[int, str]:
    """Run Snakemake in ``folder``; return its exit status and what it printed."""
    process = start_snakemake(folder, *words)
    printed, _ = process.communicate()
    return process.returncode, printed


def snakemake(folder: Path, *words: str) -> str:
    """Run Snakemake in ``folder`` and return what it printed; its failure fails the test."""
    code, printed = run_snakemake(folder, *words)
    assert code == 0, printed + "".join(
        f"\n--- {log}\n{log.read_text()}" for log in folder.rglob("logs/**/*.log") if log.stat().st_size
    )
    return printed
