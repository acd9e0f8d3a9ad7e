"""What an artefact will cost: its jobs, and hours from rates that were measured. Imports no torch.

A rate is the device time of a training step. It holds for runs of the same recipe, options, width, number
format and size of image; steps of another batch size are taken to cost in proportion. What has no rate is
unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from repro.core.spec import Frozen, Options, Precision, RunSpec
from repro.core.yaml_model import load_model
from repro.cost.needs import Forecast
from repro.cost.sizes import varied
from repro.data.catalogue import dataset_info
from repro.plan.sheet import Recipe

RATES = "rates.yaml"


class Rate(Frozen):
    """Seconds of a step, where they were measured and in which file that stands.

    ``options`` are those of the run that are not its recipe's own.
    """

    recipe: str
    dataset: str
    batch_size: int = Field(ge=1)
    width: float = Field(gt=0)
    options: Options = Field(default_factory=dict)
    precision: Precision = "float32"
    device: str
    seconds_per_step: float = Field(gt=0)
    source: str

    def fits(self, run: RunSpec, recipes: Mapping[str, Recipe]) -> bool:
        """Tell whether a step of a run, by any of its recipes, costs this but for its batch size."""
        own, other = dataset_info(self.dataset), dataset_info(run.dataset)
        return (
            self.recipe in recipes
            and self.options == varied(run, recipes[self.recipe])
            and (self.width, self.precision) == (run.width, run.precision)
            and (own.height, own.width) == (other.height, other.width)
        )  # fmt: skip


@dataclass(frozen=True)
class Prediction:
    """What an artefact asks for: ``hours`` of the runs with a rate, and how many of each recipe have none.

    ``memory_mib`` is what its largest job takes of the machine's memory (see ``cost.needs``).
    """

    artefact: str
    device: str
    runs: int
    evaluations: int
    hours: float
    unknown: Counter[str]
    datasets: tuple[str, ...]
    memory_mib: int

    @property
    def lines(self) -> list[str]:
        """The prediction for a reader."""
        known = self.runs - self.unknown.total()
        data = ", ".join(self.datasets) or "none"
        said = [f"{self.artefact}: {self.runs} runs, {self.evaluations} measurements, data: {data}"]
        if known:
            said.append(f"training of {known} runs: {self.hours:.1f} hours on {self.device}")
        if self.unknown:
            names = ", ".join(f"{name} ({n})" for name, n in sorted(self.unknown.items()))
            said.append(
                f"training of {self.unknown.total()} runs: unknown on {self.device}, no rate of {names}"
            )
        if self.memory_mib:
            gib = f"{self.memory_mib / 1024:.1f} GiB"
            said.append(f"memory of the machine: {gib} for its largest job, by records or else predicted")
        said.append("time of measurements, and disk: unknown, no rates of them are kept")
        return said


def read_rates(folder: Path) -> list[Rate]:
    """Return the measured rates of ``config/rates.yaml``; none without that file.

    Raises:
        ReproError: an entry does not fit the schema; names its line.
    """
    path = folder / RATES
    return load_model(path, list[Rate])[0] if path.is_file() else []


def predict(forecast: Forecast, artefact_id: str, rates: Sequence[Rate], device: str) -> Prediction:
    """Predict what one artefact costs from nothing, runs that others share included."""
    plan, batches = forecast.plan, forecast.batches
    cells = plan.cells[artefact_id]
    evaluations = {name for cell in cells for name in cell.evaluations}
    wanted = [run for cell in cells for run in cell.runs]
    for name in evaluations:
        spec = plan.evaluations[name]
        wanted += [run for run in (spec.run, spec.extractor, spec.surrogate) if run in plan.runs]
    runs: dict[str, RunSpec] = {}
    while wanted:
        run = plan.runs[wanted.pop()]
        if run.run_id not in runs:
            runs[run.run_id] = run
            wanted += [run.parent] if run.parent else []
    seconds, unknown = 0.0, Counter[str]()
    own = [rate for rate in rates if rate.device == device]
    for run in runs.values():
        took = measured_seconds(run, own, plan.recipes[run.run_id])
        if took is None:
            unknown[run.recipe] += 1
        else:
            seconds += took
    needs = [forecast.training(name) for name in {batches.train_of[run] for run in runs}]
    needs += [forecast.evaluation(name) for name in {batches.evaluate_of[name] for name in evaluations}]
    return Prediction(
        artefact=artefact_id,
        device=device,
        runs=len(runs),
        evaluations=len(evaluations),
        hours=seconds / 3600,
        unknown=unknown,
        datasets=tuple(sorted({run.dataset for run in runs.values()})),
        memory_mib=max((each.mem_mb for each in needs), default=0),
    )


def measured_seconds(run: RunSpec, rates: Iterable[Rate], recipes: Mapping[str, Recipe]) -> float | None:
    """Return the seconds of a run's steps by the rate of the nearest batch size; None where none fits."""
    fitting = [rate for rate in rates if rate.fits(run, recipes)]
    rate = min(fitting, key=lambda rate: abs(rate.batch_size - run.batch_size), default=None)
    return None if rate is None else run.steps * rate.seconds_per_step * run.batch_size / rate.batch_size
