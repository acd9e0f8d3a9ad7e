"""The plan of the chosen profile and the functions that turn it into file names."""

import os
import subprocess
from pathlib import Path

from snakemake.exceptions import WorkflowError

import repro
from repro.core.errors import ReproError
from repro.core.files import sha256_file
from repro.core.paths import Layout
from repro.data.root import DATA_ROOT, INCEPTION, choose_path, user_path
from repro.plan.batches import make_batches
from repro.plan.config import load_config
from repro.plan.plan import build_plan
from repro.verify.promises import note_gone
from repro.verify.stamp import is_validated

PACKAGE = Path(repro.__file__).parent
PROFILE = config["profile"]
RESULTS = user_path(str(config["results"]))
LAYOUT = Layout(RESULTS, PROFILE)

try:
    PLAN = build_plan(load_config(Path("config"), PROFILE))
    BATCHES = make_batches(PLAN)
    for _line in note_gone(PLAN, BATCHES, LAYOUT, Path("figures")):
        logger.warning(_line)
except ReproError as error:
    raise WorkflowError(f"{error}") from None
THREADS = PLAN.config.profile.threads

# What every step is told; paths given by --config data_root=... reach the steps through the environment
# (an option wins over the environment, the environment over the file).
COMMON = f"--profile {PROFILE} --results {RESULTS}"

# Options of methods and measurements are checked before any job, and again only after a change: that needs torch.
# (A rule for it, as ancient() input of the training, made Snakemake 9.27 drop every other job from the plan.)
if not is_validated(LAYOUT, Path("config")):
    _validation = subprocess.run(
        ["repro", "validate", *COMMON.split()], capture_output=True, text=True
    )
    if _validation.returncode:
        raise WorkflowError(_validation.stderr.strip())
for _key, _variable in (("data_root", DATA_ROOT), ("inception", INCEPTION)):
    _option = workflow.config_settings.config.get(_key)
    _path = choose_path(_option, _variable, config.get(_key))
    if _path:
        os.environ[_variable] = str(_path.resolve())


def results(name):
    """Return a file of the profile's results."""
    return str(RESULTS / PROFILE / name)


def train_manifests(batches):
    """Return the manifests of training batches."""
    return [results(f"batches/train/{batch}.json") for batch in batches]


def asked(batches):
    """Return the names of the batches that an artefact asks for; those of searches have a target of their own."""
    return [batch.name for batch in batches.values() if not batch.only_searched]


def runs_of(wildcards):
    """Return the runs of a training batch, each with its marks; a changed list trains the batch again."""
    return marked(PLAN.runs, BATCHES.train[wildcards.batch].members)


def evaluations_of(wildcards):
    """Return the evaluations of a batch, each with its marks; a changed list measures the batch again."""
    return marked(PLAN.evaluations, BATCHES.evaluate[wildcards.batch].members)


def marked(specs, members):
    """Return each member with its stand-ins, which take no part in its id."""
    return [" ".join([member, *specs[member].stand_ins]) for member in members]


def needs_of_training(wildcards):
    """Return what must be trained before a training batch (the runs that its runs start from)."""
    needs = train_manifests(BATCHES.train[wildcards.batch].needs)
    return needs + gone("train", wildcards.batch)


def needs_of_evaluation(wildcards):
    """Return what must be trained before an evaluation batch."""
    needs = train_manifests(BATCHES.evaluate[wildcards.batch].needs)
    return needs + gone("evaluate", wildcards.batch)


def gone(stage, batch):
    """Return the note that files of a batch (or of figures/) are gone, if any: a new one runs its rule again."""
    return [path for path in [LAYOUT.gone(stage, batch)] if path.is_file()]


def measured_for(wildcards):
    """Return the manifests of all evaluations, and of runs whose settings are shown, that one artefact asks for."""
    name = f"{wildcards.paper}/{wildcards.artefact}"
    if name not in PLAN.cells:
        raise WorkflowError(
            f"there is no artefact {name}", f"choose one of {', '.join(PLAN.cells)}"
        )
    cells = PLAN.cells[name]
    wanted = {name for cell in cells for name in cell.evaluations + cell.subtracted}
    batches = sorted({BATCHES.evaluate_of[name] for name in wanted})
    shown = {run for cell in cells if cell.cell.setting for run in cell.runs}
    trained = sorted({BATCHES.train_of[run] for run in shown})
    return [
        results(f"batches/evaluate/{batch}.json") for batch in batches
    ] + train_manifests(trained)


def searched_for(wildcards):
    """Return the manifests of all evaluations that one search compares, and the values in use if any were adopted."""
    planned = PLAN.find_search(f"{wildcards.paper}/{wildcards.search}")
    wanted = [e.evaluation_id for c in planned.candidates for e in c.evaluations]
    batches = sorted({BATCHES.evaluate_of[name] for name in wanted})
    adopted = [str(path) for path in [Path("config/searched.yaml")] if path.is_file()]
    return [results(f"batches/evaluate/{batch}.json") for batch in batches] + adopted


def every_artefact(ending="png"):
    """Return one file of every artefact."""
    return [results(f"artefacts/{name}.{ending}") for name in PLAN.artefact_ids()]


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


def short_name(artefact):
    """Return the name of an artefact's target: `dat_table4` for `dat/table4`."""
    return "_".join(Path(artefact).parts)


def artefact_files(*endings):
    """Return the outputs of one artefact, by ending, wildcards unfilled."""
    return {
        ending: results(f"artefacts/{{paper}}/{{artefact}}.{ending}")
        for ending in endings
    }


def artefact_inputs():
    """Return what every artefact depends on beside its evaluations."""
    return {
        "settings": "config/config.yaml",
        "reported": paper_file("reported.csv"),
        "sheet": paper_file("sheet.yaml"),
        "architectures": results("architectures.json"),
    }
