"""The documentation's site: built without a warning, with all that it is made from."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from repro.cli import app
from repro.compose.paper_files import all_audited, all_claims, whole_ledger
from repro.plan.config import load_config

ROOT = Path(__file__).parents[1]
pytest.importorskip("mkdocs", reason="the extra `docs` is not installed")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def words(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    main = text[text.index("<article") : text.index("</article>")]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", main)).split())


@pytest.mark.slow
def test_a_papers_page_says_what_we_read_chose_and_found(site: Path) -> None:
    config = load_config(ROOT / "config")
    for paper, sheet in config.sheets.items():
        shown = words(site / "papers" / f"{paper}.html")
        assert all(
            f"{paper}/{name} {' '.join(each.title.split())}" in shown
            for name, each in sheet.artefacts.items()
        )
        assert all(item.id in shown for item in whole_ledger(config) if item.paper == paper)
        for entry in [*all_claims(config), *all_audited(config)]:
            if entry.paper == paper:
                assert " ".join(entry.statement.split()) in shown, entry.id


@pytest.mark.slow
def test_commands_and_sections_are_there_once(site: Path) -> None:
    shown = words(site / "reference" / "commands.html")
    assert all(f"repro {name}" in shown for name in get_command(app).commands)  # type: ignore[attr-defined]
    assert "RobustBench" in shown
    row = words(site / "how-to" / "own-row.html")
    assert "REGULARISER = LogitDrift" in row
    assert "clean_acc" in words(site / "reference" / "schemas.html")
    assert (site / "pictures" / "figure3.png").stat().st_size > 10_000
