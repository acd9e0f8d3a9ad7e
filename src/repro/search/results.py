"""What a search found: its table, its winner, and the file that recipes take winners from."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import atomic_write_text
from repro.core.paths import Layout
from repro.core.spec import OptionValue, stand_ins_in_order
from repro.evaluate.result import Result
from repro.jobs.measured import Measured
from repro.plan.batches import Batches
from repro.plan.config import SEARCHED, read_searched
from repro.plan.plan import Plan
from repro.plan.searches import PlannedSearch, adopted_key, value_in_use
from repro.plan.sheet import Search
from repro.search.gain import Gain
from repro.search.summary import draw_summary
from repro.search.table import Outcome, draw_search


def found(plan: Plan, measured: Measured, planned: PlannedSearch) -> list[Outcome]:
    """Return one row for each value and data set; of equal winners the one that is declared first.

    A value with a run that diverged has no mean. Where all of them have none, nothing wins.

    Raises:
        ReproError: an evaluation is missing or not what the DAG made.
    """
    rows: list[Outcome] = []
    for dataset in dict.fromkeys(candidate.dataset for candidate in planned.candidates):
        own = [candidate for candidate in planned.candidates if candidate.dataset == dataset]
        numbers: list[list[float]] = []
        for candidate in own:
            results = [measured.result(each.evaluation_id) for each in candidate.evaluations]
            whole = all(result.diverged is None for result in results)
            numbers.append([result.values[planned.search.value] for result in results] if whole else [])
        means = [statistics.fmean(values) if values else None for values in numbers]
        scores = {index: mean for index, mean in enumerate(means) if mean is not None}
        best = max(scores, key=lambda index: scores[index]) if scores else None
        in_use = value_in_use(plan.config, planned, dataset)
        for index, candidate in enumerate(own):
            results = [measured.result(each.evaluation_id) for each in candidate.evaluations]
            rows.append(
                Outcome(
                    dataset=dataset,
                    value=candidate.value,
                    mean=means[index],
                    std=statistics.stdev(numbers[index]) if len(numbers[index]) > 1 else None,
                    seeds=len(numbers[index]),
                    winner=index == best,
                    in_use=candidate.value == in_use,
                    stand_ins=stand_ins_in_order(name for result in results for name in result.stand_ins),
                    runs=tuple(run.run_id for run in candidate.runs),
                    images=_images(results, planned.search),
                )
            )
    return rows


def _images(results: Sequence[Result], search: Search) -> int | None:
    """Return the number of images that an accuracy is a share of."""
    read = [each.images for result in results for each in result.data]
    return min(read) if read and search.value == "accuracy" else None


def summarise(plan: Plan, batches: Batches, layout: Layout) -> list[Path]:
    """Write what all searches found as csv, md, png and pdf.

    Raises:
        ReproError: a search is not finished, or the profile has none.
    """
    if not plan.searches:
        raise ReproError(
            f"profile {plan.config.profile.name} has no searches",
            remedy="give it `searches:`, the work of each of their runs, or choose another profile",
        )
    measured = Measured(layout, batches)
    rows: list[Gain] = []
    for planned in plan.searches.values():
        own = found(plan, measured, planned)
        search = planned.search
        for dataset in dict.fromkeys(row.dataset for row in own):
            here = [row for row in own if row.dataset == dataset]
            rows.append(
                Gain(
                    search=planned.id,
                    recipe=search.recipe,
                    option=search.option,
                    dataset=dataset,
                    in_use=next((row for row in here if row.in_use), None),
                    winner=next((row for row in here if row.winner), None),
                )
            )
    return draw_summary(rows, layout.search_summary, profile=layout.profile)


def draw(plan: Plan, batches: Batches, layout: Layout, search_id: str) -> list[Path]:
    """Write the table of one search as csv, md, png and pdf; the id is ``paper/name``."""
    planned = plan.find_search(search_id)
    rows = found(plan, Measured(layout, batches), planned)
    search = planned.search
    stem = layout.search(planned.paper, planned.name)
    heading = f"{planned.id}: {search.option} of {search.recipe}"
    return draw_search(
        rows, stem, heading=heading, option=search.option, score=search.value, profile=layout.profile
    )


def adopt(plan: Plan, batches: Batches, layout: Layout) -> dict[str, OptionValue]:
    """Write the winners of all finished searches to ``config/searched.yaml``, under the profile's name.

    Searches that are not finished keep what the file says.

    Returns:
        The winners, by ``paper/search@dataset``.

    Raises:
        ReproError: no search is finished, or none that is planned may be adopted; the file is left as it is.
    """
    path = plan.config.folder / SEARCHED
    everything, _ = read_searched(path)
    winners: dict[str, OptionValue] = {}
    finished = False
    measured = Measured(layout, batches)
    adoptable = [planned for planned in plan.searches.values() if planned.search.adoptable]
    if not adoptable:
        raise ReproError(
            f"profile {layout.profile} searches nothing that recipes may adopt",
            where=plan.config.folder / "profiles" / f"{layout.profile}.yaml",
            remedy="name another profile, or let this one search something else (searched)",
        )
    for planned in adoptable:
        manifests = {
            layout.batch("evaluate", batches.evaluate_of[each.evaluation_id])
            for candidate in planned.candidates
            for each in candidate.evaluations
        }
        if all(manifest.is_file() for manifest in manifests):
            finished = True
            for row in found(plan, measured, planned):
                if row.winner:
                    winners[adopted_key(planned.id, row.dataset)] = row.value
    if not finished:
        raise ReproError(
            f"no search of profile {layout.profile} is finished, so there is nothing to adopt",
            where=layout.root / "searches",
            remedy=f"search first: snakemake --cores all search --config profile={layout.profile}",
        )
    if not winners:  # all of their runs diverged
        return {}
    everything[layout.profile] = {**everything.get(layout.profile, {}), **winners}
    lines = ["# Winners of the searches on validation images, by profile; written by `repro search adopt`.\n"]
    for profile, values in everything.items():
        lines.append(f"{profile}:\n" if values else f"{profile}: {{}}\n")
        # a number, word or truth value of JSON is one of YAML
        lines += [f"  {key}: {json.dumps(value)}\n" for key, value in values.items()]
    atomic_write_text(path, "".join(lines))
    return winners
