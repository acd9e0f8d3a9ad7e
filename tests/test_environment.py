"""pip and conda users get the same versions: pyproject.toml, constraints.txt and environment.yml agree."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from repro.attacks.auto_attack import VERSION

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text())
CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()


def wanted(project: dict[str, Any]) -> dict[str, Requirement]:
    """What the suite and its checks ask for, by name."""
    lines = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return {canonicalize_name(found.name): found for found in map(Requirement, lines)}


def pinned(lines: Iterable[str], python: str, platform: str = "linux") -> dict[str, str]:
    """Exact versions, by name, of the lines that apply to ``python`` on ``platform``."""
    machine = {"python_version": python, "python_full_version": f"{python}.4", "sys_platform": platform}
    versions: dict[str, str] = {}
    for line in lines:
        if line.startswith("#"):
            continue
        requirement = Requirement(line)
        (pin,) = requirement.specifier
        assert pin.operator == "==", f"{line} is not an exact version"
        if requirement.marker is None or requirement.marker.evaluate(machine):
            name = canonicalize_name(requirement.name)
            assert name not in versions, f"{name} has two versions"
            versions[name] = pin.version
    return versions


def conda_pins(conda: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Python's version and the pip section of environment.yml."""
    (python,) = (entry for entry in conda["dependencies"] if str(entry).startswith("python="))
    (pip,) = (entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict))
    version = python.removeprefix("python=")
    return version, pinned(pip, version)


def differences(project: dict[str, Any], constraints: Iterable[str], conda: dict[str, Any]) -> list[str]:
    """Everything in which environment.yml is not what the other two files say."""
    asked = wanted(project)
    python, offered = conda_pins(conda)
    locked = pinned(constraints, python)
    found = [f"environment.yml lacks {name}" for name in asked.keys() - offered.keys()]
    found += [f"environment.yml has {name}, which nobody asks for" for name in offered.keys() - asked.keys()]
    for name in asked.keys() & offered.keys():
        if not asked[name].specifier.contains(offered[name]):
            found.append(f"{name} {offered[name]} is outside {asked[name]}")
        if offered[name] != locked.get(name):
            found.append(f"{name} is {offered[name]} for conda, {locked.get(name)} for pip")
    if not Requirement(f"python{project['requires-python']}").specifier.contains(python):
        found.append(f"python {python} is outside {project['requires-python']}")
    return sorted(found)


def test_the_three_files_agree() -> None:
    assert differences(PROJECT, CONSTRAINTS, CONDA) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("torch==2.13.0", "torch==2.12.0", "torch is 2.12.0 for conda, 2.13.0 for pip"),
        ("torch==2.13.0", "torch==2.12.0", "torch 2.12.0 is outside torch==2.13.0"),
        ("      - lmdb==3.0.0\n", "", "environment.yml lacks lmdb"),
        ("- lmdb==3.0.0", "- lmbd==3.0.0", "environment.yml has lmbd, which nobody asks for"),
        ("python=3.11", "python=3.10", "python 3.10 is outside >=3.11"),
    ],
)
def test_a_difference_is_found(old: str, new: str, message: str) -> None:
    text = (ROOT / "environment.yml").read_text()
    assert old in text
    conda = yaml.safe_load(text.replace(old, new))
    assert message in differences(PROJECT, CONSTRAINTS, conda)


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_lock_pins_each_package_once_everywhere(python: str, platform: str) -> None:
    versions = pinned(CONSTRAINTS, python, platform)
    for name, requirement in wanted(PROJECT).items():
        assert requirement.specifier.contains(versions[name])


def test_the_auditor_is_installed_without_its_pins_everywhere() -> None:
    auditor = pinned((ROOT / "auditor.txt").read_text().splitlines(), "3.11")
    assert auditor == {"torchattacks": VERSION}
    for name in ("Makefile", "environment.yml"):
        assert "pip install --no-deps -r auditor.txt" in (ROOT / name).read_text().replace("--quiet ", "")
    asked = [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    assert not any("torchattacks" in line for line in [*PROJECT["dependencies"], *asked])


@pytest.mark.skipif(find_spec("torchattacks") is None, reason="torchattacks is not installed (auditor.txt)")
def test_all_that_the_auditor_imports_is_locked() -> None:
    spec = find_spec("torchattacks")
    assert spec is not None
    assert spec.origin is not None
    imported = set()
    for path in Path(spec.origin).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.partition(".")[0])
    foreign = imported - sys.stdlib_module_names - {"torchattacks"}
    assert "torch" in foreign
    assert foreign <= pinned(CONSTRAINTS, "3.11").keys()


def test_the_lock_serves_cuda_machines_too() -> None:
    versions = pinned(CONSTRAINTS, "3.11")
    assert {"triton", "nvidia-cudnn-cu13"} <= versions.keys()


@pytest.mark.parametrize("name", ["constraints.txt", "environment.yml", "pyproject.toml"])
def test_no_address_or_path_of_a_machine_is_in_it(name: str) -> None:
    text = (ROOT / name).read_text()
    assert re.findall(r"\w+://|index-url|find-links|(?<![\w.'/])/\w+", text) == []
