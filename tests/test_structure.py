"""The package's order: imports point down, and what plans or draws does not pay for torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "repro"
# The picture in docs/architecture.md, the highest floor first: a room may import from lower floors.
PICTURE = (SOURCE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[3]
FLOORS = {
    room: floor for floor, line in enumerate(reversed(PICTURE.strip().splitlines())) for room in line.split()
}
MOST_FILES = 12  # of an upper room; lower ones may have a file for each method, network, measurement
LOWER = {"core", "data", "models", "attacks", "methods", "train", "evaluate", "cli"}
TORCH_FREE = [
    "repro.cli",
    "repro.data.catalogue",
    "repro.evaluate.registry",
    "repro.evaluate.result",
    "repro.methods.registry",
    "repro.models.registry",
]
TORCH_FREE_ROOMS = ("plan", "judge", "draw", "search", "cost", "compose", "site")


def floor_of(module: str) -> str:
    return module.split(".")[1] if module.count(".") else ""


def imported(path: Path) -> set[str]:
    """Return the modules of this package that a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not getattr(node, "level", 0), f"{path}: a relative import hides its room"
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
    rooms = [path for room in TORCH_FREE_ROOMS for path in sorted((SOURCE / room).rglob("*.py"))]
    free = [path for path in rooms if path.name not in ("__init__.py", "networks.py")]
    modules = [path.relative_to(SOURCE).with_suffix("").parts for path in free]
    names = [*TORCH_FREE, *(".".join(("repro", *parts)) for parts in modules)]
    assert {"repro.site.export.records", "repro.draw.figures.gat.figure1"} <= set(names)
    # what is slow to import and drawing does not need at once; pyplot keeps figures alive
    slow = ["torch", "torchvision", "scipy.stats", "pandas", "matplotlib.pyplot"]
    loads = f"for name in {names!r}: importlib.import_module(name)"
    code = f"import importlib, sys\n{loads}\nprint([name for name in {slow!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_room_is_on_a_floor_and_small_enough_to_know() -> None:
    rooms = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms == set(FLOORS)
    for room in rooms - LOWER:
        files = [path.name for path in (SOURCE / room).glob("*.py") if path.name != "__init__.py"]
        assert len(files) <= MOST_FILES, f"{room} has {len(files)} files"
