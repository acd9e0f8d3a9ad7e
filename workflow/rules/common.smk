"""The plan of the chosen profile and the functions that turn it into file names."""

import shlex
import subprocess
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

import repro
from repro.core.by_name import VISIBLE
from repro.core.errors import ReproError
from repro.core.files import sha256_file
from repro.core.gpus import jobs_at_once
from repro.core.paths import Layout
from repro.cost.needs import Forecast
from repro.data.root import DATA_ROOT, choose_path
from repro.jobs.data_state import sets_in_use
from repro.plan import names
from repro.plan.batches import make_batches
from repro.plan.cells import PendingCell, SettingCell
from repro.plan.config import load_config
from repro.plan.overrides import read_overrides, results_folder
from repro.plan.plan import build_plan
from repro.verify.missing import find_missing, is_other
from repro.verify.stamp import is_validated

PACKAGE = Path(repro.__file__).parent
FIGURES = Path("figures")

# Only looked at here: parsing this file writes nothing and changes no environment.
try:
    GIVEN = read_overrides(workflow.config_settings.overwrite_config, sys.argv)
    PLAN = build_plan(load_config(Path("config"), GIVEN.get("profile")))
    LAYOUT = Layout(
        results_folder(GIVEN, PLAN.config.settings), PLAN.config.profile.name
    )
    BATCHES = make_batches(PLAN)
    ROOT = choose_path(
        GIVEN.get("data_root"), DATA_ROOT, PLAN.config.settings.data_root
    )
    SETS = sets_in_use(PLAN, LAYOUT, ROOT)
    MISSING = find_missing(PLAN, BATCHES, LAYOUT, FIGURES, ROOT)
except ReproError as error:
    raise WorkflowError(f"{error}") from None
for _path, _reason in MISSING.items():
    logger.warning(f"{_reason}; it is made again where it is asked for")
THREADS = PLAN.config.profile.threads
FORECAST = Forecast(PLAN, BATCHES, LAYOUT, Path("config"))
SPECS = {"train": PLAN.runs, "evaluate": PLAN.evaluations}
CUT = {"train": BATCHES.train, "evaluate": BATCHES.evaluate}  # into batches
GPUS = int(PLAN.config.profile.device != "cpu")  # of each process

# One job a GPU on this machine, unless --resources says otherwise; a cluster counts its own.
if workflow.is_main_process and workflow.nodes is None:
    _jobs = jobs_at_once(PLAN.config.profile.device)
    if _jobs is not None:
        workflow.global_resources.setdefault("gpu", _jobs)

# What every step is told, quoted for the shell.
COMMON = shlex.join(["--profile", LAYOUT.profile, f"--results={LAYOUT.results}"])


