"""What made a result: code version, packages, device, settings."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Set
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from repro import __version__
from repro.core.errors import ReproError
from repro.core.files import sha256_file
from repro.core.ranks import count

PACKAGES = (
    "torch",
    "torchvision",
    "torch-fidelity",
    "numpy",
    "scipy",
    "safetensors",
    "pydantic",
    "snakemake",
)
_ENVIRONMENT = ("OMP_NUM_THREADS", "CUBLAS_WORKSPACE_CONFIG")
# Rooms whose code decides what a training does; those above only plan, measure and draw.
_TRAINING = ("core", "data", "models", "attacks", "methods", "train")
_PACKAGE = Path(__file__).resolve().parents[1]


def _hashes() -> dict[str, str]:
    """Return the sha256 of each file that trains or measures, by its path in the package."""
    paths = (path for room in (*_TRAINING, "evaluate") for path in sorted((_PACKAGE / room).rglob("*.py")))
    return {path.relative_to(_PACKAGE).as_posix(): sha256_file(path) for path in paths if path.is_file()}


_AT_START = _hashes()  # methods, networks and measurements are imported on demand, later
_checked: set[str] = set()  # modules whose files were found to be as they were


def check_code() -> None:
    """Check that what this process has imported is the code that its records name: that of its beginning.

    A module stays what it was when its file changes later, so that only those are read that are new since
    the last check.

    Raises:
        ReproError: a file changed before it was imported, or since, which nobody can tell apart.
    """
    new = {name for name in sys.modules if name.startswith("repro.")} - _checked
    stems = [name.removeprefix("repro.").replace(".", "/") for name in new]
    _require_unchanged({f"{stem}{end}" for stem in stems for end in (".py", "/__init__.py")})
    _checked.update(new)


def _require_unchanged(files: Set[str]) -> None:
    now = _hashes() if files else {}
    for name in sorted(files):
        if now.get(name) != _AT_START.get(name):
            raise ReproError(
                "the code changed while this process ran",
                remedy="run the same command again; for a run that it had begun put this file back first, or "
                "delete the run's folder",
                where=_PACKAGE / name,
            )


@cache
def code_version() -> dict[str, Any]:
    """Return what tells this code from other versions.

    Returns:
        ``version`` of the package; of the git checkout that tracks it ``commit``, and whether tracked files
        ``changed`` or code or configuration was added that it does not track. Where git does not tell,
        ``commit`` is None and ``no_commit`` says why.

    Raises:
        ReproError: files have changed since the process began, so that git speaks of others.
    """
    found = {"version": __version__, **_git(Path(__file__).resolve().parent)}
    _require_unchanged(_AT_START.keys())
    return found


def training_code() -> dict[str, str]:
    """Return what must be the same for a training to go on as it began.

    Returns:
        ``source``, the sha256 over all files of this package that trainings run; and torch's version.

    Raises:
        ReproError: as ``check_code``.
    """
    check_code()
    files = [f"{name} {found}\n" for name, found in _AT_START.items() if name.partition("/")[0] in _TRAINING]
    return {"source": hashlib.sha256("".join(files).encode()).hexdigest(), "torch": torch.__version__}


def provenance(device: torch.device) -> dict[str, Any]:
    """Return what made a result, as JSON values.

    Args:
        device: where the work ran.

    Returns:
        ``code`` (version, commit, changed), ``python``, ``platform``, ``packages`` (name to version),
        ``device`` (see ``describe_device``), ``processes`` that worked together (``core.ranks``),
        ``threads`` of each, ``settings`` (torch's), ``environment``.

    Raises:
        ReproError: as ``check_code``.
    """
    check_code()
    return {
        "code": code_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "device": describe_device(device),
        "processes": count(),
        "threads": torch.get_num_threads(),
        "settings": {
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "matmul_precision": torch.backends.cuda.matmul.fp32_precision,
            "convolution_precision": torch.backends.cudnn.conv.fp32_precision,  # type: ignore[attr-defined]
        },
        "environment": {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    }


def describe_device(device: torch.device) -> dict[str, Any]:
    """Return kind and name of a device; for CUDA also memory (GiB), compute capability and CUDA version."""
    if device.type != "cuda":
        return {"kind": device.type, "name": _processor()}
    found = torch.cuda.get_device_properties(device)
    return {
        "kind": "cuda",
        "name": found.name,
        "memory_gib": round(found.total_memory / 2**30, 1),
        "capability": f"{found.major}.{found.minor}",
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """Return the processor's model name where Linux tells it, else the architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _git(folder: Path) -> dict[str, Any]:
    """Return ``commit`` and ``changed`` of the checkout that tracks ``folder``, or why they are unknown."""
    # A hook, or whoever else calls git, sets GIT_DIR and the like for another repository than this one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**environment, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=10,
            check=True,
        )
        return done.stdout.strip()

    try:
        if not git("ls-files", "provenance.py"):  # an installed copy inside somebody else's checkout
            return _no_commit("the code lies in a git checkout that does not track it")
        commit, status = git("rev-parse", "HEAD"), git("status", "--porcelain", "--untracked-files=no")
        status = status or git("ls-files", "--others", "--exclude-standard", ":/src/*.py", ":/config")
    except subprocess.CalledProcessError as error:
        return _no_commit(f"git: {' '.join(error.stderr.split())}")
    except (OSError, subprocess.SubprocessError) as error:
        return _no_commit(f"git: {error}")
    return {"commit": commit, "changed": bool(status)}


def _no_commit(reason: str) -> dict[str, Any]:
    return {"commit": None, "no_commit": reason}
