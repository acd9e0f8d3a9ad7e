"""The package's order: imports point down, and what plans or draws does not pay for torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "repro"
# Lower numbers may not import higher ones; folders of one number do not import each other.
FLOORS = {
    "core": 0, "data": 1, "models": 2, "attacks": 3, "methods": 4, "train": 5, "evaluate": 5,
    "report": 6, "papers": 7, "cli": 8,
}  # fmt: skip
TORCH_FREE = [
    "repro.cli",
    "repro.data.catalogue",
    "repro.evaluate.registry",
    "repro.evaluate.result",
    "repro.methods.registry",
    "repro.models.registry",
    "repro.papers.batching",
    "repro.papers.draw",
    "repro.papers.join",
    "repro.papers.plan",
    "repro.papers.show",
]


def floor_of(module: str) -> str:
    return module.split(".")[1] if module.count(".") else ""


def imported(path: Path) -> set[str]:
    """Return the modules of this package that a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "repro":
                found |= {f"repro.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("repro.") and floor_of(name) in FLOORS}


def upward(path: Path) -> list[str]:
    own = path.relative_to(SOURCE).parts[0]
    return [
        f"{path.relative_to(SOURCE)} imports {name}"
        for name in sorted(imported(path))
        if floor_of(name) != own and FLOORS[floor_of(name)] >= FLOORS[own]
    ]


def test_imports_point_only_down() -> None:
    files = [path for path in SOURCE.rglob("*.py") if path.parent != SOURCE]
    assert len(files) > 100
    assert [line for path in files for line in upward(path)] == []


def test_an_upward_import_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path)
    (tmp_path / "core").mkdir()
    bad = tmp_path / "core" / "bad.py"
    bad.write_text("def f():\n    from repro.train.run import train_run\n")
    assert upward(bad) == ["core/bad.py imports repro.train.run"]


def test_planning_and_drawing_import_no_torch() -> None:
    loads = f"for name in {TORCH_FREE!r}: importlib.import_module(name)"
    code = f"import importlib, sys\n{loads}\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
