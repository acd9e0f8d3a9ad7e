"""Makes all that rests on evaluations and logs once more, in a folder aside, by the DAG's own steps."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from repro.compose.artefact import draw_artefact
from repro.compose.join import join_cells
from repro.compose.paper_files import all_audited, all_claims, all_reported, whole_ledger
from repro.core.errors import ReproError
from repro.core.files import sha256_file
from repro.core.paths import Layout
from repro.cost.measure import write_cost
from repro.jobs.architectures import write_architectures
from repro.plan.batches import Batches
from repro.plan.config import Config, load_config
from repro.plan.plan import Plan, build_plan
from repro.search import results as search_results
from repro.site.html import write_report
from repro.site.material import PaperName, Papers
from repro.site.publish import TABLES
from repro.verify.findings import Findings

ARCHITECTURES = "architectures"  # which diagrams and tables of layers are made from
BELOW = ("runs", "evaluations", "batches")  # checked before; what is made aside is made from them


@dataclass(frozen=True)
class Stage:
    """One step of the DAG above the evaluations.

    Attributes:
        name: for people.
        make: makes the files in the layout that it is given.
        patterns: the files that it makes, below the profile's folder.
        what: ends the sentence "this is not what ...".
        remedy: the command that makes them again.
        needed: whether what comes later cannot be made without it.
        artefact: whether it draws a table or figure.
    """

    name: str
    make: Callable[[Layout], object]
    patterns: tuple[str, ...]
    what: str
    remedy: str
    needed: bool = True
    artefact: bool = False

    def files(self, layout: Layout) -> list[Path]:
        """Return those of its files that a profile's folder holds, sorted."""
        found = {path for pattern in self.patterns for path in layout.root.glob(pattern)}
        return sorted(path for path in found if path.is_file())


@dataclass(frozen=True)
class Remade:
    """Hashes of what a stage made, by path below the profile's folder, and files on disk beside them."""

    files: dict[str, str]
    besides: list[Path]


def papers_of(config: Config) -> Papers:
    """Return what the report shows of the papers' folders; errors as in `check_paper_files`."""
    return Papers(
        named={paper: PaperName(sheet.name, sheet.title) for paper, sheet in config.sheets.items()},
        ledger=tuple(whole_ledger(config)),
        claims=tuple(all_claims(config)),
        audited=tuple(all_audited(config)),
        rules=config.settings.claims,
        planned=partial(_planned_by, config),
        reported=all_reported(config),
    )


def _planned_by(config: Config, profile: str) -> frozenset[str]:
    """Return the ids of all that a profile plans today: artefacts, runs, evaluations; none if it is gone."""
    try:
        plan = build_plan(load_config(config.folder, profile))
    except ReproError:
        return frozenset()
    return frozenset({*plan.cells, *plan.runs, *plan.evaluations})


def stages(plan: Plan, batches: Batches, layout: Layout) -> list[Stage]:
    """Return the stages of a plan in the order in which they are made."""
    option = f"--profile {layout.profile} --results {shlex.quote(str(layout.results))}"
    measured = "the evaluations on disk give"
    into = f"run: repro architectures --into {shlex.quote(str(layout.root / 'architectures.json'))}"
    return [
        Stage(ARCHITECTURES, lambda aside: write_architectures(aside.root / "architectures.json"),
              ("architectures.json",), "the networks are", into, needed=False),
        *(
            Stage(name, partial(draw_artefact, plan, batches, artefact_id=name),
                  (f"cells/{name}.csv", f"cells/{name}.json", f"artefacts/{name}.*"), measured,
                  f"run: repro draw {name} {option}", artefact=True)
            for name in plan.cells
        ),
        *(
            Stage(f"search {name}", partial(search_results.draw, plan, batches, search_id=name),
                  (f"searches/{name}.*",), measured, f"run: repro search draw {name} {option}", needed=False)
            for name in plan.searches
        ),
        Stage("search summary", partial(search_results.summarise, plan, batches), ("searches/summary.*",),
              measured, f"run: repro search summary {option}", needed=False),
        Stage("cost", lambda aside: write_cost(plan, aside, aside.root), ("cost.*",), "the logs on disk give",
              f"run: repro cost {option} --into {shlex.quote(str(layout.root))}", needed=False),
        Stage("cells.csv", partial(join_cells, plan), TABLES, measured, f"run: repro cells {option}"),
        Stage("report", lambda aside: write_report(aside, papers_of(plan.config)),
              ("report/**/*",), "the results on disk give", f"run: repro report {option}"),
    ]  # fmt: skip


def remake(
    wanted: Sequence[Stage], layout: Layout, folder: Path, found: Findings
) -> Iterator[tuple[Stage, Remade]]:
    """Make each stage in ``folder`` and yield what came out; stop where one cannot be made.

    Args:
        wanted: the stages, in order.
        layout: where runs and evaluations lie.
        folder: an empty folder.
        found: takes the reason why a stage cannot be made.
    """
    aside = Layout(folder, layout.profile)
    aside.root.mkdir()
    for name in BELOW:
        (aside.root / name).symlink_to((layout.root / name).resolve())
    failed = False
    for stage in wanted:
        if failed and not stage.artefact:
            return
        try:
            stage.make(aside)
        except ReproError as error:
            where = error.where and str(error.where).replace(str(aside.root), str(layout.root))
            found.problems.append(
                ReproError(
                    f"{stage.name} cannot be made again: {error.message}",
                    where=where or layout.root,
                    line=error.line,
                    remedy=error.remedy,
                )
            )
            failed = failed or stage.needed
            continue
        made = {path.relative_to(aside.root).as_posix(): sha256_file(path) for path in stage.files(aside)}
        besides = [p for p in stage.files(layout) if p.relative_to(layout.root).as_posix() not in made]
        yield stage, Remade(made, besides)
