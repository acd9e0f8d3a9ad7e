"""One rule for the data root: the command's option, then the environment, then the file; ``~`` is home."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
import typer

from dag_case import copy_workflow, run_snakemake
from data_archives import write_cifar10
from papers_case import PROFILE, SETTINGS, SHEET, call, write_config
from repro.cli import app
from repro.core.errors import ReproError
from repro.data.root import DATA_ROOT, INCEPTION, choose_path, user_path
from repro.plan.batches import make_batches
from repro.plan.config import load_config
from repro.plan.plan import build_plan

REAL = Path(__file__).parents[2]
SETTINGS_HERE = f"{SETTINGS}results: results\n"
NAMES = ("option", "environment", "file")
COMMANDS = ("check", "fetch", "train", "train run", "evaluate")
ALL = [*COMMANDS, pytest.param("snakemake", marks=pytest.mark.slow)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, and in it a working directory whose configuration wants real data."""
    folder = tmp_path / "home"
    profile = PROFILE.replace("data: synthetic", "data: real")
    sheet = SHEET.replace("recipe: later}", 'pending: "its method starts from scratch"}')
    config = write_config(folder / "work" / "config", profile=profile, sheet=sheet, settings=SETTINGS_HERE)
    (config / "ledger.yaml").write_text("[]\n")
    (config / "cost.yaml").write_text("[]\n")
    (config / "other_reported.csv").write_text("source,paper,artefact,row,column,metric,value,std\n")
    copy_workflow(folder / "work")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder / "work")
    monkeypatch.delenv(DATA_ROOT, raising=False)
    return folder


def give(where: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Name ``~/<where>`` as the data root at one of the three places; return what to type for it."""
    path = f"~/{where}"
    if where == "option":
        return [f"--data-root={path}"]
    if where == "environment":
        monkeypatch.setenv(DATA_ROOT, path)
    else:
        Path("config/config.yaml").write_text(f"{SETTINGS_HERE}data_root: {path}\n")
    return []


def words_of(command: str) -> list[str]:
    """Return a command that reads real data."""
    plan = build_plan(load_config(Path("config")))
    batches = make_batches(plan)
    run = next(run_id for run_id, run in plan.runs.items() if run.recipe == "gat.baseline")
    evaluation = next(name for name, each in plan.evaluations.items() if each.run == run)
    return {
        "check": ["data", "check", "cifar10"],
        "fetch": ["data", "fetch", "celeba"],
        "train": ["train", "--batch", batches.train_of[run]],
        "train run": ["train", "--run", run],
        "evaluate": ["evaluate", "--batch", batches.evaluate_of[evaluation]],
    }[command]


def snakemake(option: list[str]) -> str:
    """Let Snakemake run the first training; return its log."""
    target = next(iter(make_batches(build_plan(load_config(Path("config")))).train))
    typed = [word.replace("--data-root=", "data_root=") for word in option]
    wanted = f"results/tiny/batches/train/{target}.json"
    _, printed = run_snakemake(Path(), wanted, *(["--config", *typed] if typed else []))
    assert f"logs/train/{target}.log" in printed, printed
    return Path(f"results/tiny/logs/train/{target}.log").read_text()


@pytest.mark.parametrize("command", ALL)
def test_the_order_is_option_environment_file(
    home: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """None of the three folders exists, so that the error names the one that was chosen."""
    if command == "evaluate":  # a run must be there before its images are asked for
        write_cifar10(home / "there" / "cifar-10-batches-py")
        code, printed = call(*words_of("train run"), "--data-root=~/there")
        assert code == 0, printed
    option = [word for where in ("file", "environment", "option") for word in give(where, monkeypatch)]
    for where in NAMES:
        if where == "environment":
            option = []
        elif where == "file":
            monkeypatch.delenv(DATA_ROOT)
        printed = snakemake(option) if command == "snakemake" else call(*words_of(command), *option)[1]
        assert str(home / where) in printed, printed
        assert not any(str(home / other) in printed for other in NAMES if other != where)
        assert not Path("~").exists()


@pytest.mark.slow
def test_an_option_that_repeats_the_file_wins_over_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give("file", monkeypatch)
    give("environment", monkeypatch)
    assert str(home / "file") in snakemake(["--data-root=~/file"])


@pytest.mark.parametrize("where", NAMES)
def test_each_way_of_the_remedy_works(home: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    write_cifar10(home / where / "cifar-10-batches-py")
    for command in ("check", "train run"):
        code, printed = call(*words_of(command))
        assert code == 2
        assert re.search(
            r"no data root .*\n.*--data-root.*REPRO_DATA.*data_root in config/config.yaml", printed
        )
    option = give(where, monkeypatch)
    for command in ("check", "train run"):
        code, printed = call(*words_of(command), *option)
        assert code == 0, printed


def test_outside_a_checkout_no_configuration_is_needed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    write_cifar10(home / "option" / "cifar-10-batches-py")
    assert call("data", "check", "cifar10", "--data-root=~/option")[0] == 0
    assert "no data root is given" in call("data", "check", "cifar10")[1]
    assert "config.yaml" in call("data", "check", "cifar10", "--config=~/nothing")[1]
    code, printed = call("data", "check", "cifar10", "--config=~/work/config")
    assert "no data root is given" in printed, (code, printed)


@pytest.mark.parametrize("given", [None, ""])
def test_what_is_empty_is_not_given(given: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (DATA_ROOT, INCEPTION):
        monkeypatch.delenv(variable, raising=False)
        assert choose_path(given, variable, given) is None
        assert choose_path(given, variable, "b") == Path("b")
        monkeypatch.setenv(variable, "c")
        assert choose_path(given, variable, "b") == Path("c")
        assert choose_path("a", variable, "b") == Path("a")
        monkeypatch.setenv(variable, "")
        assert choose_path(given, variable, "b") == Path("b")
    assert choose_path(20261125, DATA_ROOT, None) == Path("20261125")


def test_a_home_that_nobody_has_is_named() -> None:
    with pytest.raises(ReproError, match="no home folder") as caught:
        user_path("~nobody-of-this-name/data")
    assert "whole path" in caught.value.remedy
    assert user_path("/data") == Path("/data")


def options_of(group: typer.Typer) -> Iterator[tuple[str, Any, Any]]:
    """Yield command, type and description of every option below a group."""
    for below in group.registered_groups:
        assert below.typer_instance is not None
        yield from options_of(below.typer_instance)
    for command in group.registered_commands:
        assert command.callback is not None
        for hint in get_type_hints(command.callback, include_extras=True).values():
            if get_origin(hint) is Annotated:
                yield command.callback.__name__, *get_args(hint)


def test_no_option_makes_a_folder_called_tilde(home: Path) -> None:
    paths = [(command, info) for command, kind, info in options_of(app) if kind in (Path, Path | None)]
    assert len(paths) > 20
    for command, info in paths:
        assert info.parser is user_path, command
    code, printed = call("validate", "--results=~/mine")
    assert code == 0, printed
    assert (home / "mine").is_dir()
    assert not Path("~").exists()


def test_an_empty_path_is_no_folder() -> None:
    with pytest.raises(ReproError, match="an empty path is given"):
        user_path("")
    code, printed = call("status", "--results", "")
    assert (code, "an empty path is given" in printed) == (2, True)
