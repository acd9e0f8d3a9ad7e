"""Results as measurements leave them, for tests of what is made of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from repro.compose.artefact import compose_artefact
from repro.core.manifest import write_manifest
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec
from repro.data.facts import SplitFacts
from repro.evaluate.result import Result, write_result
from repro.jobs.measured import Measured
from repro.judge.artefacts import Artefact
from repro.judge.cells import Cell
from repro.plan.batches import Batches, make_batches
from repro.plan.plan import Plan


def small_result(spec: EvaluationSpec, **fields: Any) -> Result:
    """Return a result of ``spec`` without values; ``fields`` are its own, as of ``Result``."""
    usual = {
        "values": {}, "stand_ins": spec.stand_ins, "seconds": 1.0, "device": "cpu", "provenance": {},
        "checkpoint_sha256": None, "extractor_sha256": None, "threat_model": None, "pictures": (),
        "pictures_sha256": (),
    }  # fmt: skip
    return Result(spec=spec, **{**usual, **fields})


def facts(images: int, split: str) -> tuple[SplitFacts, ...]:
    """Return what a result says of that many synthetic images that it read."""
    return (
        SplitFacts(
            name="cifar10", split=split, source="synthetic", images=images, fingerprint="f", complete=False
        ),
    )


def leave_results(layout: Layout, batches: Batches, results: Iterable[Result]) -> None:
    """Write results, and the manifest of each batch all of whose results are there then."""
    for result in results:
        write_result(layout.evaluation(result.spec.evaluation_id), result)
    for name, batch in batches.evaluate.items():
        if all(layout.evaluation(member).is_file() for member in batch.members):
            write_manifest(layout.batch("evaluate", name), layout, "evaluate", batch.members)


def composed(
    opened: Plan, layout: Layout, results: Iterable[Result]
) -> tuple[Artefact, list[Cell], dict[Path, str]]:
    """Leave results and compose the small table of them; return what `compose_artefact` does."""
    batches = make_batches(opened)
    leave_results(layout, batches, results)
    return compose_artefact(opened, Measured(layout, batches), layout, "gat/table1")
