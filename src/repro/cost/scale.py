"""What a whole profile takes on some GPUs, on paper: jobs, hours, disk and network. Imports no torch.

A training takes what its steps were measured to take on that device (``config/rates.yaml``); else at least
its operations (``config/steps.yaml``) over the device's peak (``config/gpus.yaml``). What is neither is
unknown, is counted as unknown, and takes no time in the schedule; all measurements are. A run of several
processes takes a GPU for each and divides its time among them without loss. So hours are lower bounds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from repro.core.named import named
from repro.core.spec import Frozen, RunSpec
from repro.core.yaml_model import load_model
from repro.cost.predict import Rate, measured_seconds, read_rates
from repro.cost.schedule import Job
from repro.cost.sizes import StepSize, images_mib, read_steps, size_of, training_mib
from repro.data.catalogue import dataset_info
from repro.plan.batches import Batches
from repro.plan.plan import Plan
from repro.plan.sheet import Recipe

GPUS = "gpus.yaml"


class Gpu(Frozen):
    """Peak operations a second of a device, in 10^12, by number format, and which file says so."""

    device: str
    float32: float = Field(gt=0)
    tf32: float = Field(gt=0)
    bf16: float = Field(gt=0)
    source: str


@dataclass
class Estimate:
    """Of a whole profile, without what only searches ask for; lengths in seconds, sizes in MiB."""

    jobs: dict[str, Job] = field(default_factory=dict)
    trainings: int = 0
    runs: Counter[str] = field(default_factory=Counter)  # by where their seconds come from
    unknown: Counter[str] = field(default_factory=Counter)  # recipes
    of_paper: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    measurements: int = 0
    checkpoints: float = 0.0
    snapshots: float = 0.0
    unsized: int = 0  # runs of which no size is known
    images: dict[str, float] = field(default_factory=dict)
    read: float = 0.0


def choose_gpu(config: Path, name: str) -> Gpu:
    """Return the GPU of ``config/gpus.yaml`` with this name.

    Raises:
        ReproError: none has it; lists those that are there.
    """
    known = {gpu.device: gpu for gpu in load_model(config / GPUS, list[Gpu])[0]}
    return known[named("GPU of known peak", name, known, where=config / GPUS, more=", or add it")]


def seconds_of(
    run: RunSpec, recipes: Mapping[str, Recipe], gpu: Gpu, rates: Sequence[Rate], sizes: Sequence[StepSize]
) -> tuple[float, str]:
    """Return a run's seconds, by its recipes, 0 where unknown, and where they come from."""
    measured = measured_seconds(run, [rate for rate in rates if rate.device == gpu.device], recipes)
    if measured is not None:
        return measured, "measured"
    size = size_of(run, recipes[run.recipe], sizes)
    if size is None or size.width != run.width:
        return 0.0, "unknown"
    peak: float = getattr(gpu, run.precision)
    return run.steps * size.gflop / (1000 * peak), "predicted"


def estimate(plan: Plan, batches: Batches, config: Path, gpu: Gpu) -> Estimate:
    """Return what the artefacts of a plan take."""
    found, rates, sizes = Estimate(), read_rates(config), read_steps(config)
    for name, batch in batches.train.items():
        if batch.only_searched:
            continue
        found.trainings += 1
        total = 0.0
        for run in (plan.runs[member] for member in batch.members):
            recipes = plan.recipes[run.run_id]
            seconds, source = seconds_of(run, recipes, gpu, rates, sizes)
            total += seconds
            found.runs[source] += 1
            found.unknown[run.recipe] += source == "unknown"
            found.of_paper[run.recipe.partition(".")[0]].append(seconds)
            size = size_of(run, recipes[run.recipe], sizes)
            if size is None:
                found.unsized += 1
            else:
                found.checkpoints += size.state_mib
                found.snapshots += run.snapshots * size.snapshot_mib
        found.read += max(training_mib(plan.runs[member]) for member in batch.members)
        found.jobs[name] = Job(total / batch.processes, batch.needs, batch.processes)
    for name, batch in batches.evaluate.items():
        if batch.only_searched:
            continue
        specs = [plan.evaluations[member] for member in batch.members]
        found.measurements += len(specs)
        found.jobs[f"evaluate {name}"] = Job(0.0, batch.needs)
    for dataset in sorted({run.dataset for run in plan.runs.values()}):
        found.images[dataset] = sum(images_mib(dataset, split) for split in dataset_info(dataset).splits)
    return found
