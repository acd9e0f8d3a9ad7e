"""Where the outputs of one profile lie on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The folders of one profile below ``results/``.

    Args:
        results: the results folder of the checkout.
        profile: the profile's name.
    """

    results: Path
    profile: str

    @property
    def root(self) -> Path:
        """Everything that this profile writes."""
        return self.results / self.profile

    def run(self, run_id: str) -> Path:
        """Folder of one run."""
        return self.root / "runs" / run_id

    def checkpoint(self, run_id: str) -> Path:
        """Newest checkpoint of one run."""
        return self.run(run_id) / "checkpoint.safetensors"

    def snapshot(self, run_id: str, step: int) -> Path:
        """Generator snapshot of one run at one step."""
        return self.run(run_id) / "snapshots" / f"step-{step:08d}.safetensors"

    def record(self, run_id: str) -> Path:
        """Provenance of one finished run."""
        return self.run(run_id) / "run.json"

    def published(self, run_id: str) -> Path:
        """Name of the publication that a run was taken over from, without its weights."""
        return self.run(run_id) / "published.json"

    def set_aside(self, run_id: str, mark: str) -> Path:
        """Where a finished run goes that another replaces; ``mark`` tells several of them apart."""
        return self.root / "set-aside" / f"{run_id}-{mark}"

    def data(self, name: str) -> Path:
        """Which images of a real data set runs and evaluations read, as the data root held them."""
        return self.root / "data" / f"{name}.json"

    def data_state(self, name: str) -> Path:
        """By which it is seen, without opening a file, that the data root may hold others now."""
        return self.root / "data" / f"{name}.state"

    def log(self, run_id: str) -> Path:
        """Metrics of one run over its steps, one JSON object a line."""
        return self.run(run_id) / "metrics.jsonl"

    def evaluation(self, evaluation_id: str) -> Path:
        """Result of one evaluation; pictures that it made lie beside it in a folder of the same name."""
        return self.root / "evaluations" / f"{evaluation_id}.json"

    @property
    def locks(self) -> Path:
        """Locks of the batches and evaluations that processes work on."""
        return self.root / "locks"

    def batch(self, stage: str, batch_id: str) -> Path:
        """Manifest of one batch of runs (stage ``train``) or evaluations (stage ``evaluate``)."""
        return self.root / "batches" / stage / f"{batch_id}.json"

    def benchmark(self, stage: str, batch_id: str) -> Path:
        """What Snakemake notes of the job that finished a batch: seconds, memory."""
        return self.root / "benchmarks" / stage / f"{batch_id}.tsv"

    @property
    def cells(self) -> Path:
        """The one source of every table, plot, report page and check."""
        return self.root / "cells.csv"

    def entry(self, artefact_id: str) -> Path:
        """Description of one artefact (``paper/name``); its cells lie beside it, ending in ``.csv``."""
        return self.root / "cells" / f"{artefact_id}.json"

    def search(self, paper: str, name: str) -> Path:
        """Stem of the files of one search's table (add ``.csv``, ``.md``, ``.png`` or ``.pdf``)."""
        return self.root / "searches" / paper / name

    @property
    def search_summary(self) -> Path:
        """Stem of the files that say what all searches found."""
        return self.root / "searches" / "summary"

    def artefact(self, paper: str, name: str) -> Path:
        """Stem of one artefact's files (add ``.csv``, ``.md``, ``.tex``, ``.png`` or ``.pdf``)."""
        return self.root / "artefacts" / paper / name
