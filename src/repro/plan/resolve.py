"""From a recipe and a profile to a run: how many steps, how wide, which stand-ins that makes."""

from __future__ import annotations

from repro.core.errors import ReproError
from repro.core.ranks import check_divides
from repro.core.spec import Options, RunSpec, StandIn, stand_ins_in_order
from repro.data.catalogue import dataset_info
from repro.methods.registry import train_split
from repro.plan.profile import Profile, Work
from repro.plan.sheet import Recipe

NOTHING = Work()  # that a profile says, of a recipe or beside its entries


def work_for(
    profile: Profile, name: str, recipe: Recipe, dataset: str | None = None, over: Work = NOTHING
) -> Work:
    """Return what ``profile`` pays for a recipe on a data set (None: the recipe's own).

    The entry of the workload comes first; over it come the entries that fit the recipe (``dat.sngan``,
    ``dat.*``), then those that fit it on this data set (``dat.*@stl10``), each in the profile's order, and
    ``over`` last.
    """
    work = profile.workloads.get(recipe.workload, NOTHING)
    for special in (*profile.special(name, dataset or recipe.dataset), over):
        given = {key: value for key, value in special.model_dump().items() if value is not None}
        if "steps" in given or "epochs" in given:
            work = work.model_copy(update={"steps": None, "epochs": None})
        work = work.model_copy(update=given)
    return work


def seeds_for(profile: Profile, work: Work, recipe: Recipe, searched: int | None = None) -> range:
    """Return the seeds: as many as the profile's entry says, else as the paper has, within its bounds.

    ``searched`` are those that a search asks for in the place of the paper's; no minimum holds for it.
    """
    count = searched or max(recipe.seeds, profile.min_seeds)
    return range(work.seeds or min(count, profile.max_seeds or count))


def run_spec(
    profile: Profile,
    name: str,
    recipe: Recipe,
    seed: int,
    *,
    dataset: str | None = None,
    options: Options | None = None,
    parent: RunSpec | None = None,
    over: Work = NOTHING,
) -> RunSpec:
    """Bind a recipe to one seed under a profile.

    What a profile says of a whole workload, or of a batch size, shortens a run and never lengthens it: the
    sheet's schedule is the most, in epochs or in images seen.

    Args:
        profile: how much work the run is given.
        name: the recipe's qualified name, ``paper.recipe``.
        recipe: the recipe.
        seed: the run's seed.
        dataset: replaces the recipe's data set (a column's choice).
        options: merged over the recipe's options (a row's or column's choice).
        parent: the run that this one starts from.
        over: what counts over the profile's entries.

    Raises:
        ReproError: the data set has not the split that the method trains on, a batch does not divide among
            the processes, data without end are given epochs, or the profile's entry for the recipe asks for
            more than the sheet's schedule.
    """
    data = dataset or recipe.dataset
    work = work_for(profile, name, recipe, data, over)
    info = dataset_info(data)
    chosen = {**recipe.options, **(options or {})}
    split = train_split(recipe.method, chosen)
    if not info.drawn and split not in info.splits:
        raise ReproError(
            f"recipe {name} trains on {split}, which {info.title} does not have",
            remedy=f"give the sheet's recipe or row the option train_split: {' or '.join(info.splits)}",
        )
    if info.drawn and (recipe.budget.steps is None or work.epochs is not None):
        raise ReproError(
            f"recipe {name} trains on {info.title}, drawn without end, which has no epochs",
            remedy="give its length in steps, in the sheet and in the profile",
        )
    full = info.splits.get(split, 0)
    batch_size = work.batch_size or recipe.budget.batch_size
    images = min(full, profile.limits.train or full)
    budget = sheet = recipe.budget.model_copy(update={"batch_size": batch_size})
    if work.epochs is not None:
        budget = budget.model_copy(update={"epochs": work.epochs, "steps": None})
    steps = work.steps or budget.resolve(images)
    images_seen = recipe.budget.resolve(full) * recipe.budget.batch_size
    most = sheet.resolve(full) if sheet.epochs else -(-images_seen // batch_size)
    if steps > most:
        entries = (*profile.special(name, data), over)
        if any(entry.steps or entry.epochs for entry in entries):  # a workload speaks of many recipes
            raise ReproError(
                f"profile {profile.name} gives recipe {name} {steps:,} steps, more than its sheet's {most:,}",
                remedy=f"give it at most {most} steps in config/profiles/{profile.name}.yaml, under recipes "
                "or searches, or lengthen the sheet's budget",
            )
        steps = most
    check_divides(batch_size, work.processes or 1)
    width = 1.0 if work.width is None else work.width
    snapshots = recipe.snapshots if work.snapshots is None else work.snapshots
    stand_ins: list[StandIn] = list(parent.stand_ins) if parent else []
    if info.source(profile.data) == "synthetic":
        stand_ins.append("synthetic_data")
    elif images < full:
        stand_ins.append("sample_data")
    if steps * batch_size < images_seen or snapshots < recipe.snapshots:
        stand_ins.append("reduced_budget")
    if batch_size != recipe.budget.batch_size:
        stand_ins.append("changed_batch_size")
    if width != 1.0:
        stand_ins.append("reduced_width")
    return RunSpec(
        recipe=name,
        method=recipe.method,
        dataset=data,
        source=info.source(profile.data),
        train_limit=None if images == full else images,
        seed=seed,
        steps=steps,
        batch_size=batch_size,
        width=width,
        precision=work.precision or profile.precision,
        options=chosen,
        parent=parent.run_id if parent else None,
        snapshots=snapshots,
        stand_ins=stand_ins_in_order(stand_ins),
    )
