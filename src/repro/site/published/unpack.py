"""A publication as a results folder again, so that `repro merge` can join more seeds to it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import atomic_write_json, sha256_file
from repro.core.jsonl import StepLog
from repro.core.paths import Layout
from repro.core.scratch import scratch_folder
from repro.jobs.publication import RUNS
from repro.site.manifest import read_manifest
from repro.site.stored import read_stored

_REMEDY = "restore the publication from git"


@contextmanager
def unpacked(sources: Sequence[Path], profile: str) -> Iterator[list[Path]]:
    """Yield ``sources`` with a results folder in the place of each publication, as long as the block lasts.

    It holds what the publication does: records and logs of runs, each marked as one without weights, and
    results of evaluations without their pictures.

    Args:
        sources: results folders, and folders that `repro publish` wrote.
        profile: the profile that shall be joined.

    Raises:
        ReproError: a publication is of another profile, or a packed file of it is not as it was written.
    """
    with scratch_folder(Path(tempfile.gettempdir()), "repro-merge-", private=True) as aside:
        folders: list[Path] = []
        made: dict[str, str] = {}
        for number, source in enumerate(sources):
            if not (source / RUNS).is_file():
                folders.append(source)
                continue
            folder = aside / str(number) / source.absolute().name
            _unpack(source, Layout(folder, profile))
            folders.append(folder)
            made[str(Layout(folder, profile).root)] = str(source)
        try:
            yield folders
        except ReproError as error:  # its folders will be gone when it is read
            texts = [error.message, str(error.where or ""), error.remedy or ""]
            for there, source_name in made.items():
                texts = [text.replace(there, source_name) for text in texts]
            message, where, remedy = texts
            raise ReproError(message, where=where or None, line=error.line, remedy=remedy) from error


def _unpack(source: Path, layout: Layout) -> None:
    manifest = read_manifest(source, remedy=_REMEDY)
    if manifest is None or manifest.profile != layout.profile:
        of = "no publication's" if manifest is None else f"of profile {manifest.profile}"
        raise ReproError(
            f"these results are {of}, not of {layout.profile}",
            remedy="name the --profile that they are of, or a folder of that profile",
            where=source,
        )
    for name in (RUNS, "evaluations.jsonl", "logs.jsonl.gz"):
        if not (source / name).is_file() or sha256_file(source / name) != manifest.files.get(name):
            raise ReproError(f"{name} is not as it was published", remedy=_REMEDY, where=source)
    stored = read_stored(Layout(source.parent, source.name))
    for run_id, record in stored.records.items():
        if "certificate" not in record:
            raise ReproError(
                f"run {run_id} was published by an older version, whose records have no hash of their logs",
                remedy=f"train it anew: snakemake --cores all figures/ --config profile={layout.profile}",
                where=source / RUNS,
            )
        layout.run(run_id).mkdir(parents=True)
        with StepLog(layout.log(run_id)) as log:
            for line in stored.logs[run_id]:
                log.write(dict(line))
        atomic_write_json(layout.published(run_id), source.absolute().name)
        atomic_write_json(layout.record(run_id), record)
    for evaluation_id, result in stored.results.items():
        path = layout.evaluation(evaluation_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_json(path, {name: value for name, value in result.items() if name != "evaluation_id"})
