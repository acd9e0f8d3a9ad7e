"""What a shell completes: names from the files, each time, without torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from repro.core.by_name import declaring
from repro.plan.config import load_config

ROOT = Path(__file__).parents[2]
COMPLETE = """
import sys
from repro.cli import app
try:
    app(prog_name="repro")
finally:
    assert "torch" not in sys.modules
"""


def completed(*words: str, folder: Path = ROOT) -> list[str]:
    """Return what Bash is offered after these words, the last of which is begun."""
    asked = {"_REPRO_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(["repro", *words]),
             "COMP_CWORD": str(len(words))}  # fmt: skip
    environment = {**os.environ, **asked, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", COMPLETE]
    done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True)
    assert "AssertionError" not in done.stderr, done.stderr
    return done.stdout.split()


def test_artefacts_and_profiles_are_those_of_the_configuration(tmp_path: Path) -> None:
    config = load_config(ROOT / "config")
    artefacts = [f"{paper}/{name}" for paper, sheet in config.sheets.items() for name in sheet.artefacts]
    assert sorted(completed("draw", "dat/")) == sorted(name for name in artefacts if name.startswith("dat/"))
    profiles = sorted(path.stem for path in (ROOT / "config" / "profiles").glob("*.yaml"))
    assert completed("verify", "--profile", "") == profiles
    assert completed("draw", "", folder=tmp_path) == []
    (tmp_path / "config" / "papers" / "odd").mkdir(parents=True)
    (tmp_path / "config" / "papers" / "odd" / "sheet.yaml").write_text("artefacts: [")
    assert completed("draw", "", folder=tmp_path) == []  # no traceback in the middle of a line


def test_data_sets_and_results_are_those_that_are_there() -> None:
    assert completed("data", "check", "") == [*declaring("repro.data.sets", r"DATASET\b")]
    published = {path.parent.name for path in (ROOT / "results" / "published").glob("*/cells.csv")}
    for command in (("export",), ("table", "dat/table4")):
        assert published <= {*completed(*command, "--from", "")}
