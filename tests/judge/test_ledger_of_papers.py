"""The ledger: it fits its schema, and what it names exists in sheets, methods and measurements."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from papers_case import plan_of, write_config
from repro.compose.paper_files import whole_ledger
from repro.core.errors import ReproError
from repro.core.spec import RunSpec
from repro.judge.ledger import read_ledger
from repro.plan.cells import MeasuredCell
from repro.plan.config import load_config

CONFIG = Path(__file__).parents[2] / "config"
LEDGER = whole_ledger(load_config(CONFIG))
WITH_OPTION = [item for item in LEDGER if item.option is not None]


@cache
def config():
    return load_config(CONFIG)


def test_every_artefact_exists() -> None:
    known = {f"{paper}/{name}" for paper, sheet in config().sheets.items() for name in sheet.artefacts}
    for item in LEDGER:
        assert set(item.affects) <= known, item.id
        assert item.affects, item.id


def test_every_paper_has_a_ledger_and_the_shared_one_is_of_none() -> None:
    shared = read_ledger(CONFIG / "ledger.yaml", None)
    assert {item.paper for item in LEDGER if item not in shared} == set(config().sheets)
    assert shared
    assert not {item.paper for item in shared} & set(config().sheets)
    assert len({item.id for item in LEDGER}) == len(LEDGER)


def test_sheets_name_only_items_that_exist() -> None:
    ids = {item.id for item in LEDGER}
    named: set[str] = set()
    for sheet in CONFIG.glob("papers/*/sheet.yaml"):
        for words in re.findall(
            r"ledger ((?:[a-z]+\.[a-z0-9_]+(?:, )?)+)", sheet.read_text(encoding="utf-8")
        ):
            named |= set(words.split(", "))
    assert len(named) > 10
    assert named - ids == set()


def test_measuring_cells_exist() -> None:
    measuring = [item for item in LEDGER if item.measured_by is not None]
    assert measuring
    plan = plan_of("smoke")
    for item in measuring:
        artefact, row, column, metric = item.measured_by
        assert artefact in item.affects, item.id
        cells = {(cell.row, cell.column, cell.metric) for cell in plan.cells[artefact]}
        assert (row, column, metric) in cells, item.id


def test_every_search_looks_for_a_choice_of_the_ledger() -> None:
    declared = {
        f"{paper}/{name}": (sheet, search)
        for paper, sheet in config().sheets.items()
        for name, search in sheet.searches.items()
    }
    assert len(declared) >= 14
    assert {name for item in LEDGER for name in item.searched_by} == set(declared)
    for item in LEDGER:
        for name in item.searched_by:
            sheet, search = declared[name]
            if item.option is not None:
                assert item.option.of in (sheet.recipes[search.recipe].method, "classifier"), item.id
                assert item.option.option == search.option, item.id


ONLY_WITH: dict[str, dict[str, object]] = {  # elsewhere a value without effect is refused
    "dat.divide_epsilon": {"perturbation_steps": 2},
    "dat.generator_images": {"position": "all"},
    "dat.refresh_targets": {"perturbation_steps": 2},
    "rgan.direction_distance": {"direction_steps": 2},
    "rgan.random_noise": {"mode": "random_noise"},
    "rgan.penalty_images": {"regulariser": "zero_gp"},
}


@pytest.mark.parametrize("item", WITH_OPTION, ids=lambda item: item.id)
def test_every_option_exists_and_takes_each_value(item) -> None:
    from repro.evaluate import registry as measurements
    from repro.methods import registry as methods
    from repro.methods.regularisers.registry import regulariser_names
    from repro.models.registry import network_names

    of, option = item.option.of, item.option.option
    validate = methods.validate_options if of in methods.method_names() else measurements.validate_options
    name, _, inner = option.partition(".")
    for value in item.option.values:
        needed = ONLY_WITH.get(item.option.name, {})
        # an option of a regulariser or a network comes with the first one that has it
        owners: list[dict[str, object]] = [{}]
        if inner:
            owners = [{name: each} for each in regulariser_names()]
        elif of in methods.method_names():
            owners += [{"network": each} for each in network_names(("GAN", "CONDITIONAL_GAN", "AC_GAN"))]
        assert any(takes(validate, of, {**owner, **needed, option: value}, name) for owner in owners)


def several_steps(run: RunSpec) -> bool:
    return int(run.options.get("perturbation_steps", 1)) > 1


def spectral(run: RunSpec) -> bool:
    return run.options.get("network", "sngan") in ("sngan", "ssgan", "infomax_gan")


def on_cifar(run: RunSpec) -> bool:
    return run.dataset == "cifar10"


ONLY_WHERE: dict[str, Callable[[RunSpec], bool]] = {  # elsewhere the option, or the point, is of no effect
    "dat.divide_epsilon": several_steps,
    "dat.refresh_targets": several_steps,
    "dat.generator_images": lambda run: run.options.get("position") in ("generator", "all"),
    "dat.clean_weight": lambda run: "clean_weight" in run.options,
    "dat.freeze_spectral_norm": spectral,
    "dat.separate_targets": spectral,
    "dat.clip_real": lambda run: run.method != "toy_dat",
    "dat.clip_fake": lambda run: run.method != "toy_dat",
    "fast_gradient_training.norm": lambda run: False,  # which of Table 2's two networks a figure shows
    "adversarial_training.augmentation": lambda run: run.recipe == "robgan.vgg16",
    "adversarial_training.optimiser": lambda run: run.recipe != "robgan.vgg16",  # whose entry it is not
    "gan.decay_from": lambda run: run.method != "robgan" and run.options.get("decay", "linear") == "linear",
    "rgan.penalty_images": lambda run: "regulariser" in run.options,
    "rgan.random_noise": lambda run: run.options.get("mode") == "random_noise",
    "robgan.class_loss": on_cifar,
    "robgan.radius": on_cifar,
}


ASKED = {"decay_from"}


@pytest.mark.parametrize("paper", ["robgan", "gat", "dat", "rgan"])
def test_an_option_of_a_method_affects_every_artefact_that_draws_from_the_method(paper: str) -> None:
    """Entries of one option are taken together. What every GAN has may be of one recipe only: not asked."""
    from repro.methods import registry as methods
    from repro.methods.gan_options import GanOptions

    said: dict[str, set[str]] = {}
    for item in WITH_OPTION:
        if item.paper == paper and item.option.of in methods.method_names():
            said.setdefault(item.option.name, set()).update(item.affects)
    plan = plan_of("smoke")
    cells = [(name, cell) for name in plan.cells for cell in plan.cells[name] if name.startswith(f"{paper}/")]
    drawn = {(name, run) for name, cell in cells if isinstance(cell, MeasuredCell) for run in cell.runs}
    drawn |= {(name, parent) for name, run in drawn if (parent := plan.runs[run].parent)}
    kinds = {name: methods.load_method(plan.runs[name].method).Options for _, name in drawn}
    asked, gaps = 0, {}
    for name, affects in said.items():
        of, option = name.split(".", 1)
        kind, fits = methods.load_method(of).Options, ONLY_WHERE.get(name, lambda run: True)
        of_every_gan = issubclass(kind, GanOptions) and option in GanOptions.model_fields.keys() - ASKED
        if option in kind.model_fields and not of_every_gan:
            asked += 1
            users = {at for at, run in drawn if issubclass(kinds[run], kind) and fits(plan.runs[run])}
            gaps[name] = sorted(users - affects)
    assert asked > 5
    assert {name: missing for name, missing in gaps.items() if missing} == {}


def takes(validate: Callable, of: str, settings: dict[str, object], name: str) -> bool:
    try:
        return name in type(validate(of, settings)).model_fields
    except ReproError:
        return False


GOOD = (
    "- id: dat.x\n  source: s\n  text: t\n  affects: [dat/table4]\n  choice: c\n"
    "  option: {name: dat.reduction, values: [sample, batch_mean]}\n  measured_by: null\n"
)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (GOOD.replace("dat.x", "dta.x"), 1, "not of this file's paper"),
        (GOOD.replace("dat/table4", "table4"), 4, "paper/name"),
        (GOOD.replace("[sample, batch_mean]", "[sample]"), 6, "values"),
        (GOOD.replace("[sample, batch_mean]", "[sample, sample]"), 6, "given twice"),
        (GOOD.replace("dat.reduction", "reduction"), 6, "name"),
        (GOOD.replace("  measured_by: null\n", ""), 1, "measured_by"),
        (GOOD + "  extra: 1\n", 8, "extra"),
        (GOOD + GOOD, 8, "dat.x"),
    ],
)
def test_refuses_with_the_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = tmp_path / "ledger.yaml"
    path.write_text(text)
    with pytest.raises(ReproError) as caught:
        read_ledger(path, "dat")
    assert caught.value.line == line
    assert words in caught.value.message


def test_an_id_of_a_paper_and_of_the_shared_ledger_is_refused(tmp_path: Path) -> None:
    folder = write_config(tmp_path)
    (folder / "papers" / "gat" / "ledger.yaml").write_text(GOOD.replace("dat.x", "gat.x"))
    assert [item.id for item in whole_ledger(load_config(folder))] == ["gat.x"]
    (folder / "ledger.yaml").write_text(f"# shared\n{GOOD.replace('dat.x', 'gat.x')}")
    with pytest.raises(ReproError, match=r"has an entry 'gat\.x' too") as caught:
        whole_ledger(load_config(folder))
    assert (caught.value.where, caught.value.line) == (str(folder / "ledger.yaml"), 2)


def test_reads_what_is_right(tmp_path: Path) -> None:
    path = tmp_path / "ledger.yaml"
    path.write_text(GOOD)
    (item,) = read_ledger(path, "dat")
    assert (item.option.of, item.option.option) == ("dat", "reduction")
    with pytest.raises(ReproError, match="missing"):
        read_ledger(tmp_path / "absent.yaml", "dat")
