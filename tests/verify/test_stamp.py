"""What counts as a change that must be validated again."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from papers_case import copied_package
from repro.core.paths import Layout
from repro.verify.stamp import is_validated, remember

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CONFIG, tmp_path / "config"))


def test_a_configuration_is_validated_once(config: Path, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "results", "smoke")
    assert not is_validated(layout, config)
    remember(layout, config)
    assert is_validated(layout, config)
    assert not is_validated(Layout(tmp_path / "results", "quick"), config)


@pytest.mark.parametrize(
    "name",
    ["config.yaml", "ledger.yaml", "profiles/smoke.yaml", "papers/dat/sheet.yaml", "papers/gat/claims.yaml"],
)
def test_a_changed_file_is_validated_again(name: str, config: Path, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "results", "smoke")
    remember(layout, config)
    path = config / name
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert not is_validated(layout, config)


@pytest.mark.parametrize("package", ["methods", "evaluate", "models", "data/sets"])
def test_changed_code_that_validation_reads_counts(
    package: str, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = copied_package(tmp_path)
    monkeypatch.setattr("repro.verify.stamp.repro", SimpleNamespace(__file__=str(code / "__init__.py")))
    layout = Layout(tmp_path / "results", "smoke")
    remember(layout, config)
    assert is_validated(layout, config)
    (code / package / "another.py").touch()
    assert not is_validated(layout, config)


def test_another_profile_does_not_matter(config: Path, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "results", "smoke")
    remember(layout, config)
    (config / "profiles" / "mine.yaml").write_text("name: mine\n", encoding="utf-8")
    assert is_validated(layout, config)