def validate():
    """Check options of methods and measurements before any job, and again only after a change: that needs torch."""
    if not is_validated(LAYOUT, Path("config")):
        command = ["repro", "validate", *shlex.split(COMMON)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise WorkflowError(done.stderr.strip())


def memory_of(stage, name):
    """Return a job's MiB to ask for, of a batch or data set; a second attempt asks for twice as many."""
    return lambda wildcards, attempt: attempt * stage(wildcards[name]).mem_mb


def minutes_of(stage, unknown):
    """Return a batch's minutes to ask for, `unknown` where nothing of its kind was timed."""
    return lambda wildcards, attempt: (
        attempt * (stage(wildcards.batch).minutes or unknown)
    )


def for_each_process(number):
    """Return what a training batch takes where each of its processes takes `number`."""
    return lambda wildcards: number * BATCHES.train[wildcards.batch].processes


def given(*names):
    """Return what --config says of these settings, as options; else the steps ask the environment and config.yaml.

    A folder that moves is no reason to train again, and what is derived from the inputs is not compared.
    """
    told = [
        f"--{name.replace('_', '-')}={GIVEN[name]}" for name in names if name in GIVEN
    ]
    return lambda wildcards, input: shlex.join(told)


def results(name):
    """Return a file of the profile's results."""
    return str(LAYOUT.root / name)


def manifests(stage, batches):
    """Return the manifests of training or evaluation batches."""
    return [results(f"batches/{stage}/{batch}.json") for batch in batches]


def asked(batches):
    """Return the names of the batches that an artefact asks for; those of searches have a target of their own."""
    return [batch.name for batch in batches.values() if not batch.only_searched]


def members_of(stage):
    """Return a batch's members, each with its stand-ins, which take no part in its id; a changed list runs it again."""
    return lambda wildcards: [
        " ".join([member, *SPECS[stage][member].stand_ins])
        for member in CUT[stage][wildcards.batch].members
    ]


def needs_of(stage):
    """Return what must be trained before a batch: what its members measure, or start from."""

    def needs(wildcards):
        make_again(LAYOUT.batch(stage, wildcards.batch))
        return manifests("train", CUT[stage][wildcards.batch].needs)

    return needs


def data_of(stage):
    """Return the records of the real data sets that a batch reads.

    A checkpoint makes them: where a new record says what the old one said, nothing is trained or measured.
    """

    def records(wildcards):
        members = CUT[stage][wildcards.batch].members
        read = {SPECS[stage][member].dataset for member in members}
        return [
            checkpoints.data_set.get(dataset=name).output.record
            for name in SETS
            if name in read
        ]

    return records


def needs_of_data_set(wildcards):
    """Return nothing: what a data root holds is looked at from outside."""
    make_again(LAYOUT.data(wildcards.dataset))
    return []


def needs_of_figures(wildcards):
    """Return one file of every artefact."""
    make_again(FIGURES)
    return every_artefact()


def needs_of_single(wildcards):
    """Return the drawn file of a single artefact in figures/; another profile's there is replaced."""
    name = f"{wildcards.paper}/{wildcards.artefact}"
    if is_other(LAYOUT, FIGURES, name):
        workflow.dag.forcefiles.add(str(FIGURES / f"{name}.{wildcards.ending}"))
    return results(f"artefacts/{name}.{wildcards.ending}")


def make_again(path):
    """Let Snakemake make a file again, if it is asked for, where what belongs to it is missing.

    It does so itself with `rerun-incomplete`. Dates or inputs would not tell it, and `--forcerun` asks for the file.
    """
    if path in MISSING:
        workflow.dag.forcefiles.add(str(path))


def measured_for(wildcards):
    """Return the manifests of all evaluations, and of runs whose settings are shown, that one artefact asks for."""
    try:
        cells = PLAN.cells[
            PLAN.find_artefact(f"{wildcards.paper}/{wildcards.artefact}")
        ]
    except ReproError as error:
        raise WorkflowError(f"{error}") from None
    wanted = {name for cell in cells for name in cell.evaluations}
    batches = sorted({BATCHES.evaluate_of[name] for name in wanted})
    shown = {
        run for cell in cells if isinstance(cell, SettingCell) for run in cell.runs
    }
    trained = sorted({BATCHES.train_of[run] for run in shown})
    return manifests("evaluate", batches) + manifests("train", trained)


def searched_for(wildcards):
    """Return the manifests of all evaluations that one search compares, and the values in use if any were adopted."""
    planned = PLAN.find_search(f"{wildcards.paper}/{wildcards.search}")
    wanted = [e.evaluation_id for c in planned.candidates for e in c.evaluations]
    batches = sorted({BATCHES.evaluate_of[name] for name in wanted})
    adopted = [str(path) for path in [Path("config/searched.yaml")] if path.is_file()]
    return manifests("evaluate", batches) + adopted


def every_artefact():
    """Return one file of every artefact."""
    return [results(f"artefacts/{name}.png") for name in PLAN.cells]


def content_of(path):
    """Return a digest of a file, empty where it does not exist: as a parameter, it runs a rule again when it changes."""
    return sha256_file(path) if path.is_file() else ""


def paper_file(name):
    """Return a file of one paper's folder, wildcard unfilled."""
    return f"config/papers/{{paper}}/{name}"


def every_paper(name):
    """Return a file of every paper's folder, where it has one."""
    paths = expand(paper_file(name), paper=PLAN.config.sheets)
    return [path for path in paths if Path(path).is_file()]


def numbers_of_others(wildcards):
    """Return the file of numbers that others publish for a paper's cells, if there is one."""
    path = paper_file("other_reported.csv").format(paper=wildcards.paper)
    return [path] if Path(path).is_file() else []


def title_of_artefact(wildcards):
    """Return what a table or figure shows, for Snakemake's own report."""
    sheet = PLAN.config.sheets.get(wildcards.paper)
    found = sheet and sheet.artefacts.get(wildcards.artefact)
    return found.title if found else ""


def unfilled_cells(wildcards):
    """Return the cells that an artefact leaves pending, and why; a changed list draws it again.

    A cell that a profile leaves out may take no batch from the artefact's inputs.
    """
    cells = PLAN.cells.get(f"{wildcards.paper}/{wildcards.artefact}", ())
    return [
        f"{cell.key}: {cell.reason}" for cell in cells if isinstance(cell, PendingCell)
    ]


def artefact_files(*endings):
    """Return the outputs of one artefact, wildcards unfilled: its picture, these endings, and its cells."""
    drawn = {
        ending: results(f"artefacts/{{paper}}/{{artefact}}.{ending}")
        for ending in ("png", *endings)
    }
    drawn["png"] = report(
        drawn["png"],
        caption="../report/artefact.rst",
        category="{paper}",
        labels={"artefact": "{artefact}"},
    )
    cells = results("cells/{paper}/{artefact}")
    return drawn | {"cells": f"{cells}.csv", "entry": f"{cells}.json"}
