"""How large steps and data sets are, by ``config/steps.yaml`` and the catalogue. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import Field

from repro.core.spec import Frozen, Options, RunSpec
from repro.core.yaml_model import load_model
from repro.data.catalogue import dataset_info
from repro.methods.registry import train_split
from repro.plan.plan import Plan
from repro.plan.sheet import Recipe

STEPS = "steps.yaml"
MIB = 2**20


class StepSize(Frozen):
    """A step of a recipe's runs on a data set (``train.step_size`` finds it).

    Attributes:
        options: those of the runs that are not the recipe's own.
        gflop: operations of its products and convolutions, in 10^9.
        step_mib: the most memory at a time of weights, moments, gradients and activations.
        state_mib: weights and moments, what a checkpoint holds.
        snapshot_mib: what a snapshot holds.
    """

    recipe: str
    dataset: str
    batch_size: int = Field(ge=1)
    width: float = Field(gt=0)
    options: Options = Field(default_factory=dict)
    gflop: float = Field(ge=0)
    step_mib: float = Field(ge=0)
    state_mib: float = Field(ge=0)
    snapshot_mib: float = Field(ge=0)


def varied(run: RunSpec, recipe: Recipe) -> Options:
    """Return the options of a run that are not its recipe's own: a row's or column's, or a search's."""
    return {
        name: value
        for name, value in sorted(run.options.items())
        if name not in recipe.options or recipe.options[name] != value
    }


def distinct_runs(plan: Plan) -> list[RunSpec]:
    """Return the first run of each recipe, options, data set, batch size and width: those to be listed."""
    found: dict[tuple[object, ...], RunSpec] = {}
    for run in plan.runs.values():
        options = repr(varied(run, plan.recipes[run.run_id][run.recipe]))
        found.setdefault((run.recipe, run.dataset, run.batch_size, run.width, options), run)
    return [*found.values()]


def listed(run: RunSpec, recipe: Recipe, size: Mapping[str, float]) -> StepSize:
    """Return the entry of a run whose step has this size."""
    return StepSize(
        recipe=run.recipe,
        dataset=run.dataset,
        batch_size=run.batch_size,
        width=run.width,
        options=varied(run, recipe),
        **size,
    )


def read_steps(folder: Path) -> list[StepSize]:
    """Return the sizes of ``config/steps.yaml``; none without that file.

    Raises:
        ReproError: an entry does not fit the schema; names its line.
    """
    path = folder / STEPS
    return load_model(path, list[StepSize])[0] if path.is_file() else []


def joined_sizes(older: Iterable[StepSize], newer: Iterable[StepSize]) -> list[StepSize]:
    """Return ``newer``, and behind them what ``older`` has of other steps."""
    step = {"recipe", "dataset", "batch_size", "width", "options"}
    found: dict[str, StepSize] = {}
    for size in (*newer, *older):
        found.setdefault(size.model_dump_json(include=step), size)
    return list(found.values())


def steps_text(sizes: Iterable[StepSize]) -> str:
    """Return ``config/steps.yaml``."""
    about = """\
# What a training step asks of a device, predicted by `repro scale --steps`: taken on torch's device meta,
# which computes shapes alone. Memory is without images, libraries, and what an allocator keeps.

"""
    return about + "".join(_line(size) for size in sizes)


def _line(size: StepSize) -> str:
    found = size.model_dump(exclude_defaults=True)
    if size.options:
        found["options"] = yaml.safe_dump(size.options, default_flow_style=True, width=10**6).strip()
    parts = (f"{name}: {value:g}" if isinstance(value, float) else f"{name}: {value}"
             for name, value in found.items())  # fmt: skip
    return "- {" + ", ".join(parts) + "}\n"


def size_of(run: RunSpec, recipe: Recipe, sizes: Sequence[StepSize]) -> StepSize | None:
    """Return the size of a step of a recipe's run; None where none is listed with its options on such images.

    Operations and activations are in proportion to the batch. A narrower network than those listed is given
    the size of the narrowest that is not narrower: ``width`` says of which.
    """
    own, options = dataset_info(run.dataset), varied(run, recipe)

    def fits(size: StepSize) -> bool:
        other = dataset_info(size.dataset)
        as_large = (own.height, own.width) == (other.height, other.width)
        alike = (size.recipe, size.options) == (run.recipe, options)
        return alike and as_large and size.width >= run.width

    def distance(size: StepSize) -> tuple[float, int, bool]:
        return size.width, abs(size.batch_size - run.batch_size), size.dataset != run.dataset

    found = min(filter(fits, sizes), key=distance, default=None)
    if found is None:
        return None
    share = run.batch_size / found.batch_size
    activations = max(0.0, found.step_mib - found.state_mib)
    changes = {"gflop": found.gflop * share, "step_mib": found.state_mib + share * activations}
    return found.model_copy(update={"batch_size": run.batch_size, **changes})


def images_mib(dataset: str, split: str, limit: int | None = None) -> float:
    """Return the size of a split's images as uint8; 0 for points, which are drawn."""
    info = dataset_info(dataset)
    if info.drawn is not None:
        return 0.0
    n = info.split_size(split)
    return min(n, limit or n) * info.channels * info.height * info.width / MIB


def training_mib(run: RunSpec) -> float:
    """Return the size of the images that a run trains on."""
    return images_mib(run.dataset, train_split(run.method, run.options), run.train_limit)
