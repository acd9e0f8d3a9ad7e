"""What made a result: code version, packages, device, settings."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

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


@cache
def code_version() -> dict[str, Any]:
    """Return what tells this code from other versions.

    Returns:
        ``version`` of the package, as it declares it where it runs from its sources; of the git checkout that
        tracks it ``commit``, and whether tracked files ``changed``. Where git does not tell, ``commit`` is
        None and ``no_commit`` says why.
    """
    return {"version": _version("repro") or _declared(), **_git(Path(__file__).resolve().parent)}


@cache
def training_code() -> dict[str, str]:
    """Return what must be the same for a training to go on as it began.

    Returns:
        ``source``, the sha256 over all files of this package that trainings run; and torch's version.
    """
    digest = hashlib.sha256()
    for room in _TRAINING:
        for path in sorted((_PACKAGE / room).rglob("*.py")):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(_PACKAGE).as_posix()} {len(content)}\n".encode() + content)
    return {"source": digest.hexdigest(), "torch": torch.__version__}


def provenance(device: torch.device) -> dict[str, Any]:
    """Return what made a result, as JSON values.

    Args:
        device: where the work ran.

    Returns:
        ``code`` (version, commit, changed), ``python``, ``platform``, ``packages`` (name to version),
        ``device`` (see ``describe_device``), ``processes`` that worked together (``core.ranks``),
        ``threads`` of each, ``settings`` (torch's), ``environment``.
    """
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


def _declared() -> str:
    try:
        declared = tomllib.loads((_PACKAGE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
        return str(declared["project"]["version"])
    except (OSError, ValueError, KeyError):
        return "not installed"


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
    except subprocess.CalledProcessError as error:
        return _no_commit(f"git: {' '.join(error.stderr.split())}")
    except (OSError, subprocess.SubprocessError) as error:
        return _no_commit(f"git: {error}")
    return {"commit": commit, "changed": bool(status)}


def _no_commit(reason: str) -> dict[str, Any]:
    return {"commit": None, "no_commit": reason}
